import assert from "node:assert/strict";
import { sqliteWasm } from "../../../core/io/assets.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { pluginEntryBytes, PluginTables } from "../../../core/node/plugin_tables.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { PARAMETER_UNITS_MAX } from "../../../core/state/limits.ts";
import { migrateCommand, nextMigration } from "../../../core/state/commands/migrate.ts";
import type { RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";

const engine = await loadSqlEngine(sqliteWasm());

/** A replica that applies what is proposed at once. */
class Replica implements Disposable {
  readonly machine = StateMachine.open(engine);

  constructor() {
    for (let next = this.machine.read(nextMigration); next !== undefined; next = this.machine.read(nextMigration)) {
      this.propose(migrateCommand(next));
    }
  }

  tables(namespace: string): PluginTables {
    return new PluginTables({
      namespace,
      read: (query) => this.machine.read(query),
      propose: (entry) => Promise.resolve().then(() => this.propose(entry)),
    });
  }

  propose(entry: RaftLogEntry) {
    const index = this.machine.appliedIndex + 1;
    const [response] = this.machine.applyBatch([{ index, term: 1, data: pluginEntryBytes(entry) }]);
    assert(response);
    return response;
  }

  [Symbol.dispose](): void {
    this.machine[Symbol.dispose]();
  }
}

const MADE = "CREATE TABLE menu_dishes (name TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID";
const INDEXED = "CREATE UNIQUE INDEX IF NOT EXISTS menu_short ON menu_dishes (substr(name, 1, 1));";

Deno.test("PluginTables: migrates once, goes on where it was, and writes", async () => {
  using replica = new Replica();
  const first = replica.tables("menu").open({ migrations: [MADE] });
  assert.equal(first.isReady(), false);
  await first.migrate();
  const before = replica.machine.appliedIndex;
  await first.migrate();
  assert.equal(replica.machine.appliedIndex, before);
  const second = replica.tables("menu").open({ migrations: [MADE, INDEXED] });
  assert.equal(second.isReady(), false);
  await second.migrate();
  assert(first.isReady() && second.isReady());
  const insert = { sql: "INSERT INTO menu_dishes (name) VALUES (:name) RETURNING name" };
  assert.deepEqual((await second.write(insert, { name: "soup" })).rows, [["soup"]]);
  await assert.rejects(second.write(insert, { name: "salad" }), { reason: "precondition" });
  const index = replica.machine.appliedIndex;
  await assert.rejects(second.write(insert, { name: "x".repeat(PARAMETER_UNITS_MAX + 1) }), {
    reason: "invalid-argument",
  });
  assert.equal(replica.machine.appliedIndex, index, "what no log may hold is not proposed");
});

Deno.test("PluginTables: SQL that reaches beyond the plugin's own tables is refused before it is proposed", async () => {
  using replica = new Replica();
  const tables = replica.tables("menu");
  const refused = [
    "CREATE TABLE dishes (name TEXT)",
    "CREATE TABLE IF NOT EXISTS nodes (id TEXT)",
    "CREATE TABLE menu_x (id TEXT REFERENCES nodes (id))",
    "CREATE INDEX menu_x ON nodes (id)",
    "CREATE TRIGGER menu_t AFTER INSERT ON nodes BEGIN SELECT 1; END",
    `${MADE}; DROP TABLE nodes`,
    "ALTER TABLE nodes RENAME TO menu_nodes",
    "DELETE FROM nodes",
    "UPDATE nodes SET id = 'x'",
    "UPDATE OR IGNORE nodes SET id = 'x'",
    "INSERT OR REPLACE INTO raft_acls (name) VALUES ('x')",
    'INSERT INTO "nodes" (id) VALUES (1)',
    "CREATE TABLE main.nodes2 (id TEXT)",
    "INSERT INTO menu_dishes (name) VALUES (random())",
    "PRAGMA foreign_keys = off",
  ];
  for (const sql of refused) {
    assert.throws(() => tables.open({ migrations: [sql] }), ConfigError, sql);
    await assert.rejects(tables.open({ migrations: [] }).write({ sql }, {}), ConfigError, sql);
  }
});

Deno.test("PluginTables: a plugin that is called like a table of the core has no tables", async () => {
  using replica = new Replica();
  const tables = replica.tables("raft").open({ migrations: ["CREATE TABLE raft_more (a TEXT)"] });
  await assert.rejects(tables.migrate(), /"raft_acls" is not its own/);
});

Deno.test("PluginTables: an upsert, a trigger of its own and a query of the core's tables are fine", async () => {
  using replica = new Replica();
  const trigger =
    "CREATE TRIGGER menu_t AFTER UPDATE OF name ON menu_dishes BEGIN DELETE FROM menu_dishes WHERE 0; END;";
  const table = replica.tables("menu").open({ migrations: [MADE, trigger] });
  await table.migrate();
  const sql =
    `INSERT INTO menu_dishes (name) SELECT :name FROM mesh_state AS m JOIN mesh_state AS n ON n.key = m.key WHERE true
    ON CONFLICT (name) DO UPDATE SET name = :name`;
  await table.write({ sql }, { name: "soup" });
});
