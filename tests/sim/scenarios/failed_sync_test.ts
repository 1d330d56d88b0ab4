/**
 * A sync that fails makes the system call its bytes clean: they can be read, and no later sync writes them (Rebello et al.,
 * ATC 2020). Whoever reads them back must not take them for durable.
 */
import assert from "node:assert/strict";
import { openFileLogStore } from "../../../core/io/wal_log_store.ts";
import { type Entry, type LogStore, LogStoreFailedError } from "../../../core/seams/log_store.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import type { SimDisk } from "../disk.ts";
import { instantDisk } from "../instant_disk.ts";

const HARD_STATE = { term: 1, vote: 1, commit: 0 };

function open(disk: SimDisk): Promise<LogStore> {
  const options = { identity: "mesh/node", owner: "test", log: new MemoryLog(), segmentBytes: 4096 };
  return openFileLogStore("/raft", disk, options);
}

function entry(index: number): Entry {
  return { term: 1, index, type: "normal", data: Uint8Array.of(index) };
}

for (const revertsFailedSync of [false, true]) {
  const reads = revertsFailedSync ? "what is on the disk" : "what is not on the disk";
  Deno.test(`openFileLogStore: a failed sync, after which reads see ${reads}, loses nothing that a new process says`, async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = instantDisk(seed, { revertsFailedSync });
      const first = await open(disk);
      await first.append(HARD_STATE, [entry(1)], true);
      disk.failNext("sync");
      await assert.rejects(first.append(undefined, [entry(2)], true), LogStoreFailedError);
      disk.kill();

      // The next process may find entry 2 or not; once it has opened the log, it must stay with that.
      const second = await open(disk);
      const found = second.stored.entries.length;
      assert.equal(found, revertsFailedSync ? 1 : 2);
      await second.append(undefined, [entry(found + 1)], true);
      disk.powerLoss(0);

      const third = await open(disk);
      assert.equal(third.stored.entries.length, found + 1, `seed ${seed}`);
    }
  });
}
