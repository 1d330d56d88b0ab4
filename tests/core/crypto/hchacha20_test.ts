import assert from "node:assert/strict";
import { InvariantError } from "../../../core/assert.ts";
import { hchacha20 } from "../../../core/crypto/hchacha20.ts";
import vectors from "../../vectors/xchacha20_poly1305.json" with { type: "json" };

const { key, input, output } = vectors.hchacha20;

Deno.test("hchacha20: draft-irtf-cfrg-xchacha-03 §2.2.1", () => {
  assert.equal(hchacha20(Uint8Array.fromHex(key), Uint8Array.fromHex(input)).toHex(), output);
});

Deno.test("hchacha20: borrows views that start anywhere", () => {
  const memory = new Uint8Array(51);
  memory.set(Uint8Array.fromHex(key), 1);
  memory.set(Uint8Array.fromHex(input), 34);
  const before = memory.slice();
  assert.equal(hchacha20(memory.subarray(1, 33), memory.subarray(34, 50)).toHex(), output);
  assert.deepEqual(memory, before);
});

Deno.test("hchacha20: other lengths are broken invariants", () => {
  assert.throws(() => hchacha20(new Uint8Array(31), new Uint8Array(16)), InvariantError);
  assert.throws(() => hchacha20(new Uint8Array(32), new Uint8Array(24)), InvariantError);
});
