import { strict as assert } from "node:assert";
import fc from "fast-check";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { type CommittedEntry, StateMachine } from "../../../core/state/apply.ts";
import { encodeEntry, executionEntry, queryEntry, responseError, responseRows } from "../../../core/state/codec.ts";
import { migrateCommand } from "../../../core/state/commands/migrate.ts";
import { SESSION_AGE_ENTRIES_MAX, SESSION_COUNT_MAX, SESSION_RESPONSE_BYTES_MAX } from "../../../core/state/limits.ts";
import { refusalIn } from "../../../core/state/refusal.ts";
import { Mesh, migratedMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();

const CREATE = executionEntry("CREATE TABLE t (k INTEGER NOT NULL PRIMARY KEY, v INTEGER) STRICT, WITHOUT ROWID", {});
const ADD_SQL = "INSERT INTO t (k, v) VALUES (1, :v) ON CONFLICT DO UPDATE SET v = v + :v; SELECT v FROM t WHERE k = 1";

/** Adds one and answers with the sum: run twice, it would show. */
function add(clientId: string, sequence: number, v = 1): Uint8Array {
  return encodeEntry(queryEntry(ADD_SQL, { v }), { clientId, sequence });
}

function tally(): Mesh {
  const mesh = migratedMesh(engine);
  mesh.apply(CREATE);
  return mesh;
}

function answer(mesh: Mesh, data: Uint8Array): unknown {
  const response = mesh.applyBytes(data);
  return responseError(response) ?? responseRows(response).rows[0]?.[0];
}

function clients(mesh: Mesh): unknown[] {
  return mesh.machine.rows("SELECT client_id FROM sessions ORDER BY log_index").rows.flat();
}

Deno.test("applyBatch: a write under one name runs once, and answers alike", () => {
  using mesh = tally();
  assert.equal(answer(mesh, add("a", 1)), 1);
  assert.equal(answer(mesh, add("a", 1)), 1);
  assert.equal(answer(mesh, add("b", 1)), 2);
  assert.equal(answer(mesh, add("a", 1)), 1);
  assert.equal(answer(mesh, add("a", 3)), 3);
  assert.equal(answer(mesh, add("b", 1)), 2);
  assert.deepEqual(mesh.machine.rows("SELECT v FROM t").rows, [[3]]);
});

Deno.test("applyBatch: two copies in one batch, and in one that is applied after a restore", () => {
  using mesh = tally();
  const index = mesh.machine.appliedIndex;
  const copies = [1, 2].map((n): CommittedEntry => ({ index: index + n, term: 1, data: add("a", 1) }));
  const [first, second] = mesh.machine.applyBatch(copies);
  assert.deepEqual(second, first);
  using other = StateMachine.open(engine, mesh.machine.snapshot());
  assert.deepEqual(other.applyBatch([{ index: index + 3, term: 2, data: add("a", 1) }]), [first]);
});

Deno.test("applyBatch: a write that failed is not tried again under its name", () => {
  using mesh = tally();
  const insert = encodeEntry(executionEntry("INSERT INTO t VALUES (1, 1)", {}), { clientId: "a", sequence: 1 });
  mesh.apply(executionEntry("INSERT INTO t VALUES (1, 1)", {}));
  const failed = mesh.applyBytes(insert);
  assert.match(responseError(failed) ?? "", /UNIQUE/);
  mesh.apply(executionEntry("DELETE FROM t", {}));
  assert.deepEqual(mesh.applyBytes(insert), failed);
  assert.deepEqual(mesh.machine.rows("SELECT * FROM t").rows, []);
});

Deno.test("applyBatch: what is refused before it runs is remembered too", () => {
  using mesh = tally();
  const entry = encodeEntry(queryEntry("SELECT random()", {}), { clientId: "a", sequence: 1 });
  assert.deepEqual(mesh.applyBytes(entry), mesh.applyBytes(entry));
  assert.deepEqual(clients(mesh), ["a"]);
});

Deno.test("applyBatch: a name that the client has left behind is refused", () => {
  using mesh = tally();
  mesh.applyBytes(add("a", 2));
  assert.equal(refusalIn(mesh.applyBytes(add("a", 1)))?.code, "session-stale");
  assert.deepEqual(mesh.machine.rows("SELECT v FROM t").rows, [[1]]);
});

Deno.test("applyBatch: an answer of the greatest length is kept, and of one more only that it was given", () => {
  using mesh = tally();
  const ask = (sequence: number, length: number) =>
    mesh.applyBytes(encodeEntry(queryEntry("SELECT :text AS t", { text: "x".repeat(length) }), {
      clientId: "a",
      sequence,
    }));
  const lengths = [SESSION_RESPONSE_BYTES_MAX - 100, SESSION_RESPONSE_BYTES_MAX];
  for (const [n, length] of lengths.entries()) {
    assert.equal(responseError(ask(n + 1, length)), undefined);
  }
  assert.equal(refusalIn(ask(lengths.length, SESSION_RESPONSE_BYTES_MAX))?.code, "answer-lost");
  assert.equal(responseError(ask(lengths.length + 1, lengths[0] ?? 0)), undefined);
  assert.equal(responseError(ask(lengths.length + 1, lengths[0] ?? 0)), undefined);
});

Deno.test("applyBatch: as many clients as there may be, and one more", () => {
  using mesh = tally();
  for (let n = 0; n < SESSION_COUNT_MAX; n++) mesh.applyBytes(add(`client-${n}`, 1));
  mesh.applyBytes(add("client-0", 2));
  assert.equal(clients(mesh).length, SESSION_COUNT_MAX);
  mesh.applyBytes(add("another", 1));
  assert.equal(clients(mesh).length, SESSION_COUNT_MAX);
  const left = new Set(clients(mesh));
  assert(left.has("client-0") && !left.has("client-1") && left.has("client-2"));
});

Deno.test("applyBatch: a client is as old as it may be, and one entry older", () => {
  for (const [ageEntries, isKept] of [[SESSION_AGE_ENTRIES_MAX - 1, true], [SESSION_AGE_ENTRIES_MAX, false]] as const) {
    using mesh = tally();
    mesh.applyBytes(add("old", 1));
    mesh.machine.advanceTo(mesh.machine.appliedIndex + ageEntries - 1, 1);
    mesh.applyBytes(add("new", 1));
    assert.deepEqual(clients(mesh), isKept ? ["old", "new"] : ["new"]);
  }
});

Deno.test("applyBatch: before the schema has sessions, writes run as often as they stand in the log", () => {
  using mesh = new Mesh(StateMachine.open(engine));
  mesh.apply(migrateCommand(1));
  mesh.apply(CREATE);
  assert.deepEqual([answer(mesh, add("a", 1)), answer(mesh, add("a", 1))], [1, 2]);
});

Deno.test("applyBatch: however writes are repeated, replicas are equal and every write ran once", () => {
  const write = fc.record({ client: fc.constantFrom("a", "b", "c"), sequence: fc.integer({ min: 1, max: 6 }) });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (writes, size) => {
      using one = tally();
      using other = tally();
      const done = new Map<string, number>();
      let sum = 0;
      for (const { client, sequence } of writes) {
        one.applyBytes(add(client, sequence, 2 ** sequence));
        if ((done.get(client) ?? 0) < sequence) sum += 2 ** sequence;
        done.set(client, Math.max(sequence, done.get(client) ?? 0));
      }
      for (let at = 0; at < writes.length; at += size) {
        const index = other.machine.appliedIndex;
        const batch = writes.slice(at, at + size).map(({ client, sequence }, n) => ({
          index: index + 1 + n,
          term: 1,
          data: add(client, sequence, 2 ** sequence),
        }));
        other.machine.applyBatch(batch);
      }
      assert.equal(one.machine.stateHash(), other.machine.stateHash());
      assert.deepEqual(one.machine.rows("SELECT v FROM t").rows.flat(), sum === 0 ? [] : [sum]);
    }),
    { numRuns: 30 },
  );
});
