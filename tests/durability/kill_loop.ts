/**
 * A member on the real disk under load, killed again and again; after each kill it is looked at what is left.
 *
 *   deno task test:kill [--kills=200] [--seed=1] [--directory=/var/tmp]
 *
 *  1. Nothing acknowledged is lost: each writer's row says at least what was acknowledged, and at most one write more.
 *  2. Nothing is torn or applied twice: rows say how often they were written, and values follow from what wrote them.
 *  3. The state equals the replay: a copy of the log, replayed here entry by entry, has the hash of the member's state.
 *
 * What a kill leaves is what the system has in its caches: loss of power is the simulator's part.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { delay } from "../../core/io/alarm.ts";
import { openDisk } from "../../core/io/disk_deno.ts";
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import { openFileLogStore } from "../../core/io/wal_log_store.ts";
import type { SqlEngine } from "../../core/seams/sql_database.ts";
import { StateMachine } from "../../core/state/apply.ts";
import { MemoryLog } from "../twins/memory_log.ts";
import { SeededRandom } from "../twins/seeded_random.ts";
import { IDENTITY } from "./lone_member.ts";
import { hasTable, sequences } from "./workload.ts";
import type { Opened } from "./writer_main.ts";

const PROGRAM = new URL("writer_main.ts", import.meta.url);
const WRITERS_COUNT = 32;
const ENTRIES_PER_SNAPSHOT = 700;
const SEGMENT_BYTES = 256 << 10;
/** A member works for up to this long before it is killed; some do not live to lead. */
const LIFE_MS_MAX = 500;
/** One life in so many ends while it starts. */
const EARLY_KILL_ONE_IN = 5;
/** What a process may take to start, besides its life. */
const START_MS_MAX = 400;

/** What came of it. */
export interface KillReport {
  readonly kills: number;
  readonly acknowledgedCount: number;
  /** Kills that the member did not live to lead before. */
  readonly earlyCount: number;
  /** The longest way back, all of it, in milliseconds. */
  readonly slowestRecoveryMs: number;
}

/** Kills `kills` members one after the other on one log below `directory`. */
export async function killLoop(directory: string, kills: number, seed: number): Promise<KillReport> {
  const random = new SeededRandom(seed);
  const sql = await loadSqlEngine();
  const log = `${directory}/log`;
  const acknowledged = new Map<number, number>();
  let [earlyCount, slowestRecoveryMs] = [0, 0];
  for (let kill = 1; kill <= kills; kill++) {
    using machine = await replayCopy(sql, log, `${directory}/copy`);
    const isEarly = random.below(EARLY_KILL_ONE_IN) === 0;
    const lifeMs = random.below(isEarly ? START_MS_MAX : LIFE_MS_MAX);
    const opened = await liveAndDie(log, lifeMs, isEarly, acknowledged);
    if (opened === undefined) {
      earlyCount++;
      continue;
    }
    const { openMs, loadMs, replayMs } = opened.recovery;
    slowestRecoveryMs = Math.max(slowestRecoveryMs, openMs + loadMs + replayMs);
    if (machine === undefined) continue;
    // The new leader's own entry is empty.
    machine.advanceTo(opened.appliedIndex, opened.appliedTerm);
    assert.equal(machine.stateHash(), opened.stateHash, `kill ${kill}, seed ${seed}: the state is not the replay's`);
  }
  const acknowledgedCount = [...acknowledged.values()].reduce((sum, sequence) => sum + sequence, 0);
  return { kills, acknowledgedCount, earlyCount, slowestRecoveryMs };
}

/** Runs a member for a while; `acknowledged` is what it must have at the start, and what it acknowledged at the end. */
async function liveAndDie(
  log: string,
  lifeMs: number,
  isEarly: boolean,
  acknowledged: Map<number, number>,
): Promise<Opened | undefined> {
  const args = ["run", "--no-check", "--allow-all", PROGRAM.href, log];
  args.push(...[WRITERS_COUNT, ENTRIES_PER_SNAPSHOT, SEGMENT_BYTES].map(String));
  await using child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).spawn();
  const die = () => delay(lifeMs).then(() => child.kill("SIGKILL"));
  let dying = isEarly ? die() : undefined;
  let opened: Opened | undefined;
  // The pipe is read to its end, so every acknowledgement counts.
  for await (const line of lines(child.stdout)) {
    if (opened === undefined) {
      opened = JSON.parse(line) as Opened;
      checkWriters(new Map(opened.writers), acknowledged);
      for (const [writer, sequence] of opened.writers) acknowledged.set(writer, sequence);
      dying ??= die();
    } else {
      const [writer = -1, sequence = -1] = line.split(" ").map(Number);
      assert.equal(sequence, (acknowledged.get(writer) ?? 0) + 1, `writer ${writer} skips`);
      acknowledged.set(writer, sequence);
    }
  }
  await dying;
  const { signal } = await child.status;
  assert.equal(signal, "SIGKILL", "the member ended by itself");
  return opened;
}

/** A writer's last write may have been durable and not acknowledged; nothing else may differ. */
function checkWriters(found: ReadonlyMap<number, number>, acknowledged: ReadonlyMap<number, number>): void {
  for (let writer = 0; writer < WRITERS_COUNT; writer++) {
    const [has, had] = [found.get(writer) ?? 0, acknowledged.get(writer) ?? 0];
    assert(has === had || has === had + 1, `writer ${writer}: ${had} acknowledged, ${has} found`);
  }
}

/** The state that the log of a dead member means, entry by entry; its files stay as they are. */
async function replayCopy(sql: SqlEngine, log: string, copy: string): Promise<StateMachine | undefined> {
  if (!await copyDirectory(log, copy)) return undefined;
  try {
    const options = { identity: IDENTITY, owner: "the replay", log: new MemoryLog() };
    await using store = await openFileLogStore(copy, openDisk(), options);
    const { snapshot, entries } = store.stored;
    if (!snapshot) return undefined;
    const machine = StateMachine.open(sql, snapshot.data);
    for (const entry of entries) machine.applyBatch([entry]);
    if (hasTable(machine)) sequences(machine);
    return machine;
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

/** False if there is no such directory. */
async function copyDirectory(from: string, to: string): Promise<boolean> {
  try {
    await Deno.stat(from);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyDirectory(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
  return true;
}

/** The whole lines of `stream`; what a kill cut off does not count. */
async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    const parts = (text + decoder.decode(chunk, { stream: true })).split("\n");
    text = parts.pop() ?? "";
    yield* parts;
  }
}

function option(name: string, otherwise: string): string {
  const prefix = `--${name}=`;
  return Deno.args.find((arg) => arg.startsWith(prefix))?.slice(prefix.length) ?? otherwise;
}

if (import.meta.main) {
  const [kills, seed] = [Number(option("kills", "200")), Number(option("seed", "1"))];
  const directory = await Deno.makeTempDir({ dir: option("directory", "/var/tmp"), prefix: "weft-kill-" });
  try {
    console.log(JSON.stringify(await killLoop(directory, kills, seed)));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
