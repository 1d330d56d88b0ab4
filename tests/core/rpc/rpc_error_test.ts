/**
 * Tests for `core/rpc/rpc_error.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MeshError } from "../../../core/plugin/errors.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";

Deno.test("RpcError: is a MeshError with the status it came from", () => {
  const trailers = new Map([["a", "b"]]);
  const error = new RpcError("no-leader", "No leader", { code: 14, trailers }, { hint: "Wait." });
  assert(error instanceof MeshError);
  assert.equal(error.codeName, "UNAVAILABLE");
  assert.deepEqual([error.reason, error.message, error.code, error.hint], ["no-leader", "No leader", 14, "Wait."]);
  assert.equal(error.trailers, trailers);
});

Deno.test("RpcError.codeName: names a code that gRPC does not know by its number", () => {
  const error = new RpcError("internal", "?", { code: 99, trailers: new Map() }, {});
  assert.equal(error.codeName, "code 99");
});
