import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { SCHEMA_1_SQL, SCHEMA_2_SQL } from "../../../core/state/schema.ts";
import { sqlStatements, sqlTokens } from "../../../core/state/sql_tokens.ts";
import { newMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("SCHEMA_SQL: every table is strict, without rowid, and holds integers and text", () => {
  using mesh = newMesh(engine);
  const tables = mesh.machine.rows(
    "SELECT name, wr, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name <> 'sqlite_schema'" +
      " ORDER BY name",
  ).rows;
  assert.deepEqual(tables.map(([name]) => name), [
    "leases",
    "mesh_state",
    "namespaces",
    "node_versions",
    "nodes",
    "pools",
    "raft_acls",
    "raft_applied",
    "sessions",
  ]);
  for (const [name, withoutRowid, strict] of tables) {
    assert.deepEqual([withoutRowid, strict], [1, 1], String(name));
    const types = mesh.machine.rows("SELECT DISTINCT type FROM pragma_table_info(:name) ORDER BY type", {
      name: name ?? null,
    }).rows.flat();
    assert(types.every((type) => type === "INTEGER" || type === "TEXT"), String(name));
  }
});

Deno.test("SCHEMA_1_SQL, SCHEMA_2_SQL: can be cut into statements that only create", () => {
  for (const [sql, count] of [[SCHEMA_1_SQL, 6], [SCHEMA_2_SQL, 3]] as const) {
    const statements = sqlStatements(sqlTokens(sql) ?? []);
    assert.equal(statements.length, count);
    assert(statements.every(([first]) => first?.text === "create"));
  }
});

Deno.test("SCHEMA_1_SQL: foreign keys and checks hold whoever writes", () => {
  using mesh = newMesh(engine);
  using database = engine.open(mesh.machine.snapshot());
  database.run("PRAGMA foreign_keys = on");
  for (
    const sql of [
      "INSERT INTO leases (pool, number, node_id, public_key, created_at_ms) VALUES ('ipv6', 1, 'a', 'k', 0)",
      "INSERT INTO leases (pool, number, node_id, public_key, created_at_ms) VALUES ('subnet', 1, 'a', 'k', 0)",
      "DELETE FROM pools",
      "UPDATE nodes SET raft_id = 0",
      "UPDATE nodes SET raft_port = 65536",
      "UPDATE nodes SET wants_vote = 2",
      "UPDATE nodes SET public_key = NULL",
      "UPDATE nodes SET raft_id = 'x'",
      "INSERT INTO raft_acls VALUES ('a', 'b', 2, 0, 0)",
      "INSERT INTO sessions VALUES ('a', 0, '', 1)",
      "INSERT INTO node_versions VALUES ('nobody', '3.0.0', 2, 0)",
      "INSERT INTO namespaces VALUES ('a', 0)",
    ]
  ) assert.throws(() => database.run(sql), /constraint failed|cannot store/, sql);
});
