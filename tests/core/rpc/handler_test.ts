/**
 * Tests for `core/rpc/handler.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { RpcCall, RpcContext } from "../../../core/plugin/rpc.ts";
import { handlerChainEnd } from "../../../core/rpc/handler.ts";
import { methodPath } from "../../../core/rpc/method_table.ts";
import { GetNodeRequestSchema } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Echo, echoService, streamOf } from "./echo_service.ts";

const CONTEXT: RpcContext = {
  methodPath: "/test.Echo/Any",
  peer: { address: "192.0.2.1:1", transport: "plaintext", identity: undefined },
  metadata: new Map(),
  deadlineWallMs: Infinity,
  signal: new AbortController().signal,
  sendInitialMetadata() {},
  setTrailer() {},
};

type MethodName = keyof typeof Echo.method;

function text(id: string): Uint8Array {
  return toBinary(GetNodeRequestSchema, create(GetNodeRequestSchema, { id }));
}

/** Runs the chain's end and returns the response bytes. */
function run(name: MethodName, ...requests: Uint8Array[]): Promise<Uint8Array[]> {
  const descriptor = Echo.method[name];
  const call: RpcCall = {
    context: CONTEXT,
    kind: descriptor.methodKind,
    authorisation: "public",
    isServed: true,
    requests: streamOf(...requests),
  };
  return Array.fromAsync(handlerChainEnd(descriptor, echoService.methods[name])(call));
}

/** Kind of method, requests, responses. */
const KINDS: readonly (readonly [name: MethodName, requests: string[], responses: string[]])[] = [
  ["one", ["a"], ["a"]],
  ["many", ["abc"], ["a", "b", "c"]],
  ["many", [""], []],
  ["sum", ["a", "b"], ["a+b"]],
  ["sum", [], [""]],
  ["talk", ["a", "b"], ["a", "b"]],
  ["talk", [], []],
];

for (const [name, requests, responses] of KINDS) {
  Deno.test(`handlerChainEnd: ${name}(${requests}) gives [${responses}]`, async () => {
    assert.deepEqual(await run(name, ...requests.map(text)), responses.map(text));
  });
}

for (const name of ["one", "many"] as const) {
  for (const requests of [[], ["a", "b"]]) {
    Deno.test(`handlerChainEnd: ${name} refuses ${requests.length} requests`, async () => {
      await assert.rejects(run(name, ...requests.map(text)), (error) => {
        assert(error instanceof MeshError);
        assert.equal(error.reason, "unimplemented");
        assert(error.message.startsWith(methodPath(Echo.method[name])));
        return true;
      });
    });
  }
}

/** Bytes that are no message: cut, bad tag, bad wire type, a string that is not UTF-8, and a length beyond the end. */
for (const hex of ["0a", "00", "0f", "0a01ff", "0affffffff0f61"]) {
  for (const name of ["one", "talk"] as const) {
    Deno.test(`handlerChainEnd: ${name} refuses the bytes ${hex}`, async () => {
      await assert.rejects(run(name, Uint8Array.fromHex(hex)), (error) => {
        assert(error instanceof MeshError);
        assert.deepEqual([error.reason, error.message], [
          "invalid-argument",
          "Cannot decode the request: not a v1.GetNodeRequest",
        ]);
        return true;
      });
    });
  }
}

Deno.test("handlerChainEnd: fields of a newer version are no error", async () => {
  assert.deepEqual(await run("many", new Uint8Array([...text("a"), 0x78, 0x01])), [text("a")]);
});
