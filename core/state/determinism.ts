/**
 * What SQL inside a log entry may not say (design §7): anything whose result depends on the replica that runs it, on
 * the connection or on the moment, and anything that would reach out of the entry's savepoint.
 *
 * The guard is part of the state machine: the same text is refused with the same words on every replica. Date and time
 * functions are refused altogether, because `datetime(:t)` reads the clock when a proposer binds `now`; times are
 * integers in milliseconds that arrive as parameters.
 *
 * Leaves out how long a statement runs and what it does to the tables: SQL is built by `commands/` alone, and whoever
 * leads the mesh may write to it.
 *
 * @module
 */
import { SQL_UNITS_MAX, STATEMENT_CACHE_COUNT_MAX } from "./limits.ts";
import { isOperator, isWord, sqlStatements, type SqlToken, sqlTokens } from "./sql_tokens.ts";

/** The state machine's own table, which says how far the log is applied; entries do not know it. */
export const APPLIED_TABLE = "raft_applied";

/** The table in which the parts of a backup wait; see `restore.ts`. */
export const RESTORE_TABLE = "raft_restore";

/** Functions of chance, clock, connection and library version, by the name that a parenthesis follows. */
const FUNCTIONS_REFUSED: ReadonlySet<string> = new Set([
  "changes",
  "date",
  "datetime",
  "fts3_tokenizer",
  "julianday",
  "last_insert_rowid",
  "load_extension",
  "random",
  "randomblob",
  "sqlite_compileoption_get",
  "sqlite_compileoption_used",
  "sqlite_log",
  "sqlite_offset",
  "sqlite_source_id",
  "sqlite_version",
  "strftime",
  "time",
  "timediff",
  "total_changes",
  "unixepoch",
]);

/**
 * Words refused wherever they stand unquoted: clock literals; what ends the surrounding transaction (`ON CONFLICT
 * ROLLBACK`); constraint checks put off to it; tables that live in the connection or bring code of their own.
 */
const WORDS_REFUSED: ReadonlySet<string> = new Set([
  "current_date",
  "current_time",
  "current_timestamp",
  "deferrable",
  "deferred",
  "rollback",
  "temp",
  "temporary",
  "virtual",
]);

/** Statements refused by their first word. */
const STATEMENTS_REFUSED: ReadonlySet<string> = new Set([
  "analyze",
  "attach",
  "begin",
  "commit",
  "detach",
  "end",
  "explain",
  "pragma",
  "reindex",
  "release",
  "savepoint",
  "vacuum",
]);

/** Why `sql` may not run inside a log entry, a sentence without details; `undefined` if it may. Never throws. */
export function entrySqlProblem(sql: string): string | undefined {
  if (sql.length > SQL_UNITS_MAX) return "SQL text is too long";
  const tokens = sqlTokens(sql);
  if (!tokens) return "SQL text cannot be read";
  const statements = sqlStatements(tokens);
  if (statements.length === 0) return "SQL text has no statement";
  for (const statement of statements) {
    const [first] = statement;
    if (first?.kind === "word" && STATEMENTS_REFUSED.has(first.text)) return refused(first.text);
    for (const [index, token] of statement.entries()) {
      if (isRefused(token, statement[index + 1])) return refused(token.text);
    }
  }
  return undefined;
}

function isRefused(token: SqlToken, next: SqlToken | undefined): boolean {
  switch (token.kind) {
    case "word":
      return WORDS_REFUSED.has(token.text) || isRefusedName(token.text, next);
    case "quoted":
    case "string":
      // SQLite takes both for names: "random"(), 'temp'.t, FROM 'pragma_database_list'.
      return isRefusedName(token.text.toLowerCase(), next);
    case "number":
    case "parameter":
    case "operator":
      return false;
  }
}

function isRefusedName(name: string, next: SqlToken | undefined): boolean {
  return (isOperator(next, "(") && FUNCTIONS_REFUSED.has(name)) || (isOperator(next, ".") && name === "temp") ||
    name.startsWith("pragma_") || name === APPLIED_TABLE || name === RESTORE_TABLE;
}

function refused(name: string): string {
  return `SQL text says ${name.toUpperCase()}, which a log entry may not`;
}

/** True if `sql` is one statement and no more. Never throws. */
export function isSingleStatement(sql: string): boolean {
  const tokens = sqlTokens(sql);
  return tokens !== undefined && sqlStatements(tokens).length === 1;
}

/**
 * True if `sql` is one INSERT, UPDATE or DELETE that takes back everything it did when it fails: not `OR FAIL`, which keeps
 * a part, and no `RETURNING`, whose rows are looked at when all is done. What tables and triggers say is not seen here. Never throws.
 */
export function undoesItself(sql: string): boolean {
  const tokens = sqlTokens(sql);
  const statements = tokens ? sqlStatements(tokens) : [];
  const [statement] = statements;
  if (statements.length !== 1 || !statement) return false;
  return ["insert", "update", "delete"].some((word) => isWord(statement[0], word)) &&
    !statement.some((token) => isWord(token, "fail") || isWord(token, "returning"));
}

/** True if `sql` may make a table or trigger that says FAIL: one whose failures keep a part of what was done. */
export function saysFail(sql: string): boolean {
  return /\bfail\b/i.test(sql);
}

/** True if every statement of `sql` only reads: `SELECT`, `VALUES`, and `WITH` in front of them. Never throws. */
export function isReadOnlySql(sql: string): boolean {
  const tokens = sqlTokens(sql);
  const statements = tokens ? sqlStatements(tokens) : [];
  return statements.length > 0 && statements.every(isReadOnlyStatement);
}

/** True if the statement only reads. */
export function isReadOnlyStatement(statement: readonly SqlToken[]): boolean {
  const [first] = statement;
  if (!isWord(first, "select") && !isWord(first, "values") && !isWord(first, "with")) return false;
  return !statement.some((token, index) =>
    isWord(token, "insert") || isWord(token, "update") || isWord(token, "delete") ||
    (isWord(token, "replace") && !isOperator(statement[index + 1], "("))
  );
}

/** Remembers the verdict on the SQL texts seen last, because commands use few texts many times. */
export class SqlVerdicts<Verdict> {
  readonly #judge: (sql: string) => Verdict;
  readonly #verdicts = new Map<string, Verdict>();

  constructor(judge: (sql: string) => Verdict) {
    this.#judge = judge;
  }

  /** Texts remembered now, at most {@linkcode STATEMENT_CACHE_COUNT_MAX}. */
  get size(): number {
    return this.#verdicts.size;
  }

  /** What the judge says of `sql`. */
  of(sql: string): Verdict {
    const known = this.#verdicts.get(sql);
    if (known !== undefined || this.#verdicts.has(sql)) return known as Verdict;
    if (this.#verdicts.size >= STATEMENT_CACHE_COUNT_MAX) this.#verdicts.clear();
    const verdict = this.#judge(sql);
    this.#verdicts.set(sql, verdict);
    return verdict;
  }
}
