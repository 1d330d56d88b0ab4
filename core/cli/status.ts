/**
 * `weft status [NODE_ID]`: this node, or another one of its mesh.
 *
 * @module
 */
import { Control, type NodeStatus } from "../../proto/gen/weft/v1/control_pb.ts";
import type { Output } from "./output.ts";
import { statusJson, statusLines } from "./status_view.ts";
import { askNode, CALL_TIMEOUT_MS, type TargetHost, type TargetOptions } from "./target.ts";

/**
 * Prints the status of `nodeId`, or of the node that is asked when it is empty.
 *
 * @param wallMs Now, for handshake ages.
 */
export async function runStatus(
  nodeId: string,
  options: TargetOptions,
  host: TargetHost,
  output: Output,
  wallMs: number,
): Promise<void> {
  const status = await askStatus(nodeId, options, host);
  if (options.json) output.json(statusJson(status));
  else output.lines(statusLines(status, wallMs, output.layout));
}

/** The status of `nodeId`, or of the node that is asked when it is empty. */
export async function askStatus(nodeId: string, options: TargetOptions, host: TargetHost): Promise<NodeStatus> {
  const { message } = await askNode(
    options,
    host,
    (client) => client.unary(Control.method.getNodeStatus, { id: nodeId }, { deadlineMs: CALL_TIMEOUT_MS }),
  );
  return message;
}
