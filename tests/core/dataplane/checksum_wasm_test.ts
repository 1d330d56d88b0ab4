import assert from "node:assert/strict";
import { type ChecksumExports, checksumModule, SUM_BYTES_MAX } from "../../../core/dataplane/checksum_wasm.ts";

function instantiate(): { memory: Uint8Array; functions: ChecksumExports } {
  const pages = SUM_BYTES_MAX / 65_536;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(checksumModule()), { packets: { memory } });
  const functions = {
    sum: exports["sum"] as ChecksumExports["sum"],
    copySum: exports["copySum"] as ChecksumExports["copySum"],
  };
  return { memory: new Uint8Array(memory.buffer), functions };
}

Deno.test("checksumModule: is valid, and small enough to be read", () => {
  const code = checksumModule();
  assert.ok(WebAssembly.validate(code));
  assert.ok(code.length < 1024);
});

Deno.test("checksumModule: words are little-endian, and an odd byte is the low one", () => {
  const { memory, functions } = instantiate();
  memory.set([1, 2, 3]);
  assert.equal(functions.sum(0, 1), 0x0001);
  assert.equal(functions.sum(0, 2), 0x0201);
  assert.equal(functions.sum(0, 3), 0x0201 + 0x0003);
  assert.equal(functions.sum(0, 0), 0);
});

Deno.test("checksumModule: every piece of a length counts its own bytes and no others", () => {
  const { memory, functions } = instantiate();
  for (let length = 0; length <= 200; length++) {
    memory.fill(0);
    memory.fill(1, 1000, 1000 + length);
    memory[999] = memory[1000 + length] = 0xff;
    const expected = Math.ceil(length / 2) + 256 * Math.floor(length / 2);
    assert.equal(functions.sum(1000, length), expected, `${length} bytes`);
    assert.equal(functions.copySum(5000, 1000, length), expected, `${length} bytes copied`);
    assert.equal(memory.indexOf(0, 5000), 5000 + length);
    assert.equal(memory[4999], 0);
  }
});

Deno.test("checksumModule: sums of the longest range stay below 2^20", () => {
  const { memory, functions } = instantiate();
  memory.fill(0xff);
  const sum = functions.sum(0, SUM_BYTES_MAX);
  assert.ok(sum > 0 && sum < 2 ** 20);
  assert.equal(sum % 0xffff, 0);
});
