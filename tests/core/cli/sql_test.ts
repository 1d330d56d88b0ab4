import assert from "node:assert/strict";
import { UsageError } from "../../../core/cli/exit.ts";
import { runSql, type SqlOptions } from "../../../core/cli/sql.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { type FakeAnswers, FakeNode } from "./fake_node.ts";
import { RecordedOutput } from "./recorded_output.ts";

const ANSWERS: FakeAnswers = {
  query({ sql, parameters, rowLimit, timeoutMs }, level) {
    if (sql.includes("bad")) throw new MeshError("invalid-argument", "SQLite refuses the query: bad");
    const given = parameters.map(({ name, value }) => `${name}=${value?.kind.case}:${value?.kind.value}`);
    const text = [sql, ...given, rowLimit, timeoutMs, level].join("|");
    return { columns: ["said"], rows: [{ values: [{ kind: { case: "text", value: text } }] }] };
  },
  raftStatus: () => ({ leader: "a", id: "b" }),
  nodes: () => [{ id: "a" }],
  transfer: (id) => ({ leader: id || "best", term: 3n, moved: true }),
  snapshot: () => ({ index: 4n }),
};

async function sql(text: string, options: SqlOptions = {}, lines: readonly string[] = [], isTerminal = false) {
  await using node = await FakeNode.start(ANSWERS);
  const recorded = new RecordedOutput();
  const input = () => ({
    isTerminal,
    async *lines() {
      yield* await Promise.resolve(lines);
    },
  });
  const code = await runSql(text, options, node.host, recorded.output, input).catch((error) => error);
  return { code, out: recorded.out, err: recorded.err };
}

Deno.test("weft sql: one statement with its options", async () => {
  assert.equal((await sql("SELECT 1")).out, "said\nSELECT 1|0|0|\n");
  const options = { param: ["id=7", "t:text=7", "x=a=b", "n=-3"], level: "strong", limit: "5", timeout: "0.5" };
  assert.equal(
    (await sql("S", { ...options, output: "csv" })).out,
    "said\nS|id=integer:7|t=text:7|x=text:a=b|n=integer:-3|5|500|strong\n",
  );
  assert.deepEqual(JSON.parse((await sql("S", { json: true })).out).rows, [["S|0|0|"]]);
  assert.match((await sql("bad")).code.message, /SQLite refuses/);
});

Deno.test("weft sql: options that mean nothing are refused", async () => {
  const wrong: SqlOptions[] = [
    { level: "best" },
    { output: "xml" },
    { output: "csv", json: true },
    { limit: "-1" },
    { timeout: "soon" },
    { param: ["7"] },
  ];
  for (const options of wrong) assert((await sql("S", options)).code instanceof UsageError, JSON.stringify(options));
  assert((await sql("", { param: ["a=1"] })).code instanceof UsageError);
});

Deno.test("weft sql: dot-commands", async () => {
  assert.match((await sql(".tables")).out, /FROM sqlite_schema/);
  assert.match((await sql(".schema nodes")).out, /sqlite_schema.*\|table=text:nodes\|/);
  assert.match((await sql(".dump nodes", { json: true })).out, /^-- State of log index \d+\n[^]*\nCOMMIT;\n$/);
  assert.match((await sql(".indexes")).out, /type = 'index'.*table=text:\|/);
  assert.equal((await sql(".leader")).out, "a\n");
  assert.match((await sql(".status", { json: true })).out, /"id": "b"/);
  assert.match((await sql(".nodes")).out, /^NODE .*\na /);
  assert.match((await sql(".stepdown c")).out, /^c leads now/);
  assert.match((await sql(".snapshot")).out, /index 4/);
  assert.match((await sql(".help")).out, /\.consistency/);
  assert.match((await sql(".table")).code.message, /Did you mean \.tables\?/);
  assert.match((await sql(".schema a b")).code.message, /more than one argument/);
});

Deno.test("weft sql: lines of a pipe, to the first error", async () => {
  const talk = await sql("", {}, [".mode csv", ".level weak", "", "one", ".limit 3", "two", ".quit", "never"]);
  assert.deepEqual([talk.code, talk.out, talk.err], [0, "said\none|0|0|weak\nsaid\ntwo|3|0|weak\n", ""]);
  const failed = await sql("", {}, ["bad", "never"]);
  assert.match(failed.code.message, /SQLite refuses/);
  assert.equal(failed.out, "");
});

Deno.test("weft sql: at a terminal it prompts, and goes on after errors", async () => {
  const talk = await sql("", {}, ["bad", ".nonsense", "one"], true);
  assert.equal(talk.code, 0);
  assert.equal(talk.out, "said\none|0|0|\n");
  assert.match(talk.err, /^weft> error: SQLite refuses[^\n]*\n(?:next[^\n]*\n)?weft> error: Unknown command/);
});
