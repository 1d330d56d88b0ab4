/**
 * The log of a member that keeps nothing.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { openMemoryLogStore } from "../../../core/io/wal_memory.ts";
import { entries, snapshotAt } from "../../conformance/log_store.ts";

Deno.test("openMemoryLogStore: accepts everything and keeps nothing", async () => {
  await using store = openMemoryLogStore();
  await store.append({ term: 1, vote: 1, commit: 1 }, entries(1, 1, 3), true);
  await store.saveSnapshot(snapshotAt(1, 1), 0);
  await store.installSnapshot(snapshotAt(2, 1), { term: 1, vote: 1, commit: 2 });
  assert.deepEqual(store.stored.entries, []);
  assert.deepEqual(openMemoryLogStore().stored.hardState, { term: 0, vote: 0, commit: 0 });
});
