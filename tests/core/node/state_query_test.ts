import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import {
  QUERY_COUNT_MAX,
  QUERY_PARAMETER_COUNT_MAX,
  QUERY_UNITS_MAX,
  StateQueries,
} from "../../../core/node/state_query.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { QueryRequestSchema } from "../../../proto/gen/weft/v1/control_pb.ts";

const { signal } = new AbortController();

function request(fields: MessageInitShape<typeof QueryRequestSchema>) {
  return create(QueryRequestSchema, fields);
}

function text(name: string, value: string) {
  return { name, value: { kind: { case: "text", value } } } as const;
}

Deno.test("StateQueries: values of each kind and the index they are from", async () => {
  using machine = StateMachine.open(await loadSqlEngine());
  machine.advanceTo(5, 1);
  await using queries = new StateQueries(machine);
  const sql = "SELECT 1, 2.5, 'a', x'01', NULL, :p;";
  const answer = await queries.run(request({ sql, parameters: [text("p", "q")] }), signal);
  assert.equal(answer.appliedIndex, 5n);
  assert.deepEqual(answer.rows?.[0]?.values?.map((value) => value.kind?.value), [
    1n,
    2.5,
    "a",
    Uint8Array.of(1),
    undefined,
    "q",
  ]);
  const few = await queries.run(request({ sql: "VALUES (1), (2), (3)", rowLimit: 2 }), signal);
  assert.deepEqual([few.rows?.length, few.truncated], [2, "rows"]);
  await assert.rejects(queries.run(request({ sql: "SELECT * FROM nowhere" }), signal), {
    reason: "invalid-argument",
    message: /no such table/,
  });
});

Deno.test("StateQueries: one statement that only reads, with the parameters that it has", async () => {
  using machine = StateMachine.open(await loadSqlEngine());
  await using queries = new StateQueries(machine);
  const refused: [MessageInitShape<typeof QueryRequestSchema>, RegExp][] = [
    [{ sql: "" }, /no statement/],
    [{ sql: "-- nothing" }, /no statement/],
    [{ sql: "SELECT 1; SELECT 2" }, /one statement/],
    [{ sql: "DELETE FROM applied" }, /would write/],
    [{ sql: "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x" }, /would write/],
    [{ sql: "PRAGMA query_only = off" }, /would write/],
    [{ sql: "ATTACH 'x' AS y" }, /would write/],
    [{ sql: "SELECT 'open" }, /cannot be read/],
    [{ sql: "SELECT 1\0" }, /cannot be read/],
    [{ sql: "SELECT :a" }, /:a is missing/],
    [{ sql: "SELECT 1", parameters: [text("a", "")] }, /no parameter :a/],
    [{ sql: `SELECT 1 --${" ".repeat(QUERY_UNITS_MAX)}` }, /longer than/],
    [
      { sql: "SELECT 1", parameters: Array.from({ length: QUERY_PARAMETER_COUNT_MAX + 1 }, () => text("a", "")) },
      /more than 64/,
    ],
  ];
  for (const [fields, message] of refused) {
    await assert.rejects(queries.run(request(fields), signal), { reason: "invalid-argument", message });
  }
});

Deno.test("StateQueries: so many at one time and no more; those that never end make room after their time", async () => {
  using machine = StateMachine.open(await loadSqlEngine());
  await using queries = new StateQueries(machine);
  const endless = request({
    sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0",
    timeoutMs: 100,
  });
  const short = request({ sql: "SELECT 1" });
  const running = Array.from({ length: QUERY_COUNT_MAX }, () => queries.run(endless, signal));
  running.forEach((query) => query.catch(() => {}));
  await assert.rejects(queries.run(short, signal), { reason: "exhausted", message: /queries already$/ });
  for (const query of running) await assert.rejects(query, { reason: "timeout", message: /after 0.1 s/ });
  await eventually(
    "room",
    () => queries.run(short, signal).then(({ rows }) => rows?.length === 1, () => false),
    // A moment later, but queries have the lowest priority: the other tests go first.
    30_000,
  );
});
