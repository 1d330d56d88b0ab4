import { strict as assert } from "node:assert";
import fc from "fast-check";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import {
  entrySqlProblem,
  isReadOnlySql,
  isReadOnlyStatement,
  isSingleStatement,
  SqlVerdicts,
} from "../../../core/state/determinism.ts";
import { SQL_UNITS_MAX, STATEMENT_CACHE_COUNT_MAX } from "../../../core/state/limits.ts";
import { sqlTokens } from "../../../core/state/sql_tokens.ts";

const REFUSED = [
  "SELECT random()",
  "SELECT RANDOM ( )",
  "SELECT random/* */()",
  "SELECT random--\n()",
  'SELECT "random"()',
  "SELECT `Random`()",
  "SELECT [RANDOM]()",
  "SELECT hex(randomblob(4))",
  "INSERT INTO t VALUES (1, random())",
  "CREATE TABLE t (x INTEGER DEFAULT (random()))",
  "CREATE TABLE t (x TEXT DEFAULT CURRENT_TIMESTAMP)",
  "SELECT current_date",
  "SELECT current_time",
  "SELECT datetime('now')",
  "SELECT datetime(:t)",
  "SELECT date()",
  "SELECT time('12:00')",
  "SELECT julianday(:t), strftime('%s', :t)",
  "SELECT unixepoch()",
  "SELECT timediff(:a, :b)",
  "SELECT last_insert_rowid()",
  "SELECT changes()",
  "SELECT total_changes()",
  "SELECT sqlite_version()",
  "SELECT sqlite_source_id()",
  "SELECT load_extension('x')",
  "SELECT * FROM pragma_database_list",
  "SELECT * FROM \"pragma_table_info\"('t')",
  "SELECT * FROM 'pragma_compile_options'",
  "PRAGMA foreign_keys = off",
  "SELECT 1; pragma foreign_keys",
  "/* x */ PRAGMA user_version = 1",
  "ATTACH 'x' AS y",
  "DETACH y",
  "VACUUM",
  "VACUUM INTO 'x'",
  "ANALYZE",
  "REINDEX",
  "EXPLAIN SELECT 1",
  "BEGIN",
  "SELECT 1; BEGIN IMMEDIATE",
  "COMMIT",
  "END",
  "END TRANSACTION",
  "ROLLBACK",
  "SAVEPOINT a",
  "RELEASE a",
  "ROLLBACK TO a",
  "INSERT OR ROLLBACK INTO t VALUES (1)",
  "CREATE TABLE t (x INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)",
  "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT RAISE(ROLLBACK, 'x'); END",
  "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END; COMMIT",
  "CREATE TABLE t (x INTEGER REFERENCES y DEFERRABLE INITIALLY DEFERRED)",
  "CREATE TEMP TABLE t (x)",
  "CREATE TEMPORARY VIEW v AS SELECT 1",
  "CREATE TABLE temp.t (x)",
  'CREATE TABLE "temp".t (x)',
  "INSERT INTO 'TEMP'.t VALUES (1)",
  "CREATE VIRTUAL TABLE f USING fts3(x)",
  "DROP TABLE raft_applied",
  'UPDATE "RAFT_APPLIED" SET log_index = 0',
  "DELETE FROM 'raft_applied'",
  "",
  " -- nothing",
  ";",
  "SELECT 'open",
  "SELECT ?",
];

const ALLOWED = [
  "SELECT 'random() CURRENT_TIMESTAMP; PRAGMA x; COMMIT'",
  "SELECT 1 -- random(), now\n",
  "SELECT 1 /* ; VACUUM */",
  'SELECT "current_timestamp", random, date, changes FROM t',
  "SELECT t.time, t.release, savepoint FROM t",
  "SELECT randomised(), my_random(), lower(:x), count(*) FROM t",
  "UPDATE t SET \"end\" = 1, begin_at = :now WHERE temperature = 'temp'",
  "CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN SELECT RAISE(ABORT, 'no'); SELECT CASE WHEN 1 THEN 2 END; END",
  "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a RETURNING x",
  "SELECT ';'; DELETE FROM t;",
];

Deno.test("entrySqlProblem: refuses what differs between replicas or leaves the entry", () => {
  for (const sql of REFUSED) assert.notEqual(entrySqlProblem(sql), undefined, sql);
});

Deno.test("entrySqlProblem: looks at words, not at substrings", () => {
  for (const sql of ALLOWED) assert.equal(entrySqlProblem(sql), undefined, sql);
});

Deno.test("entrySqlProblem: names what it refuses and nothing else of the text", () => {
  assert.equal(entrySqlProblem("SELECT 'secret', random()"), "SQL text says RANDOM, which a log entry may not");
});

Deno.test("entrySqlProblem: text of the greatest length, and one more", () => {
  assert.equal(entrySqlProblem("SELECT 1".padEnd(SQL_UNITS_MAX)), undefined);
  assert.equal(entrySqlProblem("SELECT 1".padEnd(SQL_UNITS_MAX + 1)), "SQL text is too long");
});

Deno.test("entrySqlProblem: every function of this SQLite that is not deterministic is refused", async () => {
  const engine = await loadSqlEngine();
  using database = engine.open();
  const SQLITE_DETERMINISTIC = 0x800;
  const { rows } = database.run("SELECT DISTINCT name, flags FROM pragma_function_list WHERE type = 's' ORDER BY name");
  assert(rows.length > 50);
  const missed = rows
    .filter(([, flags]) => (Number(flags) & SQLITE_DETERMINISTIC) === 0)
    .map(([name]) => String(name))
    .filter((name) => entrySqlProblem(`SELECT ${name}()`) === undefined);
  // These read the cursor of a full-text table, and VIRTUAL is refused.
  assert.deepEqual(missed, ["match", "matchinfo", "offsets", "optimize", "snippet"]);
});

Deno.test("entrySqlProblem: no way of quoting and commenting makes SQLite run what it let pass", async () => {
  const engine = await loadSqlEngine();
  const pieces = [
    "random",
    '"random"',
    "[random]",
    "`random`",
    "()",
    "(",
    ")",
    "'",
    '"',
    "[",
    "]",
    "`",
    "--",
    "/*",
    "*/",
  ];
  const others = ["\n", "\ufeff", "\x0b", ";", "select", ",", "1", "''", " ", "current_timestamp"];
  const text = fc.array(fc.constantFrom(...pieces, ...others), { minLength: 1, maxLength: 8 });
  let ran = 0;
  const run = (sql: string): unknown => {
    using database = engine.open();
    try {
      return database.run(sql).rows;
    } catch (error) {
      return String(error);
    }
  };
  fc.assert(
    fc.property(text, (parts) => {
      const sql = `SELECT ${parts.join("")}`;
      if (entrySqlProblem(sql) !== undefined) return;
      const result = run(sql);
      if (typeof result !== "string") ran++;
      assert.deepEqual(run(sql), result);
    }),
    { numRuns: 2000, seed: 1 },
  );
  assert(ran > 20, `only ${ran} texts ran`);
});

Deno.test("isReadOnlySql: reads are SELECT, VALUES and WITH in front of them", () => {
  for (
    const sql of [
      "SELECT 1",
      "VALUES (1)",
      "WITH a AS (SELECT 1) SELECT replace('a', 'b', 'c') FROM a; SELECT 2",
      "SELECT 'insert', \"update\" FROM t -- delete",
    ]
  ) assert(isReadOnlySql(sql), sql);
});

Deno.test("isReadOnlySql: everything else is not", () => {
  for (
    const sql of [
      "",
      "INSERT INTO t VALUES (1)",
      "SELECT 1; DELETE FROM t",
      "WITH a AS (SELECT 1) DELETE FROM t",
      "WITH a AS (SELECT 1) REPLACE INTO t SELECT * FROM a",
      "PRAGMA user_version = 1",
      "CREATE TABLE t (x)",
      "BEGIN",
      "EXPLAIN SELECT 1",
      "SELECT '",
    ]
  ) assert(!isReadOnlySql(sql), sql);
});

Deno.test("isReadOnlyStatement: of one statement", () => {
  assert(isReadOnlyStatement(sqlTokens("SELECT 1") ?? []));
  assert(!isReadOnlyStatement([]));
});

Deno.test("SqlVerdicts: judges a text once and keeps a bounded number", () => {
  const judged: string[] = [];
  const verdicts = new SqlVerdicts((sql) => {
    judged.push(sql);
    return sql === "bad" ? "why" : undefined;
  });
  assert.deepEqual([verdicts.of("good"), verdicts.of("good"), verdicts.of("bad"), verdicts.of("bad")], [
    undefined,
    undefined,
    "why",
    "why",
  ]);
  assert.deepEqual(judged, ["good", "bad"]);
  for (let n = 0; n < STATEMENT_CACHE_COUNT_MAX + 1; n++) {
    verdicts.of(`text ${n}`);
    assert(verdicts.size <= STATEMENT_CACHE_COUNT_MAX);
  }
  assert.equal(verdicts.of("bad"), "why");
});

Deno.test("isSingleStatement: one, whatever stands around it", () => {
  for (const sql of ["SELECT 1", " ; SELECT ';' ; ", "SELECT 1 -- ; SELECT 2"]) assert(isSingleStatement(sql), sql);
  for (const sql of ["", ";", "SELECT 1; SELECT 2", "SELECT 'open"]) assert(!isSingleStatement(sql), sql);
});
