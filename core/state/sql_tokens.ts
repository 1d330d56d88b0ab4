/**
 * Tokens of SQL text as SQLite's own tokenizer cuts them (sqlite.org/lang.html), so that checks look at words and not at
 * substrings: what stands in strings, comments and quoted identifiers is told apart from what SQLite would run.
 *
 * Stricter than SQLite: text with NUL (where SQLite stops reading), characters beyond ASCII outside of quotes and
 * comments (SQLite takes U+FEFF for a space), unterminated quotes and comments, and parameters other than `:name` have
 * no tokens at all.
 *
 * @module
 */

/** What a token is. `quoted` is an identifier in quotes, `string` a literal. */
export type SqlTokenKind = "word" | "quoted" | "string" | "number" | "parameter" | "operator";

/** One token; spaces and comments are none. */
export interface SqlToken {
  readonly kind: SqlTokenKind;
  /**
   * Words and quoted identifiers in lower case, as SQLite compares them; quotes removed from `quoted` and `string`;
   * parameters without the colon.
   */
  readonly text: string;
}

const TOKEN = new RegExp(
  [
    /(?<space>[ \t\n\f\r]+|--[^\n]*|\/\*[^]*?\*\/)/,
    /(?<word>[A-Za-z_][A-Za-z0-9_$]*)/,
    /(?<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])/,
    /(?<string>'(?:[^']|'')*')/,
    /(?<number>[0-9][0-9A-Za-z_.]*)/,
    /:(?<parameter>[A-Za-z_][A-Za-z0-9_]*)/,
    /(?<operator>\/(?!\*)|[-+*%=<>!&|~,;().])/,
  ].map((part) => part.source).join("|"),
  "y",
);

/** The tokens of `sql` in order; `undefined` for text that cannot be cut. Linear in its length. Never throws. */
export function sqlTokens(sql: string): SqlToken[] | undefined {
  if (sql.includes("\0")) return undefined;
  const tokens: SqlToken[] = [];
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < sql.length) {
    const groups = pattern.exec(sql)?.groups;
    if (!groups) return undefined;
    const token = tokenOf(groups);
    if (token) tokens.push(token);
  }
  return tokens;
}

function tokenOf(groups: Record<string, string | undefined>): SqlToken | undefined {
  const { word, quoted, string, number, parameter, operator } = groups;
  if (word !== undefined) return { kind: "word", text: word.toLowerCase() };
  if (operator !== undefined) return { kind: "operator", text: operator };
  if (parameter !== undefined) return { kind: "parameter", text: parameter };
  if (string !== undefined) return { kind: "string", text: unquote(string) };
  if (number !== undefined) return { kind: "number", text: number };
  if (quoted !== undefined) return { kind: "quoted", text: unquote(quoted).toLowerCase() };
  return undefined;
}

/** Inside a quote the quote character is doubled; brackets know no escape. */
function unquote(text: string): string {
  const quote = text.charAt(0);
  const inner = text.slice(1, -1);
  return quote === "[" ? inner : inner.replaceAll(quote + quote, quote);
}

/**
 * Cuts tokens into statements at their semicolons, which are left out, as are empty statements. The semicolons inside a
 * trigger's body do not end it: `CREATE TRIGGER` ends with `; END`.
 */
export function sqlStatements(tokens: readonly SqlToken[]): SqlToken[][] {
  const statements: SqlToken[][] = [];
  let statement: SqlToken[] = [];
  for (const token of tokens) {
    if (isOperator(token, ";") && !insideTrigger(statement)) {
      if (statement.length > 0) statements.push(statement);
      statement = [];
    } else {
      statement.push(token);
    }
  }
  if (statement.length > 0) statements.push(statement);
  return statements;
}

/** True for `CREATE [TEMP] TRIGGER …` that `; END` has not closed yet. */
function insideTrigger(statement: readonly SqlToken[]): boolean {
  const [first, second, third] = statement;
  const create = isWord(first, "create");
  if (!create || !(isWord(second, "trigger") || isWord(third, "trigger"))) return false;
  const [beforeEnd, end] = statement.slice(-2);
  return !(isWord(end, "end") && beforeEnd !== undefined && isOperator(beforeEnd, ";"));
}

/** True if `token` is the unquoted word `text`. */
export function isWord(token: SqlToken | undefined, text: string): boolean {
  return token?.kind === "word" && token.text === text;
}

/** True if `token` is the operator `text`. */
export function isOperator(token: SqlToken | undefined, text: string): boolean {
  return token?.kind === "operator" && token.text === text;
}

/** Names of the parameters of one statement in the order in which SQLite numbers them, from 1: first use first. */
export function parameterNames(statement: readonly SqlToken[]): string[] {
  return [...new Set(statement.filter((token) => token.kind === "parameter").map((token) => token.text))];
}
