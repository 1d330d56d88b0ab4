import { strict as assert } from "node:assert";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type AskQuery, DUMP_TRIES_MAX, dumpSql } from "../../../core/cli/sql_dump.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { StateQueries } from "../../../core/node/state_query.ts";
import type { SqlValue } from "../../../core/seams/sql_database.ts";
import type { StateMachine } from "../../../core/state/apply.ts";
import { joinCommand } from "../../../core/state/commands/join_node.ts";
import { stateHash } from "../../../core/state/state_hash.ts";
import {
  QueryRequestSchema,
  QueryResponseSchema,
  type QueryValueSchema,
} from "../../../proto/gen/weft/v1/control_pb.ts";
import { joiner, newMesh } from "../state/mesh_fixture.ts";

const sqlite = await loadSqlEngine();
const { signal } = new AbortController();

/** Asks the product's own queries, each in a thread. */
function askOf(queries: StateQueries): AskQuery {
  return async (sql, parameters) =>
    create(QueryResponseSchema, await queries.run(create(QueryRequestSchema, { sql, parameters }), signal));
}

/** Asks the state machine itself, which has texts and integers only; `rowLimit` rows at a time. */
function askHere(machine: StateMachine, rowLimit = Infinity): AskQuery {
  return (sql, parameters) => {
    const given = Object.fromEntries(parameters.map(({ name = "", value }) => [name, String(value?.kind?.value)]));
    const { rows } = machine.read((reader) => reader.rows(sql, given));
    return Promise.resolve(create(QueryResponseSchema, {
      rows: rows.slice(0, rowLimit).map((row) => ({ values: row.map(valueOf) })),
      truncated: rows.length > rowLimit ? "rows" : "",
      appliedIndex: BigInt(machine.appliedIndex),
    }));
  };
}

function valueOf(value: SqlValue): MessageInitShape<typeof QueryValueSchema> {
  if (value === null) return {};
  if (typeof value === "string") return { kind: { case: "text", value } };
  return { kind: { case: "integer", value: BigInt(Number(value)) } };
}

Deno.test("dumpSql: what it says makes the same state, also in many answers", async () => {
  using mesh = newMesh(sqlite);
  for (const n of [1, 2, 3]) mesh.apply(joinCommand(joiner(n)));
  const before = mesh.machine.stateHash();
  const texts: string[] = [];
  for (const rowLimit of [Infinity, 2]) texts.push(await dumpSql(askHere(mesh.machine, rowLimit), ""));
  assert.equal(texts[0], texts[1]);
  assert.match(texts[0] ?? "", new RegExp(`^-- State of log index ${mesh.machine.appliedIndex}\n`));
  using copy = sqlite.open();
  copy.run(texts[0] ?? "");
  assert.equal(stateHash(copy), before);
});

Deno.test("dumpSql: values of every kind, names with quotes, and one table alone", async () => {
  using database = sqlite.open();
  database.run(`
    CREATE TABLE "odd ""name" (a, b);
    CREATE INDEX ia ON "odd ""name" (a);
    CREATE TABLE other (c);
    INSERT INTO other VALUES (1);
    INSERT INTO "odd ""name" VALUES (-9223372036854775807 - 1, 9223372036854775807), (2.0, 1e300), (9e999, -0.5),
      ('it''s' || char(10) || 'two lines', CAST(x'6100ff62' AS TEXT)), (x'00ff', NULL), ('', x'')`);
  await using queries = new StateQueries({ appliedIndex: 7, snapshot: () => database.export() });
  const text = await dumpSql(askOf(queries), 'odd "name');
  assert.doesNotMatch(text, /other/);
  using copy = sqlite.open();
  copy.run(text);
  const look = 'SELECT typeof(a), quote(a), typeof(b), hex(b) FROM "odd ""name"';
  assert.deepEqual(copy.run(look).rows.slice(0, 3), database.run(look).rows.slice(0, 3));
  assert.equal(copy.run("SELECT count(*) FROM sqlite_schema WHERE name = 'ia'").rows[0]?.[0], 1);
  await assert.rejects(dumpSql(askOf(queries), "nowhere"), /there is no such table/);
});

Deno.test("dumpSql: is of one index, begins again when the state moves on, and gives up when it always does", async () => {
  using mesh = newMesh(sqlite);
  const ask = askHere(mesh.machine);
  let asked = 0;
  let moves = 1;
  const moving: AskQuery = async (sql, parameters) => {
    if (++asked % 2 === 0 && moves-- > 0) mesh.apply(joinCommand(joiner(asked)));
    return await ask(sql, parameters);
  };
  assert.match(await dumpSql(moving, "nodes"), new RegExp(`^-- State of log index ${mesh.machine.appliedIndex}\n`));
  asked = 0;
  moves = Infinity;
  await assert.rejects(dumpSql(moving, "nodes"), { reason: "unavailable" });
  assert.equal(asked, 2 * DUMP_TRIES_MAX);
});

Deno.test("dumpSql: a row that no answer can hold is refused", async () => {
  const full = create(QueryResponseSchema, { truncated: "bytes" });
  await assert.rejects(dumpSql(() => Promise.resolve(full), ""), { reason: "exhausted" });
});
