/**
 * A program for tests: sends one Join exactly as it is told to, and prints how the call ended as JSON.
 *
 *     deno run -A tests/e2e/raw_join.ts HOST:PORT '{ "id": … }'
 *
 * The request is protobuf JSON of `v1.JoinRequest`; nothing is checked, and no leader is followed.
 *
 * @module
 */
import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { connect } from "../../core/rpc/client.ts";
import { RpcError } from "../../core/rpc/rpc_error.ts";
import { JoinRequestSchema, JoinResponseSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import { Node } from "../../proto/gen/v1/node_pb.ts";

/** What the program prints. */
export interface JoinOutcome {
  /** Name of the gRPC status code. */
  readonly code: string;
  readonly message: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly response?: { readonly addressIpv4?: string; readonly networkIpv6?: string };
}

async function join(address: string, request: string): Promise<JoinOutcome> {
  await using client = connect({ address }, { kind: "insecure" });
  try {
    const message = fromJson(JoinRequestSchema, JSON.parse(request) as JsonValue);
    const answer = await client.unary(Node.method.join, message, { deadlineMs: 15_000 });
    const response = toJson(JoinResponseSchema, answer.message) as NonNullable<JoinOutcome["response"]>;
    return { code: "OK", message: "", trailers: Object.fromEntries(answer.trailers), response };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return { code: error.codeName, message: error.message, trailers: Object.fromEntries(error.trailers) };
  }
}

if (import.meta.main) console.log(JSON.stringify(await join(Deno.args[0] ?? "", Deno.args[1] ?? "{}")));
