/**
 * `weft leave`: this node leaves its mesh, forgets it and stops.
 *
 * @module
 */
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import type { Output } from "./output.ts";
import { askNode, type TargetHost, type TargetOptions } from "./target.ts";

/** Leaving waits for the membership change, so it may take longer than other calls; milliseconds. */
export const LEAVE_TIMEOUT_MS = 30_000;

/** Asks the running node to leave; returns when the mesh no longer counts on it. */
export async function runLeave(options: TargetOptions, host: TargetHost, output: Output): Promise<void> {
  await askNode(options, host, (client) => client.unary(Control.method.leave, {}, { deadlineMs: LEAVE_TIMEOUT_MS }));
  if (options.json) output.json({ left: true });
  else output.lines(["Left the mesh. The node stops."]);
}
