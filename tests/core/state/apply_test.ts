import { strict as assert } from "node:assert";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { type SqlDatabase, type SqlEngine, SqlError } from "../../../core/seams/sql_database.ts";
import { type CommittedEntry, StateMachine } from "../../../core/state/apply.ts";
import { StateImageError } from "../../../core/state/state_database.ts";
import { encodeEntry, executionEntry, queryEntry, responseError, responseRows } from "../../../core/state/codec.ts";
import { listNodes } from "../../../core/state/queries/list_nodes.ts";
import { newMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();

const CREATE = execution("CREATE TABLE t (k INTEGER NOT NULL PRIMARY KEY, v TEXT) STRICT, WITHOUT ROWID");

function execution(sql: string, parameters = {}): Uint8Array {
  return encodeEntry(executionEntry(sql, parameters));
}

function query(sql: string, parameters = {}): Uint8Array {
  return encodeEntry(queryEntry(sql, parameters));
}

function committed(first: number, ...data: Uint8Array[]): CommittedEntry[] {
  return data.map((data, offset) => ({ index: first + offset, term: 1, data }));
}

function machineWith(...data: Uint8Array[]): StateMachine {
  const machine = StateMachine.open(engine);
  machine.applyBatch(committed(1, ...data));
  return machine;
}

function keys(machine: StateMachine): unknown[] {
  return machine.rows("SELECT k FROM t ORDER BY k").rows.flat();
}

Deno.test("applyBatch: answers each entry in order", () => {
  using machine = StateMachine.open(engine);
  const responses = machine.applyBatch(committed(
    1,
    CREATE,
    execution("INSERT INTO t (k) VALUES (:a), (:b)", { a: 1, b: 2 }),
    query("SELECT k, v FROM t ORDER BY k"),
    new Uint8Array(),
  ));
  assert.deepEqual(responses.map(responseError), [undefined, undefined, undefined, undefined]);
  assert.equal(responses[1]?.execResult?.rowsAffected, 2n);
  assert(responses[2]);
  assert.deepEqual(responseRows(responses[2]), { columns: ["k", "v"], rows: [[1, null], [2, null]] });
  assert.deepEqual([machine.appliedIndex, machine.appliedTerm], [4, 1]);
});

Deno.test("applyBatch: one statement that fails half way leaves nothing, whatever the schema says about it", () => {
  for (const clause of ["", "ON CONFLICT FAIL"]) {
    using machine = machineWith(
      execution(`CREATE TABLE t (k INTEGER NOT NULL PRIMARY KEY, v INTEGER UNIQUE ${clause}) STRICT`),
      execution("INSERT INTO t VALUES (1, 1)"),
    );
    const failures = [
      execution("INSERT INTO t VALUES (2, 2), (3, 1), (4, 4)"),
      execution("UPDATE t SET k = k + 1, v = NULL WHERE 1 / 0 IS NULL; INSERT INTO t VALUES (9, NULL)"),
      execution("INSERT OR FAIL INTO t VALUES (5, 5), (6, 5)"),
      query("INSERT INTO t VALUES (7, 9007199254740992) RETURNING v"),
    ];
    const responses = machine.applyBatch(committed(3, ...failures));
    assert.equal(responses.filter((response) => responseError(response) === undefined).length, 1, clause);
    // Another replica, opened from an image, knows as much about the schema.
    using replica = StateMachine.open(engine, machine.snapshot());
    for (const each of [machine, replica]) {
      each.applyBatch(committed(7, execution("INSERT INTO t VALUES (7, 7), (8, 7)")));
    }
    assert.deepEqual(keys(replica), keys(machine));
    assert.deepEqual(keys(machine), [2, 9], clause);
    assert.equal(machine.stateHash(), replica.stateHash());
  }
});

Deno.test("meshVersion: rises with what names the mesh's own tables, and with another state", () => {
  using machine = machineWith(CREATE);
  const before = machine.meshVersion;
  machine.applyBatch(committed(2, execution("INSERT INTO t (k) VALUES (1)")));
  assert.equal(machine.meshVersion, before);
  machine.applyBatch(committed(3, execution('DELETE FROM "nodes"')));
  assert.equal(machine.meshVersion, before + 1);
  machine.restore(machine.snapshot());
  assert.equal(machine.meshVersion, before + 2);
});

Deno.test("applyBatch: a failing statement undoes its whole entry and no other", () => {
  using machine = machineWith(CREATE);
  const responses = machine.applyBatch(committed(
    2,
    execution("INSERT INTO t (k) VALUES (1)"),
    execution("INSERT INTO t (k) VALUES (2); INSERT INTO t (k) VALUES (1)"),
    query("INSERT INTO t (k) VALUES (4); SELECT * FROM nope"),
    execution("INSERT INTO t (k) VALUES (3)"),
  ));
  assert.deepEqual(responses.map(responseError), [
    undefined,
    "UNIQUE constraint failed: t.k",
    "no such table: nope",
    undefined,
  ]);
  assert.equal(responses[1]?.execResult?.error, "UNIQUE constraint failed: t.k");
  assert.equal(responses[2]?.queryResult?.error, "no such table: nope");
  assert.deepEqual(keys(machine), [1, 3]);
  assert.equal(machine.appliedIndex, 5);
});

Deno.test("applyBatch: conflict clauses cannot reach out of their entry", () => {
  using machine = machineWith(CREATE);
  const responses = machine.applyBatch(committed(
    2,
    execution("INSERT INTO t (k) VALUES (1)"),
    execution("INSERT OR FAIL INTO t (k) VALUES (2), (1)"),
    execution("INSERT OR ROLLBACK INTO t (k) VALUES (1)"),
    execution("INSERT OR IGNORE INTO t (k) VALUES (1), (5)"),
  ));
  assert.deepEqual(responses.map((response) => responseError(response) !== undefined), [false, true, true, false]);
  assert.deepEqual(keys(machine), [1, 5]);
});

Deno.test("applyBatch: what may not stand in an entry is an answer, and the index goes on", () => {
  using machine = machineWith(CREATE);
  const responses = machine.applyBatch(committed(
    2,
    execution("INSERT INTO t (k) VALUES (random())"),
    query("SELECT 1; COMMIT"),
    new Uint8Array([255, 255, 255]),
    new TextEncoder().encode("hello"),
    new Uint8Array(300_000),
    execution("SELECT :a"),
  ));
  assert(responses.every((response) => responseError(response) !== undefined));
  assert.equal(responses[2]?.error, "Entry is not a RaftLogEntry");
  assert.equal(responses[5]?.execResult?.error, "parameter is missing: a");
  assert.equal(machine.appliedIndex, 7);
  assert.deepEqual(keys(machine), []);
});

Deno.test("applyBatch: hostile entries never throw and never change anything", () => {
  using mesh = newMesh(engine);
  const before = mesh.contents();
  const entry = mesh.log[1] ?? new Uint8Array();
  const mutation = fc.tuple(fc.nat(entry.length - 1), fc.nat(255)).map(([at, byte]) => entry.with(at, byte));
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutation), (data) => {
    mesh.applyBytes(data);
  }));
  assert.deepEqual(mesh.contents(), before);
  assert.equal(mesh.machine.appliedIndex, mesh.log.length);
});

Deno.test("applyBatch: entries that were applied before are skipped", () => {
  const insert = execution("INSERT INTO t (k) SELECT count(*) FROM t");
  using machine = machineWith(CREATE, insert);
  const responses = machine.applyBatch(committed(1, CREATE, insert, insert));
  assert.deepEqual(responses.map(responseError), ["Entry is applied already", "Entry is applied already", undefined]);
  assert.deepEqual(keys(machine), [0, 1]);
  assert.deepEqual(machine.applyBatch([]), []);
});

Deno.test("applyBatch: an entry left out is a bug, and the state machine stops", () => {
  using machine = machineWith(CREATE);
  assert.throws(() => machine.applyBatch(committed(3, CREATE)), InvariantError);
  assert.throws(() => machine.applyBatch(committed(2, CREATE)), InvariantError);
  assert.throws(() => machine.snapshot(), InvariantError);
  assert.throws(() => machine.stateHash(), InvariantError);
  assert.equal(machine.appliedIndex, 1);
});

Deno.test("advanceTo: moves the index forward only, and it survives a snapshot", () => {
  using machine = machineWith(CREATE);
  machine.advanceTo(5, 3);
  machine.advanceTo(4, 2);
  assert.deepEqual([machine.appliedIndex, machine.appliedTerm], [5, 3]);
  using copy = StateMachine.open(engine, machine.snapshot());
  assert.deepEqual([copy.appliedIndex, copy.appliedTerm], [5, 3]);
  assert.equal(copy.stateHash(), machine.stateHash());
  assert.throws(() => machine.advanceTo(6, 2), InvariantError);
});

Deno.test("open: connection settings are the same for empty and stored databases", () => {
  const settings = (machine: StateMachine) =>
    ["foreign_keys", "recursive_triggers", "trusted_schema", "encoding", "page_size", "auto_vacuum", "journal_mode"]
      .map((name) => machine.rows(`SELECT * FROM pragma_${name}`).rows[0]?.[0]);
  using machine = machineWith(CREATE);
  const expected = [1, 1, 0, "UTF-8", 4096, 0, "memory"];
  assert.deepEqual(settings(machine), expected);
  using copy = StateMachine.open(engine, machine.snapshot());
  assert.deepEqual(settings(copy), expected);
});

Deno.test("snapshot, restore: the state goes over, the old one is gone, both go on", () => {
  using source = machineWith(CREATE, execution("INSERT INTO t (k) VALUES (1)"));
  using target = machineWith(
    CREATE,
    execution("INSERT INTO t (k) VALUES (7)"),
    execution("INSERT INTO t (k) VALUES (8)"),
  );
  target.stateHash();
  target.restore(source.snapshot());
  assert.deepEqual([keys(target), target.appliedIndex], [[1], 2]);
  assert.equal(target.stateHash(), source.stateHash());
  for (const machine of [source, target]) machine.applyBatch(committed(3, execution("INSERT INTO t (k) VALUES (2)")));
  assert.deepEqual(keys(target), [1, 2]);
  assert.equal(target.stateHash(), source.stateHash());
});

Deno.test("restore, open: an image that is none is refused and nothing is lost", () => {
  using machine = machineWith(CREATE, execution("INSERT INTO t (k) VALUES (1)"));
  using other = engine.open();
  other.run("CREATE TABLE t (k INTEGER)");
  const image = machine.snapshot();
  const broken = image.slice();
  broken.fill(0xaa, 4096);
  const brokenAtTheEnd = image.slice();
  brokenAtTheEnd.fill(0xaa, image.length - 4096);
  const images = [
    new Uint8Array(),
    new Uint8Array(100),
    image.subarray(0, 4000),
    image.subarray(0, 8192),
    broken,
    brokenAtTheEnd,
  ];
  for (const bad of [...images, other.export()]) {
    assert.throws(() => machine.restore(bad), StateImageError);
    assert.throws(() => StateMachine.open(engine, bad), StateImageError);
  }
  assert.deepEqual(keys(machine), [1]);
  machine.applyBatch(committed(3, execution("INSERT INTO t (k) VALUES (2)")));
});

Deno.test("stateHash: kept until something is applied", () => {
  using machine = machineWith(CREATE);
  const first = machine.stateHash();
  assert.match(first, /^[0-9a-f]{64}$/);
  assert.equal(machine.stateHash(), first);
  machine.applyBatch(committed(2, new Uint8Array()));
  assert.notEqual(machine.stateHash(), first);
});

Deno.test("read, rows: a query sees the applied state and cannot write", () => {
  using mesh = newMesh(engine);
  const hash = mesh.machine.stateHash();
  assert.deepEqual(mesh.machine.read(listNodes).map((node) => node.id), ["node-0"]);
  for (
    const sql of ["DELETE FROM nodes", "WITH a AS (SELECT 1) DELETE FROM nodes", "PRAGMA user_version = 1", "COMMIT"]
  ) {
    assert.throws(() => mesh.machine.read((reader) => reader.rows(sql)), SqlError, sql);
  }
  assert.throws(() => mesh.machine.rows("SELECT * FROM nope"), SqlError);
  assert.equal(mesh.machine.read(listNodes).length, 1);
  assert.equal(mesh.machine.stateHash(), hash);
});

/** An engine whose databases break when told to. */
function fragile(): { engine: SqlEngine; breakOn: (pattern: RegExp, error: Error) => void } {
  let trap: { pattern: RegExp; error: Error } | undefined;
  const wrap = (database: SqlDatabase): SqlDatabase => ({
    run(sql, parameters) {
      if (trap?.pattern.test(sql)) throw trap.error;
      return database.run(sql, parameters);
    },
    changes: () => database.changes(),
    export: () => database.export(),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  });
  return {
    engine: { version: engine.version, open: (image) => wrap(engine.open(image)) },
    breakOn: (pattern, error) => trap = { pattern, error },
  };
}

Deno.test("applyBatch: an engine that fails is thrown, and the state machine is unusable until restored", () => {
  const { engine, breakOn } = fragile();
  using machine = StateMachine.open(engine);
  machine.applyBatch(committed(1, CREATE));
  const image = machine.snapshot();
  const fatal = new Error("out of memory");
  breakOn(/INSERT INTO t/, fatal);
  assert.throws(() => machine.applyBatch(committed(2, execution("INSERT INTO t (k) VALUES (1)"))), fatal);
  for (
    const use of [
      () => machine.applyBatch(committed(2, execution("DELETE FROM t"))),
      () => machine.advanceTo(9, 9),
      () => machine.snapshot(),
      () => machine.stateHash(),
      () => machine.rows("SELECT 1"),
    ]
  ) assert.throws(use, fatal);
  assert.deepEqual([machine.appliedIndex, machine.appliedTerm], [1, 1]);
  machine.restore(image);
  assert.deepEqual([machine.appliedIndex, keys(machine)], [1, []]);
});

Deno.test("applyBatch: an error on the way to the commit is not an entry's result", () => {
  const { engine, breakOn } = fragile();
  using machine = StateMachine.open(engine);
  breakOn(/^COMMIT/, new SqlError("FOREIGN KEY constraint failed"));
  assert.throws(() => machine.applyBatch(committed(1, CREATE)), SqlError);
  assert.throws(() => machine.rows("SELECT 1"), SqlError);
});
