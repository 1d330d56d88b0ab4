/**
 * A program for tests: sends one Join or Leave exactly as it is told to, and prints how the call ended as JSON.
 *
 *     deno run -A tests/e2e/raw_call.ts join HOST:PORT '{ "id": … }'
 *
 * The request is protobuf JSON of `v1.JoinRequest` or `v1.LeaveRequest`; nothing is checked, and no leader is followed.
 *
 * @module
 */
import { type DescMethodUnary, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { connect } from "../../core/rpc/client.ts";
import { RpcError } from "../../core/rpc/rpc_error.ts";
import { Node } from "../../proto/gen/v1/node_pb.ts";

/** What the program prints. */
export interface CallOutcome {
  /** Name of the gRPC status code. */
  readonly code: string;
  readonly message: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly response?: { readonly addressIpv4?: string; readonly networkIpv6?: string };
}

const DEADLINE_MS = 15_000;

async function call(method: string, address: string, request: string): Promise<CallOutcome> {
  await using client = connect({ address }, { kind: "insecure" });
  const descriptor: DescMethodUnary = method === "leave" ? Node.method.leave : Node.method.join;
  try {
    const message = fromJson(descriptor.input, JSON.parse(request) as JsonValue);
    const answer = await client.unary(descriptor, message, { deadlineMs: DEADLINE_MS });
    const response = toJson(descriptor.output, answer.message) as NonNullable<CallOutcome["response"]>;
    return { code: "OK", message: "", trailers: Object.fromEntries(answer.trailers), response };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return { code: error.codeName, message: error.message, trailers: Object.fromEntries(error.trailers) };
  }
}

if (import.meta.main) {
  const [method = "", address = "", request = "{}"] = Deno.args;
  console.log(JSON.stringify(await call(method, address, request)));
}
