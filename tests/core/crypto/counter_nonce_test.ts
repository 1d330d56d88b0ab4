import assert from "node:assert/strict";
import fc from "fast-check";
import { counterFits, writeCounterNonce } from "../../../core/crypto/counter_nonce.ts";

function nonceOf(counter: number): string {
  const nonce = new Uint8Array(12);
  writeCounterNonce(new DataView(nonce.buffer), counter);
  return nonce.toHex();
}

Deno.test("writeCounterNonce: four zero bytes, then the counter little-endian", () => {
  assert.equal(nonceOf(0), "000000000000000000000000");
  assert.equal(nonceOf(1), "000000000100000000000000");
  assert.equal(nonceOf(0xffffffff), "00000000ffffffff00000000");
  assert.equal(nonceOf(0x1_0000_0000), "000000000000000001000000");
  assert.equal(nonceOf(Number.MAX_SAFE_INTEGER), "00000000ffffffffffff1f00");
});

Deno.test("writeCounterNonce: any counter, as 64-bit little-endian", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (counter) => {
    const nonce = Uint8Array.fromHex(nonceOf(counter));
    assert.equal(new DataView(nonce.buffer).getBigUint64(4, true), BigInt(counter));
  }));
});

Deno.test("counterFits: integers from 0 to 2^53-1", () => {
  for (const counter of [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) assert(counterFits(counter));
  for (const counter of [-1, 0.5, NaN, Infinity, 2 ** 53]) assert(!counterFits(counter), `${counter}`);
});
