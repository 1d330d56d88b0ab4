/**
 * How many log entries per second the state machine applies, by batch size: decode, check, run, answer.
 *
 *   deno run -A tests/bench/state_bench.ts [--json]
 *
 * `upsert` is one statement with two parameters on one of 1000 rows; `join` is a whole new node (17 statements); `rejoin`
 * the same node again, unchanged. Each figure is the best of nine rounds, so that a busy machine disturbs less.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import { encodeEntry, executionEntry, responseError } from "../../core/state/codec.ts";
import { joinCommand } from "../../core/state/commands/join_node.ts";
import { joiner, type Mesh, newMesh } from "../core/state/mesh_fixture.ts";

interface Figure {
  readonly work: string;
  readonly batch: number;
  readonly entriesPerSecond: number;
}

const BATCHES = [1, 8, 64];
const ROUND_COUNT = 9;
const UPSERT_SQL = "INSERT INTO mesh_state (key, value) VALUES (:key, :value) " +
  "ON CONFLICT (key) DO UPDATE SET value = excluded.value";

function upsertEntry(n: number): Uint8Array {
  return encodeEntry(executionEntry(UPSERT_SQL, { key: `bench-${n % 1000}`, value: `value ${n}`.padEnd(256, ".") }));
}

/** Entries are made before the clock starts; every answer is checked after it has stopped. */
function measure(mesh: Mesh, entries: readonly Uint8Array[], batch: number): number {
  const first = mesh.machine.appliedIndex + 1;
  const committed = entries.map((data, offset) => ({ index: first + offset, term: 1, data }));
  const responses = [];
  const startMs = performance.now();
  for (let at = 0; at < committed.length; at += batch) {
    responses.push(...mesh.machine.applyBatch(committed.slice(at, at + batch)));
  }
  const seconds = (performance.now() - startMs) / 1000;
  assert.deepEqual(responses.filter((response) => responseError(response) !== undefined), []);
  assert.equal(responses.length, entries.length);
  return entries.length / seconds;
}

async function figures(): Promise<Figure[]> {
  const engine = await loadSqlEngine();
  using mesh = newMesh(engine);
  let node = 1;
  const works: Record<string, (count: number) => Uint8Array[]> = {
    upsert: (count) => Array.from({ length: count * 8 }, (_, n) => upsertEntry(n)),
    join: (count) => Array.from({ length: count }, () => encodeEntry(joinCommand(joiner(node++)))),
    rejoin: (count) => Array.from({ length: count }, () => encodeEntry(joinCommand(joiner(1)))),
  };
  const result: Figure[] = [];
  for (const [work, make] of Object.entries(works)) {
    measure(mesh, make(100), 64);
    for (const batch of BATCHES) {
      const rounds = Array.from({ length: ROUND_COUNT }, () => measure(mesh, make(256), batch));
      result.push({ work, batch, entriesPerSecond: Math.round(Math.max(...rounds)) });
    }
  }
  return result;
}

if (import.meta.main) {
  const result = await figures();
  if (Deno.args.includes("--json")) console.log(JSON.stringify(result));
  else console.table(result);
}
