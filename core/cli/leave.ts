/**
 * `weft leave`: this node leaves its mesh, forgets it and stops.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import { Control, LeaveMeshRequestSchema } from "../../proto/gen/weft/v1/control_pb.ts";
import type { Output } from "./output.ts";
import { connectTarget, type TargetOptions } from "./target.ts";

/** Leaving waits for the membership change, so it may take longer than other calls; milliseconds. */
export const LEAVE_TIMEOUT_MS = 30_000;

/** Asks the running node to leave; returns when the mesh no longer counts on it. */
export async function runLeave(options: TargetOptions, output: Output): Promise<void> {
  await using client = await connectTarget(options);
  await client.unary(Control.method.leave, create(LeaveMeshRequestSchema), { deadlineMs: LEAVE_TIMEOUT_MS });
  if (options.json) output.json({ left: true });
  else output.lines(["left the mesh; the node is stopping"]);
}
