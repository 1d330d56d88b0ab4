/**
 * The twin is a log store, and a crash takes what was not synced.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { LogStoreFailedError } from "../../core/seams/log_store.ts";
import { entries, testLogStore } from "../conformance/log_store.ts";
import { MemoryLogDevice } from "./memory_log_store.ts";

testLogStore("MemoryLogDevice", () => {
  const device = new MemoryLogDevice();
  return Promise.resolve({
    open: () => Promise.resolve(device.open()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

Deno.test("MemoryLogDevice.open: a crash takes what waits for its sync", async () => {
  const device = new MemoryLogDevice();
  const store = device.open();
  await store.append({ term: 1, vote: 1, commit: 0 }, entries(1, 1, 2), true);
  const { promise, resolve } = Promise.withResolvers<void>();
  device.beforeSync = () => promise;
  const waiting = store.append(undefined, entries(1, 3, 3), true);
  assert.deepEqual(device.open().stored.entries, entries(1, 1, 2));
  resolve();
  await waiting;
  assert.deepEqual(device.open().stored.entries, entries(1, 1, 3));
});

Deno.test("MemoryLogDevice: a failed sync ends the store", async () => {
  const device = new MemoryLogDevice();
  const store = device.open();
  device.beforeSync = () => Promise.reject(new Error("no more"));
  await assert.rejects(store.append(undefined, entries(1, 1, 1), true), LogStoreFailedError);
  device.beforeSync = () => Promise.resolve();
  await assert.rejects(store.append(undefined, entries(1, 1, 1), true), LogStoreFailedError);
  assert.deepEqual(device.open().stored.entries, []);
});
