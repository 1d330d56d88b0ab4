/**
 * Latency of durable appends on the disk under a directory, and how group commit scales with callers.
 *
 * ```sh
 * deno run -A tests/bench/wal_bench.ts [--json] [--directory=/var/tmp] [--appends=4000]
 * ```
 *
 * Entries carry 256 bytes. `raw` writes and syncs sectors without a log: what the disk and the runtime allow.
 *
 * @module
 */
import { openDisk } from "../../core/io/disk_deno.ts";
import { openFileLogStore } from "../../core/io/wal_log_store.ts";
import type { Entry, LogStore } from "../../core/seams/log_store.ts";
import { MemoryLog } from "../twins/memory_log.ts";

const ENTRY_BYTES = 256;
const WARM_UP_COUNT = 200;

/** One line of the table. Times in microseconds. */
interface Row {
  readonly name: string;
  readonly entriesPerAppend: number;
  readonly callers: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly entriesPerSecond: number;
}

function option(name: string, otherwise: string): string {
  const prefix = `--${name}=`;
  return Deno.args.find((arg) => arg.startsWith(prefix))?.slice(prefix.length) ?? otherwise;
}

/** Lets `callers` call `operation` one after the other, `count` times in all, and sums up. */
async function measure(
  name: string,
  entriesPerAppend: number,
  callers: number,
  count: number,
  operation: () => Promise<void>,
): Promise<Row> {
  for (let i = 0; i < WARM_UP_COUNT; i++) await operation();
  const timesMs: number[] = [];
  const startMs = performance.now();
  const caller = async () => {
    for (let i = 0; i < count / callers; i++) {
      const beforeMs = performance.now();
      await operation();
      timesMs.push(performance.now() - beforeMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const totalMs = performance.now() - startMs;
  timesMs.sort((a, b) => a - b);
  const quantileUs = (q: number) => Math.round((timesMs[Math.floor(q * (timesMs.length - 1))] ?? 0) * 1000);
  const entriesPerSecond = Math.round(timesMs.length * entriesPerAppend / totalMs * 1000);
  return {
    name,
    entriesPerAppend,
    callers,
    p50Us: quantileUs(0.5),
    p99Us: quantileUs(0.99),
    maxUs: quantileUs(1),
    entriesPerSecond,
  };
}

async function measureRaw(directory: string, bytes: number, count: number): Promise<Row> {
  const disk = openDisk();
  await using file = await disk.open(`${directory}/raw-${bytes}`, "create");
  const sectors = new Uint8Array(bytes).fill(1);
  const room = (count + WARM_UP_COUNT) * bytes;
  await file.write(new Uint8Array(room), 0);
  await file.sync();
  let position = 0;
  return await measure(`raw ${bytes} B`, 1, 1, count, async () => {
    await file.write(sectors, position);
    await file.sync();
    position += bytes;
  });
}

/** Appends behind all that was appended before, whoever calls. */
function appender(store: LogStore, entriesPerAppend: number): () => Promise<void> {
  let lastIndex = 0;
  const data = new Uint8Array(ENTRY_BYTES).fill(7);
  return () => {
    const entries: Entry[] = Array.from({ length: entriesPerAppend }, () => {
      lastIndex++;
      return { term: 1, index: lastIndex, type: "normal", data };
    });
    return store.append(undefined, entries, true);
  };
}

async function measureStore(directory: string, entriesPerAppend: number, callers: number, count: number): Promise<Row> {
  const path = `${directory}/log-${entriesPerAppend}-${callers}`;
  const options = { identity: "bench", owner: "bench", log: new MemoryLog() };
  await using store = await openFileLogStore(path, openDisk(), options);
  return await measure("log", entriesPerAppend, callers, count, appender(store, entriesPerAppend));
}

function table(rows: readonly Row[]): string {
  const header = ["what", "entries/append", "callers", "p50 us", "p99 us", "max us", "entries/s"];
  const lines = rows.map((row) => Object.values(row).map(String));
  const widths = header.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]?.length ?? 0)));
  return [header, ...lines].map((line) => line.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  ")).join("\n");
}

const directory = await Deno.makeTempDir({ dir: option("directory", "/var/tmp"), prefix: "weft-wal-bench-" });
try {
  const count = Number(option("appends", "4000"));
  const rows = [
    await measureRaw(directory, 512, count),
    await measureStore(directory, 1, 1, count),
    await measureRaw(directory, 19456, count),
    await measureStore(directory, 64, 1, count),
    await measureStore(directory, 1, 16, count * 4),
    await measureStore(directory, 1, 64, count * 8),
    await measureStore(directory, 1, 256, count * 16),
  ];
  console.log(Deno.args.includes("--json") ? JSON.stringify(rows) : table(rows));
} finally {
  await Deno.remove(directory, { recursive: true });
}
