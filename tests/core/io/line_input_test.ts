import { strict as assert } from "node:assert";
import { LINE_UNITS_MAX, linesOf } from "../../../core/io/line_input.ts";

/** A stream that gives these chunks. */
function source(...chunks: readonly Uint8Array[]) {
  const rest = [...chunks];
  return {
    read(into: Uint8Array): Promise<number | null> {
      const chunk = rest.shift();
      if (!chunk) return Promise.resolve(null);
      into.set(chunk.subarray(0, into.length));
      if (chunk.length > into.length) rest.unshift(chunk.subarray(into.length));
      return Promise.resolve(Math.min(chunk.length, into.length));
    },
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("linesOf: lines, wherever the chunks end, also inside a character", async () => {
  const all = bytes("one\r\ntwö\n\nlast");
  const chunks = [...all].map((byte) => Uint8Array.of(byte));
  assert.deepEqual(await Array.fromAsync(linesOf(source(...chunks))), ["one", "twö", "", "last"]);
  assert.deepEqual(await Array.fromAsync(linesOf(source(all))), ["one", "twö", "", "last"]);
  assert.deepEqual(await Array.fromAsync(linesOf(source(bytes("a\n")))), ["a"]);
  assert.deepEqual(await Array.fromAsync(linesOf(source())), []);
});

Deno.test("linesOf: a line beyond the limit ends the input", async () => {
  const longest = bytes("x".repeat(LINE_UNITS_MAX));
  assert.equal((await Array.fromAsync(linesOf(source(longest))))[0]?.length, LINE_UNITS_MAX);
  await assert.rejects(Array.fromAsync(linesOf(source(longest, bytes("x")))), /Cannot read a line/);
});
