import { strict as assert } from "node:assert";
import { isOperator, isWord, parameterNames, sqlStatements, sqlTokens } from "../../../core/state/sql_tokens.ts";

function texts(sql: string): string[] | undefined {
  return sqlTokens(sql)?.map(({ kind, text }) => `${kind} ${text}`);
}

function statements(sql: string): string[] {
  return sqlStatements(sqlTokens(sql) ?? []).map((tokens) => tokens.map(({ text }) => text).join(" "));
}

Deno.test("sqlTokens: tells words, quotes, literals, parameters and operators apart", () => {
  assert.deepEqual(texts("Select X, 12.5, :par_1 FROM t WHERE a<>'b''c'"), [
    "word select",
    "word x",
    "operator ,",
    "number 12.5",
    "operator ,",
    "parameter par_1",
    "word from",
    "word t",
    "word where",
    "word a",
    "operator <",
    "operator >",
    "string b'c",
  ]);
});

Deno.test("sqlTokens: all three quotes of identifiers, with doubled quotes", () => {
  assert.deepEqual(texts('"A""b" `C``d` [E f]'), ['quoted a"b', "quoted c`d", "quoted e f"]);
});

Deno.test("sqlTokens: comments and spaces are nothing, whatever they hold", () => {
  assert.deepEqual(texts("a -- ' \" random(\n/* ; ' */\t\f\r\nb--"), ["word a", "word b"]);
});

Deno.test("sqlTokens: nothing inside a string is a token", () => {
  assert.deepEqual(texts("'-- not a comment; /* '"), ["string -- not a comment; /* "]);
});

Deno.test("sqlTokens: text that SQLite would cut otherwise has no tokens", () => {
  const hostile = [
    "SELECT 1\0; DROP TABLE t",
    "SELECT 'a\0b'",
    "SELECT 1 -- \0",
    "\ufeffrandom()",
    "SELECT '",
    'SELECT "a',
    "SELECT `a",
    "SELECT [a",
    "SELECT 1 /* open",
    "SELECT ?",
    "SELECT ?1",
    "SELECT @a",
    "SELECT $a",
    "SELECT #1",
    "SELECT 1\x0b",
    "SELECT ä",
    "SELECT :",
    "SELECT \\",
  ];
  for (const sql of hostile) assert.equal(sqlTokens(sql), undefined, JSON.stringify(sql));
});

Deno.test("sqlTokens: characters beyond ASCII are allowed in quotes and comments", () => {
  assert.deepEqual(texts("'ä' \"ö\" -- ü"), ["string ä", "quoted ö"]);
});

Deno.test("sqlTokens: long text is cut in one pass", () => {
  assert(sqlTokens("/* ".repeat(20_000)) === undefined);
  assert(sqlTokens("'".repeat(60_001)) === undefined);
  assert(sqlTokens("[".repeat(60_000)) === undefined);
  assert(sqlTokens("- ".repeat(30_000))?.length === 30_000);
});

Deno.test("sqlStatements: cuts at semicolons outside of quotes and drops empty statements", () => {
  assert.deepEqual(statements("; a;; b ';' ;"), ["a", "b ;"]);
});

Deno.test("sqlStatements: a trigger ends with ; END", () => {
  const trigger = "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT CASE WHEN 1 THEN 2 END; DELETE FROM x; END";
  assert.equal(statements(`${trigger}; SELECT 1; SELECT 2`).length, 3);
  assert.equal(statements(`${trigger.replace("TRIGGER", "TEMP TRIGGER")}; SELECT 1`).length, 2);
});

Deno.test("parameterNames: in order of first use, each once", () => {
  assert.deepEqual(parameterNames(sqlTokens("SELECT :b, ':c', :a, :b -- :d") ?? []), ["b", "a"]);
});

Deno.test("isWord, isOperator: unquoted only", () => {
  const [word, quoted, operator] = sqlTokens('a "a" (') ?? [];
  assert.deepEqual([isWord(word, "a"), isWord(quoted, "a"), isWord(undefined, "a")], [true, false, false]);
  assert.deepEqual([isOperator(operator, "("), isOperator(word, "a")], [true, false]);
});
