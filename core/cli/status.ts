/**
 * `weft status [NODE_ID]`: this node, or another one of its mesh.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import { Control, GetNodeStatusRequestSchema } from "../../proto/gen/weft/v1/control_pb.ts";
import type { Output } from "./output.ts";
import { statusJson, statusLines } from "./status_view.ts";
import { CALL_TIMEOUT_MS, connectTarget, type TargetOptions } from "./target.ts";

/**
 * Prints the status of `nodeId`, or of the node that is asked when it is empty.
 *
 * @param wallMs Now, for handshake ages.
 */
export async function runStatus(nodeId: string, options: TargetOptions, output: Output, wallMs: number): Promise<void> {
  await using client = await connectTarget(options);
  const request = create(GetNodeStatusRequestSchema, { id: nodeId });
  const { message } = await client.unary(Control.method.getNodeStatus, request, { deadlineMs: CALL_TIMEOUT_MS });
  if (options.json) output.json(statusJson(message));
  else output.lines(statusLines(message, wallMs, output.style));
}
