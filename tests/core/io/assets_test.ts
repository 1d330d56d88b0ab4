import assert from "node:assert/strict";
import { sqliteWasm, workerUrl } from "../../../core/io/assets.ts";

Deno.test("workerUrl: from source names the worker's module", () => {
  assert.equal(workerUrl().href, new URL("../../../core/dataplane/worker.ts", import.meta.url).href);
});

Deno.test("sqliteWasm: is a WebAssembly module of version 1", () => {
  assert.deepEqual([...sqliteWasm().subarray(0, 8)], [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
});
