/**
 * Tests for `core/io/inflate.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { deflateSync, gzipSync } from "node:zlib";
import { inflated } from "../../../core/io/inflate.ts";

for (const [compression, compress] of [["gzip", gzipSync], ["deflate", deflateSync]] as const) {
  Deno.test(`inflated: ${compression} at the limit is whole, one byte more is too large, garbage malformed`, async () => {
    const message = new Uint8Array(100_000).fill(7);
    const compressed = compress(message);
    const whole = await inflated(compression, compressed, message.length);
    assert(typeof whole !== "string");
    assert.deepEqual(new Uint8Array(whole), message);
    assert.equal(await inflated(compression, compressed, message.length - 1), "too-large");
    assert.equal(await inflated(compression, compressed.subarray(0, -5), message.length), "malformed");
    assert.equal(await inflated(compression, Uint8Array.of(0xff), message.length), "malformed");
    assert.equal(await inflated(compression, new Uint8Array(), message.length), "malformed");
  });
}
