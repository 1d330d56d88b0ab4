/**
 * The data-plane worker with a flaw: it dies in the first turn after it was demanded.
 *
 * @module
 */
import { PacketLoop } from "../../../core/dataplane/packet_loop.ts";
import { isDemanded } from "./crash_on_demand.ts";

const turn = PacketLoop.prototype.turn;

PacketLoop.prototype.turn = function (this: PacketLoop) {
  turn.call(this);
  if (isDemanded()) throw new Error("crashed as told");
};

await import("../../../core/dataplane/worker.ts");
