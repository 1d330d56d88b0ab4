import assert from "node:assert/strict";
import { PresharedKey } from "../../../core/keys/preshared_key.ts";

Deno.test("PresharedKey: base64 keeps every bit", () => {
  const bytes = new Uint8Array(32).fill(0xff);
  assert.deepEqual(PresharedKey.fromBase64(bytes.toBase64())?.reveal(), bytes);
  assert.equal(PresharedKey.fromBase64("="), undefined);
});

Deno.test("PresharedKey.generate: takes its bytes from the given randomness", () => {
  const key = PresharedKey.generate({ fill: (target) => void target.fill(0xab), u32: () => 0 });
  assert.deepEqual(key.reveal(), new Uint8Array(32).fill(0xab));
});
