/**
 * `weft nodes`: every node of the mesh.
 *
 * @module
 */
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import { nodesJson, nodesLines } from "./nodes_view.ts";
import type { Output } from "./output.ts";
import { askNode, CALL_TIMEOUT_MS, type TargetHost, type TargetOptions } from "./target.ts";

/** Prints the nodes as the asked node's replica knows them. */
export async function runNodes(options: TargetOptions, host: TargetHost, output: Output): Promise<void> {
  const { message } = await askNode(
    options,
    host,
    (client) => client.unary(Control.method.listNodes, {}, { deadlineMs: CALL_TIMEOUT_MS }),
  );
  if (options.json) output.json(nodesJson(message.nodes));
  else output.lines(nodesLines(message.nodes, output.layout));
}
