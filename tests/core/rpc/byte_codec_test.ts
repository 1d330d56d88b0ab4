/**
 * Tests for `core/rpc/byte_codec.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { asBuffer, asBytes } from "../../../core/rpc/byte_codec.ts";

Deno.test("asBuffer: shows exactly the view's bytes, without a copy", () => {
  const whole = new Uint8Array([1, 2, 3, 4, 5]);
  const buffer = asBuffer(whole.subarray(1, 4));
  assert.deepEqual([...buffer], [2, 3, 4]);
  whole[2] = 9;
  assert.equal(buffer[1], 9);
});

Deno.test("asBytes: gives the bytes as they are", () => {
  assert.deepEqual(new Uint8Array(asBytes(Buffer.from([7, 8]))), new Uint8Array([7, 8]));
});
