/**
 * `weft nodes`: every node of the mesh.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import { Control, ListNodesRequestSchema } from "../../proto/gen/weft/v1/control_pb.ts";
import type { Output } from "./output.ts";
import { nodesJson, nodesLines } from "./status_view.ts";
import { CALL_TIMEOUT_MS, connectTarget, type TargetOptions } from "./target.ts";

/** Prints the nodes as the asked node's replica knows them. */
export async function runNodes(options: TargetOptions, output: Output): Promise<void> {
  await using client = await connectTarget(options);
  const request = create(ListNodesRequestSchema);
  const { message } = await client.unary(Control.method.listNodes, request, { deadlineMs: CALL_TIMEOUT_MS });
  if (options.json) output.json(nodesJson(message.nodes));
  else output.lines(nodesLines(message.nodes, output.style));
}
