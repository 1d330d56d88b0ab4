/**
 * A program for tests: sends Joins of made-up nodes to a leader, all at once, and prints the answers as JSON.
 *
 *     deno run -A tests/e2e/join_many.ts HOST:PORT FILE
 *
 * FILE holds a JSON array of `{ id, publicKey, … }`, fields of `v1.JoinRequest`.
 *
 * @module
 */
import { fromJson, toJson } from "@bufbuild/protobuf";
import { connect } from "../../core/rpc/client.ts";
import { JoinRequestSchema, JoinResponseSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import { Node } from "../../proto/gen/v1/node_pb.ts";

const [address = "", file = ""] = Deno.args;
await using client = connect({ address }, { kind: "insecure" });
const requests = JSON.parse(await Deno.readTextFile(file)) as unknown[];
const answers = await Promise.all(requests.map(async (request) => {
  const message = fromJson(JoinRequestSchema, JSON.parse(JSON.stringify(request)));
  const answer = await client.unary(Node.method.join, message, { deadlineMs: 30_000 });
  return toJson(JoinResponseSchema, answer.message);
}));
console.log(JSON.stringify(answers));
