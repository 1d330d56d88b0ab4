import { strict as assert } from "node:assert";
import { runBoundedQuery } from "../../../core/io/sql_query.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";

const LIMITS = { parameters: {}, rowCountMax: 100, bytesMax: 10_000, timeoutMs: 10_000 };
const { signal } = new AbortController();

async function image(): Promise<Uint8Array<ArrayBuffer>> {
  using database = (await loadSqlEngine()).open();
  database.run("CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (9007199254740993, 'x'), (2, NULL)");
  return new Uint8Array(database.export());
}

Deno.test("runBoundedQuery: rows with every kind of value, and parameters", async () => {
  const sql = "SELECT a, b, 1.5, x'00ff', :p FROM t ORDER BY a";
  assert.deepEqual(await runBoundedQuery({ ...LIMITS, image: await image(), sql, parameters: { p: "q" } }, signal), {
    kind: "rows",
    columns: ["a", "b", "1.5", "x'00ff'", ":p"],
    rows: [[2n, null, 1.5, Uint8Array.of(0, 255), "q"], [9007199254740993n, "x", 1.5, Uint8Array.of(0, 255), "q"]],
    truncated: "",
  });
});

Deno.test("runBoundedQuery: stops at the row and at the byte limit, not before", async () => {
  const numbers = (count: number) =>
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  for (const [count, truncated] of [[100, ""], [101, "rows"]] as const) {
    const sql = `${numbers(count)} SELECT i FROM n`;
    const answer = await runBoundedQuery({ ...LIMITS, image: await image(), sql }, signal);
    assert(answer.kind === "rows");
    assert.deepEqual([answer.rows.length, answer.truncated], [100, truncated]);
  }
  const sql = `${numbers(50)} SELECT printf('%0500d', i) FROM n`;
  const answer = await runBoundedQuery({ ...LIMITS, image: await image(), sql }, signal);
  assert(answer.kind === "rows");
  assert.deepEqual([answer.rows.length, answer.truncated], [6, "bytes"]);
});

Deno.test("runBoundedQuery: what never ends and gives no row ends with its time, or with its caller", async () => {
  const sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";
  assert.deepEqual(await runBoundedQuery({ ...LIMITS, image: await image(), sql, timeoutMs: 300 }, signal), {
    kind: "late",
  });
  const caller = new AbortController();
  const running = runBoundedQuery({ ...LIMITS, image: await image(), sql }, caller.signal);
  caller.abort(new Error("gone"));
  await assert.rejects(running, /gone/);
});

Deno.test("runBoundedQuery: what needs too much memory, is damaged or is no SQL is refused", async () => {
  const hungry = "SELECT length(hex(zeroblob(200000000)))";
  assert.deepEqual(await runBoundedQuery({ ...LIMITS, image: await image(), sql: hungry }, signal), {
    kind: "refused",
    why: "out of memory",
  });
  const garbage = new Uint8Array(4096).fill(7);
  assert.equal((await runBoundedQuery({ ...LIMITS, image: garbage, sql: "SELECT * FROM t" }, signal)).kind, "refused");
  const wrong = await runBoundedQuery({ ...LIMITS, image: await image(), sql: "SELECT FROM" }, signal);
  assert(wrong.kind === "refused");
  assert.match(wrong.why, /syntax error/);
  const write = await runBoundedQuery({ ...LIMITS, image: await image(), sql: "DELETE FROM t" }, signal);
  assert.equal(write.kind, "refused", "query_only");
});
