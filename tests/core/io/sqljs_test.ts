import { strict as assert } from "node:assert";
import { loadSqlEngine, PREPARED_TEXT_COUNT_MAX, SqlFatalError } from "../../../core/io/sqljs.ts";
import { type SqlDatabase, SqlError } from "../../../core/seams/sql_database.ts";

const engine = await loadSqlEngine();

function table(): SqlDatabase {
  const database = engine.open();
  database.run("CREATE TABLE t (k INTEGER NOT NULL PRIMARY KEY, v TEXT UNIQUE) STRICT, WITHOUT ROWID");
  return database;
}

Deno.test("loadSqlEngine: tells the version of SQLite", () => {
  assert.match(engine.version, /^3\.\d+\.\d+$/);
});

Deno.test("loadSqlEngine: functions that sql.js adds are absent", () => {
  using database = engine.open();
  assert.throws(() => database.run("SELECT stdev(1)"), SqlError);
  assert.deepEqual(database.run("SELECT lower('A'), replace('ab', 'b', 'c')").rows, [["a", "ac"]]);
});

Deno.test("run: binds by name across several statements and gives the last rows", () => {
  using database = table();
  const rows = database.run(
    "INSERT INTO t (k, v) VALUES (:k, :v); SELECT 'first' AS f; SELECT v, k FROM t WHERE v = :v; DELETE FROM t WHERE k = 0",
    { v: "one", k: 1, unused: null },
  );
  assert.deepEqual(rows, { columns: ["v", "k"], rows: [["one", 1]] });
});

Deno.test("run: columns without rows are rows, no columns are none", () => {
  using database = table();
  assert.deepEqual(database.run("SELECT k AS key FROM t"), { columns: ["key"], rows: [] });
  assert.deepEqual(database.run("DELETE FROM t"), { columns: [], rows: [] });
  assert.deepEqual(database.run("DELETE FROM t RETURNING k"), { columns: ["k"], rows: [] });
  for (const nothing of ["", ";", " -- nothing\n", "/* ; */ ;;"]) {
    assert.deepEqual(database.run(nothing), { columns: [], rows: [] });
  }
  assert.deepEqual(database.run("; SELECT 1 ;; SELECT 2;").rows, [[2]]);
});

Deno.test("run: the same text gives fresh results with other parameters", () => {
  using database = table();
  for (let k = 0; k < 3; k++) database.run("INSERT INTO t (k, v) VALUES (:k, :v)", { k, v: `v${k}` });
  const text = "SELECT v FROM t WHERE k = :k; SELECT k FROM t WHERE k > :k ORDER BY k";
  assert.deepEqual(database.run(text, { k: 0 }).rows, [[1], [2]]);
  assert.deepEqual(database.run(text, { k: 1 }).rows, [[2]]);
});

Deno.test("run: all types come back as they went", () => {
  using database = engine.open();
  const values = { n: -7, big: 2 ** 53 - 1, t: "ä\u{1f600}\0x", e: "", b: new Uint8Array([0, 255]), z: null };
  const { rows } = database.run("SELECT :n, :big, :t, :e, :b, :z", values);
  assert.deepEqual(rows, [[-7, 2 ** 53 - 1, "ä\u{1f600}\0x", "", new Uint8Array([0, 255]), null]]);
});

Deno.test("run: integers of 53 bits are integers in a column", () => {
  using database = table();
  database.run("INSERT INTO t (k) VALUES (:k)", { k: 2 ** 53 - 1 });
  assert.deepEqual(database.run("SELECT k, typeof(k) FROM t WHERE k = :k", { k: 2 ** 53 - 1 }).rows, [
    [2 ** 53 - 1, "integer"],
  ]);
});

Deno.test("run: refuses integers beyond 2^53 and fractions, in and out", () => {
  using database = table();
  for (const k of [2 ** 53, -(2 ** 53), 0.5, NaN, Infinity]) {
    assert.throws(() => database.run("INSERT INTO t (k) VALUES (:k)", { k }), SqlError);
  }
  assert.throws(() => database.run("SELECT 9007199254740993"), SqlError);
  assert.throws(() => database.run("SELECT 0.5"), SqlError);
  assert.deepEqual(database.run("SELECT count(*) FROM t").rows, [[0]]);
});

Deno.test("run: a parameter of the text that is not given is an error, also one that objects inherit", () => {
  using database = table();
  assert.throws(() => database.run("SELECT :a, :b", { a: 1 }), {
    name: "SqlError",
    message: "parameter is missing: b",
  });
  assert.throws(() => database.run("SELECT :constructor", {}), SqlError);
});

Deno.test("run: a failing statement keeps the earlier ones, says why, and can be run again", () => {
  using database = table();
  const text = "INSERT INTO t (k, v) VALUES (:k, :v); INSERT INTO t (k, v) VALUES (:k + 100, 'same')";
  database.run(text, { k: 1, v: "a" });
  assert.throws(() => database.run(text, { k: 2, v: "b" }), {
    name: "SqlError",
    message: "UNIQUE constraint failed: t.v",
  });
  assert.deepEqual(database.run("SELECT k FROM t ORDER BY k").rows, [[1], [2], [101]]);
  database.run("DELETE FROM t WHERE v = 'same'");
  database.run(text, { k: 3, v: "c" });
});

Deno.test("run: maps what SQLite refuses to SqlError", () => {
  using database = table();
  for (
    const sql of ["SELECT * FROM nope", "SELEC 1", "SELECT '", "SELECT ?", "SELECT 1\0; SELECT 2"]
  ) {
    assert.throws(() => database.run(sql), SqlError, sql);
  }
});

Deno.test("run: statements see the tables that earlier ones of the text made", () => {
  using database = engine.open();
  const text = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1); SELECT x FROM a; DROP TABLE a";
  assert.deepEqual(database.run(text).rows, [[1]]);
  assert.deepEqual(database.run(text).rows, [[1]]);
});

Deno.test("run: prepared statements follow a changed schema", () => {
  using database = table();
  database.run("INSERT INTO t (k, v) VALUES (1, 'a')");
  assert.deepEqual(database.run("SELECT * FROM t").columns, ["k", "v"]);
  database.run("ALTER TABLE t ADD COLUMN w TEXT");
  assert.deepEqual(database.run("SELECT * FROM t"), { columns: ["k", "v", "w"], rows: [[1, "a", null]] });
});

Deno.test("run: a pragma acts every time", () => {
  using database = engine.open();
  for (const level of [0, 2, 0, 2, 1]) {
    database.run(`PRAGMA synchronous = ${level}`);
    assert.deepEqual(database.run("PRAGMA synchronous").rows, [[level]]);
  }
});

Deno.test("run: a statement that is given up between two rows holds no lock", () => {
  using database = table();
  database.run("INSERT INTO t (k) VALUES (9007199254740993), (9007199254740994)");
  assert.throws(() => database.run("SELECT k FROM t"), SqlError);
  database.run("DROP TABLE t");
});

Deno.test("run: more texts than stay prepared", () => {
  using database = table();
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n <= PREPARED_TEXT_COUNT_MAX; n++) assert.deepEqual(database.run(`SELECT ${n}`).rows, [[n]]);
  }
});

Deno.test("changes: sums over the statements of the last run", () => {
  using database = table();
  database.run("INSERT INTO t (k) VALUES (1), (2); INSERT INTO t (k) VALUES (3)");
  assert.equal(database.changes(), 3);
  database.run("UPDATE t SET v = 'x' WHERE k = 9; SELECT 1");
  assert.equal(database.changes(), 0);
  database.run("WITH d (k) AS (SELECT 1 UNION SELECT 2) DELETE FROM t WHERE k IN (SELECT k FROM d)");
  assert.equal(database.changes(), 2);
  database.run("WITH d (k) AS (SELECT 1) SELECT k FROM d");
  assert.equal(database.changes(), 0);
});

Deno.test("export: the database, its statements and its pragmas stay usable", () => {
  using database = table();
  database.run("PRAGMA foreign_keys = on");
  database.run("INSERT INTO t (k, v) VALUES (:k, :v)", { k: 1, v: "a" });
  const image = database.export();
  database.run("INSERT INTO t (k, v) VALUES (:k, :v)", { k: 2, v: "b" });
  assert.deepEqual(database.run("PRAGMA foreign_keys").rows, [[1]]);
  assert.deepEqual(database.run("SELECT k FROM t ORDER BY k").rows, [[1], [2]]);
  using copy = engine.open(image);
  assert.deepEqual(copy.run("SELECT k FROM t ORDER BY k").rows, [[1]]);
});

Deno.test("open: takes a copy of the image", () => {
  using database = table();
  const image = database.export();
  const before = image.slice();
  using copy = engine.open(image);
  copy.run("INSERT INTO t (k) VALUES (1)");
  assert.deepEqual(image, before);
  image.fill(0);
  assert.deepEqual(copy.run("SELECT k FROM t").rows, [[1]]);
});

Deno.test("open: what is not a database is fatal when it is read", () => {
  using database = engine.open(new TextEncoder().encode("not a database, ".repeat(512)));
  assert.throws(() => database.run("SELECT * FROM sqlite_schema"), SqlFatalError);
});

Deno.test("run: a closed database is fatal", () => {
  const database = table();
  database[Symbol.dispose]();
  assert.throws(() => database.run("SELECT 1"), SqlFatalError);
  assert.throws(() => database.export(), SqlFatalError);
});

Deno.test("export: inside of a transaction it is refused, and the transaction stays", () => {
  using database = table();
  database.run("BEGIN; INSERT INTO t (k) VALUES (1)");
  assert.throws(() => database.export(), SqlFatalError);
  database.run("COMMIT");
  assert.deepEqual(database.run("SELECT k FROM t").rows, [[1]]);
});

Deno.test("run: a database that cannot grow is fatal, not the statement's fault", () => {
  using database = table();
  database.run("PRAGMA max_page_count = 4");
  assert.throws(
    () => database.run("INSERT INTO t (k, v) VALUES (1, :v)", { v: "x".repeat(100_000) }),
    { name: "SqlFatalError", message: "SQLite failed: database or disk is full" },
  );
});
