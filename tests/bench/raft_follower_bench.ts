/**
 * What a follower costs per entry: `deno run -A tests/bench/raft_follower_bench.ts [--entries N] [--directory DIR]`.
 *
 * A leader that is nothing but a link sends one follower, a process of its own on the real disk, appends of so many
 * entries each, so many at a time on the way, with the commit of what was acknowledged, as `raft_bench.ts` would: upserts of
 * 256 bytes. In the end the follower's state must be equal to that of a state machine that was given the same entries.
 *
 * `WEFT_BENCH_FLAGS` are flags of the runtime for the follower, to look into it.
 *
 * @module
 */
import { openCryptoSuite } from "../../core/io/crypto_suite.ts";
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import type { PeerMessage } from "../../core/raft/message.ts";
import type { Entry } from "../../core/seams/log_store.ts";
import { StateMachine } from "../../core/state/apply.ts";
import { encodeEntry, executionEntry } from "../../core/state/codec.ts";
import { eventually } from "../e2e/lab/eventually.ts";
import { LabProcess } from "../e2e/lab/process.ts";
import { FOLLOWER, LEADER, meet, openEnd, TERM } from "./raft/follower_parts.ts";
import { TABLE_SQL, UPSERT_SQL } from "./raft/kv_paths.ts";

const PROGRAM = new URL("./raft/follower_main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const suite = openCryptoSuite();
const KEY_COUNT = 4000;
const VALUE_BYTES = 256;
const TICKS_PER_SECOND = 100;
const DEADLINE_MS = 60_000;
/** Entries per append, appends on the way. */
const SHAPES: readonly (readonly [number, number])[] = [[1, 1], [8, 2], [32, 2], [256, 2]];
/** For so many entries more the smallest appends would take too long. */
const APPENDS_MAX = 4000;
const WARM_UP_ENTRIES = 20_000;

/** What a shape gave. */
interface Figure {
  readonly entriesPerAppend: number;
  readonly onTheWay: number;
  readonly entriesPerSecond: number;
  readonly processorUs: number;
  /** From the append to its acknowledgement. */
  readonly p50Us: number;
  readonly p99Us: number;
}

function upsert(n: number): Uint8Array {
  const key = `key-${n % KEY_COUNT}`;
  const value = `${key} ${n} `.padEnd(VALUE_BYTES, "abcdefghijklmnopqrstuvwxyz0123456789");
  return encodeEntry(executionEntry(UPSERT_SQL, { key, value }));
}

/** Processor time so far, in microseconds (proc(5), `utime` and `stime` of the stat file). */
function processorUs(processId: number): number {
  const fields = Deno.readTextFileSync(`/proc/${processId}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 1e6 / TICKS_PER_SECOND;
}

/** The leader's end. */
class Leader implements AsyncDisposable {
  readonly entries: Entry[] = [];
  readonly #link: Awaited<ReturnType<typeof openEnd>>;
  #acknowledged = 1;
  #onAck: () => void = () => {};

  private constructor(link: Awaited<ReturnType<typeof openEnd>>, take: (onMessage: Leader["receive"]) => void) {
    this.#link = link;
    take((message) => this.receive(message));
  }

  static async open(): Promise<Leader> {
    let receive: Leader["receive"] = () => {};
    const link = await openEnd(suite, LEADER, (message) => receive(message));
    return new Leader(link, (onMessage) => receive = onMessage);
  }

  get port(): number {
    return this.#link.port;
  }

  meet(port: number): void {
    meet(this.#link.links, suite, FOLLOWER, port);
  }

  receive(message: PeerMessage): void {
    if (message.kind !== "append-ack") return;
    this.#acknowledged = Math.max(this.#acknowledged, message.index);
    this.#onAck();
  }

  /** Sends `data`; returns how long each append took, in microseconds. */
  async replicate(data: readonly Uint8Array[], entriesPerAppend: number, onTheWay: number): Promise<number[]> {
    const times: number[] = [];
    const sent: { readonly index: number; readonly atMs: number }[] = [];
    for (let at = 0; at < data.length || sent.length > 0;) {
      while (at < data.length && sent.length < onTheWay) {
        this.#append(data.slice(at, at + entriesPerAppend));
        at += entriesPerAppend;
        sent.push({ index: this.entries.length + 1, atMs: performance.now() });
      }
      await new Promise<void>((resolve) => this.#onAck = resolve);
      for (let first = sent[0]; first && first.index <= this.#acknowledged; first = sent[0]) {
        times.push((performance.now() - first.atMs) * 1000);
        sent.shift();
      }
    }
    return times;
  }

  /** Tells of the last commit. */
  finish(): void {
    this.#append([]);
  }

  #append(data: readonly Uint8Array[]): void {
    const prevIndex = this.entries.length + 1;
    const entries = data.map((bytes, i): Entry => ({
      index: prevIndex + 1 + i,
      term: TERM,
      type: "normal",
      data: bytes,
    }));
    this.entries.push(...entries);
    this.#link.links.send(FOLLOWER, {
      kind: "append",
      from: LEADER,
      to: FOLLOWER,
      term: TERM,
      prevIndex,
      prevTerm: TERM,
      entries,
      commit: this.#acknowledged,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#link.links[Symbol.asyncDispose]();
  }
}

async function expectedHash(entries: readonly Entry[]): Promise<string> {
  using machine = StateMachine.open(await loadSqlEngine());
  machine.advanceTo(1, TERM);
  machine.applyBatch(entries);
  return machine.stateHash();
}

async function measure(directory: string, entriesCount: number): Promise<Figure[]> {
  const flags = (Deno.env.get("WEFT_BENCH_FLAGS") ?? "").split(" ").filter((flag) => flag !== "");
  await using leader = await Leader.open();
  await using follower = new LabProcess([
    ...[Deno.execPath(), "run", "-A", "--no-check", ...flags, "--config", CONFIG],
    ...[PROGRAM, directory, String(leader.port)],
  ]);
  const line = await follower.waitForLine((text) => text.startsWith("port "), DEADLINE_MS);
  leader.meet(Number(line.slice("port ".length)));
  await leader.replicate([encodeEntry(executionEntry(TABLE_SQL, {}))], 1, 1);
  let n = 0;
  const make = (count: number) => Array.from({ length: count }, () => upsert(n++));
  for (const [entriesPerAppend, onTheWay] of SHAPES) {
    await leader.replicate(make(Math.min(WARM_UP_ENTRIES, APPENDS_MAX * entriesPerAppend)), entriesPerAppend, onTheWay);
  }
  const figures: Figure[] = [];
  for (const [entriesPerAppend, onTheWay] of SHAPES) {
    const data = make(Math.min(entriesCount, APPENDS_MAX * entriesPerAppend));
    const before = processorUs(follower.pid);
    const startMs = performance.now();
    const times = (await leader.replicate(data, entriesPerAppend, onTheWay)).sort((a, b) => a - b);
    const seconds = (performance.now() - startMs) / 1000;
    figures.push({
      entriesPerAppend,
      onTheWay,
      entriesPerSecond: Math.round(data.length / seconds),
      processorUs: Number(((processorUs(follower.pid) - before) / data.length).toFixed(1)),
      p50Us: Math.round(times[Math.floor(times.length * 0.5)] ?? 0),
      p99Us: Math.round(times[Math.floor(times.length * 0.99)] ?? 0),
    });
  }
  leader.finish();
  const expected = `state ${leader.entries.length + 1} ${await expectedHash(leader.entries)}`;
  // The last commit may be on its way: it is asked until it has arrived.
  await eventually(expected, () => {
    if (follower.lines.includes(expected)) return true;
    Deno.kill(follower.pid, "SIGUSR1");
    return false;
  }, DEADLINE_MS);
  return figures;
}

function option(name: string, otherwise: string): string {
  const position = Deno.args.indexOf(`--${name}`);
  return position < 0 ? otherwise : Deno.args[position + 1] ?? otherwise;
}

const directory = await Deno.makeTempDir({ dir: option("directory", "/var/tmp"), prefix: "weft-follower-bench-" });
try {
  const figures = await measure(directory, Number(option("entries", "60000")));
  if (Deno.args.includes("--json")) console.log(JSON.stringify(figures));
  else console.table(figures);
} finally {
  await Deno.remove(directory, { recursive: true });
}
