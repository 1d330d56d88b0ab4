/**
 * What writes wait for while a member takes snapshots of a large state on the real disk.
 *
 *   deno run -A tests/bench/snapshot_bench.ts [--json] [--directory=/var/tmp] [--state-mb=50] [--seconds=10] [--writers=16]
 *
 * One member that is a whole mesh, put together as the product does; writers with entries of 256 bytes, each waiting for
 * its answer. "calm" is without snapshots; "snapshots" takes one after the other. The state is read again in the end.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { encodeEntry, executionEntry } from "../../core/state/codec.ts";
import { type LoneMember, openLoneMember } from "../durability/lone_member.ts";
import { sequences, tableEntry, writeEntry } from "../durability/workload.ts";

const BALLAST_ROW_BYTES = 4_000;
const BALLAST_ROWS_PER_ENTRY = 250;
const WRITE_UNITS = 256;
/** No write may wait longer. */
const WRITE_MS_MAX = 250;
/** Snapshots are due again and again, whatever the size of the state. */
const ENTRIES_PER_SNAPSHOT = 4_000;

interface Row {
  readonly what: string;
  readonly writes: number;
  readonly writesPerSecond: number;
  readonly snapshots: number;
  readonly stateBytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

function option(name: string, otherwise: string): string {
  const prefix = `--${name}=`;
  return Deno.args.find((arg) => arg.startsWith(prefix))?.slice(prefix.length) ?? otherwise;
}

/** Fills the state up to `bytes`. */
async function addBallast({ loop }: LoneMember, bytes: number): Promise<void> {
  const table = "CREATE TABLE ballast (entry INTEGER NOT NULL, row INTEGER NOT NULL, content TEXT NOT NULL, " +
    "PRIMARY KEY (entry, row)) STRICT, WITHOUT ROWID";
  await loop.propose(encodeEntry(executionEntry(table, {})));
  const rows = Array.from({ length: BALLAST_ROWS_PER_ENTRY }, (_, row) => `(:entry, ${row}, :content)`).join(", ");
  const content = "x".repeat(BALLAST_ROW_BYTES);
  for (let entry = 0; entry * BALLAST_ROWS_PER_ENTRY * BALLAST_ROW_BYTES < bytes; entry++) {
    await loop.propose(encodeEntry(executionEntry(`INSERT INTO ballast VALUES ${rows}`, { entry, content })));
  }
}

async function measure(directory: string, what: string, entryCount: number): Promise<Row> {
  const policy = { entryCount, logBytes: Infinity, trailingEntryCount: 1_000 };
  let snapshots = 0;
  let stateBytes = 0;
  const log = {
    debug: () => {},
    info: (_: string, fields?: Record<string, unknown>) => {
      snapshots++;
      stateBytes = Number(fields?.["bytes"]);
    },
    warn: console.warn,
    error: console.error,
    child: () => log,
  };
  await using member = await openLoneMember(directory, { snapshotPolicy: policy, log });
  const { loop, machine } = member;
  await loop.propose(tableEntry());
  await addBallast(member, Number(option("state-mb", "50")) * 1e6);
  const timesMs: number[] = [];
  const endMs = performance.now() + Number(option("seconds", "10")) * 1000;
  const startMs = performance.now();
  const counts = await Promise.all(Array.from({ length: Number(option("writers", "16")) }, async (_, writer) => {
    let sequence = 0;
    while (performance.now() < endMs) {
      const data = writeEntry(writer, sequence + 1, WRITE_UNITS);
      const beforeMs = performance.now();
      await loop.propose(data);
      timesMs.push(performance.now() - beforeMs);
      sequence++;
    }
    return [writer, sequence] as const;
  }));
  const seconds = (performance.now() - startMs) / 1000;
  assert.deepEqual(sequences(machine), new Map(counts));
  timesMs.sort((a, b) => a - b);
  const quantileMs = (q: number) => Math.round((timesMs[Math.floor(q * (timesMs.length - 1))] ?? 0) * 100) / 100;
  return {
    what,
    writes: timesMs.length,
    writesPerSecond: Math.round(timesMs.length / seconds),
    snapshots,
    stateBytes,
    p50Ms: quantileMs(0.5),
    p99Ms: quantileMs(0.99),
    maxMs: quantileMs(1),
  };
}

if (import.meta.main) {
  const directory = await Deno.makeTempDir({ dir: option("directory", "/var/tmp"), prefix: "weft-snapshot-bench-" });
  try {
    const rows = [
      await measure(`${directory}/calm`, "calm", Infinity),
      await measure(`${directory}/snapshots`, "snapshots", ENTRIES_PER_SNAPSHOT),
    ];
    if (Deno.args.includes("--json")) console.log(JSON.stringify(rows));
    else console.table(rows);
    const longestMs = Math.max(...rows.map(({ maxMs }) => maxMs));
    if (longestMs > WRITE_MS_MAX) throw new Error(`a write waited for ${longestMs} ms, more than ${WRITE_MS_MAX}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
