import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { sha256 } from "../../../core/crypto/sha256.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { HASH_STEP_ROWS, stateHash } from "../../../core/state/state_hash.ts";

const engine = await loadSqlEngine();

const TABLE_SQL =
  "CREATE TABLE t (a INTEGER NOT NULL, b TEXT NOT NULL, c TEXT, PRIMARY KEY (b, a)) STRICT, WITHOUT ROWID";

function hashAfter(...statements: string[]): string {
  using database = engine.open();
  database.run(TABLE_SQL);
  for (const sql of statements) database.run(sql);
  return stateHash(database);
}

Deno.test("stateHash: is SHA-256 of schema and rows in the order of keys, as JSON lines", () => {
  const lines = [[["t", TABLE_SQL]], [[1, "x", ""], [2, "x", null], [1, "y", "é\n\0"]]].map((part) =>
    JSON.stringify(part) + "\n"
  );
  assert.equal(
    hashAfter("INSERT INTO t VALUES (1, 'y', 'é' || char(10, 0)), (2, 'x', NULL), (1, 'x', '')"),
    createHash("sha256").update(lines.join("")).digest("hex"),
  );
});

Deno.test("stateHash: does not depend on the order of writing or on what was deleted", () => {
  assert.equal(
    hashAfter("INSERT INTO t VALUES (1, 'y', NULL)", "INSERT INTO t VALUES (2, 'x', NULL)"),
    hashAfter(
      "INSERT INTO t VALUES (2, 'x', NULL), (3, 'z', NULL)",
      "INSERT INTO t VALUES (1, 'y', NULL)",
      "DELETE FROM t WHERE a = 3",
    ),
  );
});

Deno.test("stateHash: every cell and the schema count", () => {
  const hashes = [
    hashAfter(),
    hashAfter("INSERT INTO t VALUES (1, '1', '1')"),
    hashAfter("INSERT INTO t VALUES (1, '1', NULL)"),
    hashAfter("INSERT INTO t VALUES (1, '1', '')"),
    hashAfter("INSERT INTO t VALUES (1, '1', 'NULL')"),
    hashAfter("INSERT INTO t VALUES (1, '1', 'a' || char(0) || 'b')"),
    hashAfter("INSERT INTO t VALUES (1, '1', 'a' || char(0) || 'c')"),
    hashAfter("INSERT INTO t VALUES (11, '', '1')"),
    hashAfter("CREATE INDEX i ON t (c)"),
    hashAfter("CREATE TABLE u (a INTEGER)"),
    hashAfter("CREATE TABLE u (a INTEGER)", "INSERT INTO u VALUES (1)"),
  ];
  assert.equal(new Set(hashes).size, hashes.length);
});

Deno.test("stateHash: quoted names are names", () => {
  using database = engine.open();
  database.run(`CREATE TABLE "we""ird t" ("a b" INTEGER NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID`);
  const empty = stateHash(database);
  database.run(`INSERT INTO "we""ird t" VALUES (1)`);
  assert.notEqual(stateHash(database), empty);
});

Deno.test("stateHashSteps: as many rows as a step takes, around it, and several steps give what one reading gives", () => {
  for (const count of [HASH_STEP_ROWS - 1, HASH_STEP_ROWS, HASH_STEP_ROWS + 1, 3 * HASH_STEP_ROWS]) {
    using database = engine.open();
    const sql = "CREATE TABLE t (a TEXT NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (b, a)) STRICT, WITHOUT ROWID";
    database.run(sql);
    const rows = Array.from({ length: count }, (_, n) => [`k${n}`, n % 7] as const);
    for (const [a, b] of rows) database.run("INSERT INTO t VALUES (:a, :b)", { a, b });
    const sorted = [...rows].sort(([a, m], [b, n]) => m - n || (a < b ? -1 : 1));
    const text = `${JSON.stringify([["t", sql]])}\n${JSON.stringify(sorted)}\n`;
    assert.equal(stateHash(database), sha256(new TextEncoder().encode(text)).toHex());
  }
});
