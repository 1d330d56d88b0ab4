/**
 * A log as a member leaves it that wrote for long.
 *
 * @module
 */
import { openDisk } from "../../core/io/disk_deno.ts";
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import { openFileLogStore } from "../../core/io/wal_log_store.ts";
import type { Entry } from "../../core/seams/log_store.ts";
import { StateMachine } from "../../core/state/apply.ts";
import { MemoryLog } from "../twins/memory_log.ts";
import { CONF_STATE, IDENTITY } from "./lone_member.ts";
import { tableEntry, writeEntry } from "./workload.ts";

const WRITERS_COUNT = 1_000;
const ENTRIES_PER_APPEND = 500;

/**
 * Writes `entriesCount` entries into a new log in `directory`, with a snapshot after each `entriesPerSnapshot` of them.
 */
export async function writeLongLog(directory: string, entriesCount: number, entriesPerSnapshot: number): Promise<void> {
  const options = { identity: IDENTITY, owner: "a test", log: new MemoryLog() };
  await using store = await openFileLogStore(directory, openDisk(), options);
  using machine = StateMachine.open(await loadSqlEngine());
  machine.advanceTo(1, 1);
  const snapshot = () => {
    const index = machine.appliedIndex;
    return { meta: { index, term: 1, confState: CONF_STATE }, data: machine.snapshot() };
  };
  await store.installSnapshot(snapshot(), { term: 1, vote: 1, commit: 1 });
  const sequences = new Map<number, number>();
  let sinceSnapshot = 0;
  for (let index = 2; index < entriesCount + 2;) {
    const entries: Entry[] = [];
    while (entries.length < ENTRIES_PER_APPEND && index < entriesCount + 2) {
      const writer = index % WRITERS_COUNT;
      const sequence = (sequences.get(writer) ?? 0) + 1;
      const data = index === 2 ? tableEntry() : writeEntry(writer, sequence, 256);
      if (index > 2) sequences.set(writer, sequence);
      entries.push({ term: 1, index: index++, type: "normal", data });
    }
    await store.append({ term: 1, vote: 1, commit: index - 1 }, entries, true);
    if (entriesPerSnapshot === Infinity) continue;
    machine.applyBatch(entries);
    sinceSnapshot += entries.length;
    if (sinceSnapshot < entriesPerSnapshot) continue;
    sinceSnapshot = 0;
    await store.saveSnapshot(snapshot(), 0);
  }
}
