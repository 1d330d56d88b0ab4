/**
 * A process that appends until it is killed. Its only argument is the log's directory.
 *
 * Prints `open <last index>` once it has verified what it found, then `<index>` for each acknowledged append.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { openDisk } from "../../../core/io/disk_deno.ts";
import { openFileLogStore } from "../../../core/io/wal_log_store.ts";
import type { Entry } from "../../../core/seams/log_store.ts";
import { snapshotAt } from "../../conformance/log_store.ts";
import { MemoryLog } from "../../twins/memory_log.ts";

function entryAt(index: number): Entry {
  return { term: 1, index, type: "normal", data: new Uint8Array((index * 37) % 2000).fill(index) };
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

const options = { identity: "mesh/node", owner: "a child", log: new MemoryLog(), segmentBytes: 64 * 1024 };
const store = await openFileLogStore(Deno.args[0] ?? "", openDisk(), options);
const { entries, snapshot } = store.stored;
const base = snapshot?.meta.index ?? 0;
entries.forEach((entry, i) => assert.deepEqual(entry, entryAt(base + 1 + i)));
if (snapshot) assert.deepEqual(snapshot, snapshotAt(base, 1));
let last = base + entries.length;
say(`open ${last}`);
while (true) {
  const batch = Array.from({ length: 1 + last % 5 }, (_, i) => entryAt(last + 1 + i));
  last += batch.length;
  await store.append({ term: 1, vote: 1, commit: last }, batch, true);
  say(`${last}`);
  if (last % 10 === 0) await store.saveSnapshot(snapshotAt(last, 1), 5);
}
