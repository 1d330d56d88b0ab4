import { strict as assert } from "node:assert";
import { QueryThreads } from "../../../core/io/sql_query.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { mustRun } from "../../e2e/lab/command.ts";
import { eventually } from "../../e2e/lab/eventually.ts";

const LIMITS = { parameters: {}, rowCountMax: 100, bytesMax: 10_000, timeoutMs: 10_000 };
const { signal } = new AbortController();
/** No row, and no end. */
const ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";
/** No end, and few instructions for much work. */
const ENDLESS_SORTS =
  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT count(*) FROM n a, n b, n c, n d ORDER BY a.i + b.i * c.i - d.i";
/** A second or two where the processors have time; queries have the lowest priority. */
const END_DEADLINE_MS = 30_000;

async function image(): Promise<Uint8Array<ArrayBuffer>> {
  using database = (await loadSqlEngine()).open();
  database.run("CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (9007199254740993, 'x'), (2, NULL)");
  return new Uint8Array(database.export());
}

Deno.test("QueryThreads.run: rows with every kind of value, and parameters", async () => {
  await using threads = new QueryThreads();
  const sql = "SELECT a, b, 1.5, x'00ff', :p FROM t ORDER BY a";
  assert.deepEqual(await threads.run({ ...LIMITS, image: await image(), sql, parameters: { p: "q" } }, signal), {
    kind: "rows",
    columns: ["a", "b", "1.5", "x'00ff'", ":p"],
    rows: [[2n, null, 1.5, Uint8Array.of(0, 255), "q"], [9007199254740993n, "x", 1.5, Uint8Array.of(0, 255), "q"]],
    truncated: "",
  });
});

Deno.test("QueryThreads.run: stops at the row and at the byte limit, not before", async () => {
  await using threads = new QueryThreads();
  const numbers = (count: number) =>
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  for (const [count, truncated] of [[100, ""], [101, "rows"]] as const) {
    const sql = `${numbers(count)} SELECT i FROM n`;
    const answer = await threads.run({ ...LIMITS, image: await image(), sql }, signal);
    assert(answer.kind === "rows");
    assert.deepEqual([answer.rows.length, answer.truncated], [100, truncated]);
  }
  const sql = `${numbers(50)} SELECT printf('%0500d', i) FROM n`;
  const answer = await threads.run({ ...LIMITS, image: await image(), sql }, signal);
  assert(answer.kind === "rows");
  assert.deepEqual([answer.rows.length, answer.truncated], [6, "bytes"]);
});

Deno.test("QueryThreads.run: an endless query ends soon after nobody waits for it", async () => {
  await using threads = new QueryThreads();
  for (const sql of [ENDLESS, ENDLESS_SORTS]) {
    const late = await threads.run({ ...LIMITS, image: await image(), sql, timeoutMs: 50 }, signal);
    assert.deepEqual(late, { kind: "late" });
    assert.equal(threads.overdueCount, 1);
    await eventually("the end of it", () => threads.overdueCount === 0, END_DEADLINE_MS);
  }
  const caller = new AbortController();
  const running = threads.run({ ...LIMITS, image: await image(), sql: ENDLESS }, caller.signal);
  caller.abort(new Error("gone"));
  await assert.rejects(running, /gone/);
  assert.equal(threads.overdueCount, 1);
  const short = await threads.run({ ...LIMITS, image: await image(), sql: "SELECT 1" }, signal);
  assert.equal(short.kind, "rows", "others do not wait for it");
  await eventually("the end of it", () => threads.overdueCount === 0, END_DEADLINE_MS);
  const next = await threads.run({ ...LIMITS, image: await image(), sql: "SELECT 1" }, signal);
  assert.equal(next.kind, "rows", "the thread answers again");
});

Deno.test("QueryThreads: closing does not wait for an endless query", async () => {
  const threads = new QueryThreads();
  const running = threads.run({ ...LIMITS, image: await image(), sql: ENDLESS, timeoutMs: 100 }, signal);
  await threads[Symbol.asyncDispose]();
  assert.notEqual((await running).kind, "rows");
});

Deno.test("QueryThreads.run: what needs too much memory, is damaged or is no SQL is refused", async () => {
  await using threads = new QueryThreads();
  const hungry = "SELECT length(hex(zeroblob(200000000)))";
  assert.deepEqual(await threads.run({ ...LIMITS, image: await image(), sql: hungry }, signal), {
    kind: "refused",
    why: "out of memory",
  });
  const garbage = new Uint8Array(4096).fill(7);
  assert.equal((await threads.run({ ...LIMITS, image: garbage, sql: "SELECT * FROM t" }, signal)).kind, "refused");
  const wrong = await threads.run({ ...LIMITS, image: await image(), sql: "SELECT FROM" }, signal);
  assert(wrong.kind === "refused");
  assert.match(wrong.why, /syntax error/);
  const write = await threads.run({ ...LIMITS, image: await image(), sql: "DELETE FROM t" }, signal);
  assert.equal(write.kind, "refused", "query_only");
});

Deno.test("QueryThreads.run: one thread answers one query after the other, and each for itself", async () => {
  // A process of its own, because other tests of this one have threads too.
  const module = (path: string) => new URL(`../../../core/io/${path}`, import.meta.url).href;
  const script = `import { QueryThreads } from "${module("sql_query.ts")}";
    import { loadSqlEngine } from "${module("sqljs.ts")}";
    const tasks = () => [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name);
    const workers = () => tasks().filter((id) => Deno.readTextFileSync("/proc/self/task/" + id + "/comm").startsWith("worker"));
    const database = (await loadSqlEngine()).open();
    database.run("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
    const threads = new QueryThreads();
    const limits = { parameters: {}, rowCountMax: 100, bytesMax: 10_000, timeoutMs: 10_000 };
    const run = (sql) =>
      threads.run({ ...limits, image: new Uint8Array(database.export()), sql }, new AbortController().signal);
    const count = "SELECT count(*) FROM t";
    const first = await run(count);
    const before = workers();
    const others = ["SELECT FROM", "DELETE FROM t", "PRAGMA query_only = off", count, "SELECT hex(zeroblob(200000000))"];
    for (const sql of others) await run(sql);
    const last = await run(count);
    console.log(first.rows[0][0], last.rows[0][0], before.length, before.join() === workers().join());
    Deno.exit(0);`;
  assert.equal(await mustRun([Deno.execPath(), "eval", "--quiet", script]), "2n 2n 1 true\n");
});
