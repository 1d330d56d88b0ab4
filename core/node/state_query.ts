/**
 * `Control.Query`: what an operator asks of the replicated database in SQL, checked, bounded, and off the control thread.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  QueryParameter,
  QueryRequest,
  QueryResponseSchema,
  QueryValueSchema,
} from "../../proto/gen/weft/v1/control_pb.ts";
import { type QueryCell, QueryThreads } from "../io/sql_query.ts";
import { MeshError } from "../plugin/errors.ts";
import { isReadOnlySql } from "../state/determinism.ts";
import { parameterNames, sqlStatements, sqlTokens } from "../state/sql_tokens.ts";

/** UTF-16 units of a query's text. */
export const QUERY_UNITS_MAX = 64 * 1024;
/** Parameters of a query. */
export const QUERY_PARAMETER_COUNT_MAX = 64;
/** Rows of an answer. */
export const QUERY_ROW_COUNT_MAX = 10_000;
/** Texts and blobs of an answer, which must fit one message; bytes. */
export const QUERY_ANSWER_BYTES_MAX = 2 << 20;
/** How long a query may take, in milliseconds. */
export const QUERY_TIMEOUT_MS = 10_000;
/** Queries at one time: each has a copy of the database and a thread. */
export const QUERY_COUNT_MAX = 2;

/** What queries need of the state machine. */
export interface QueriedState {
  readonly appliedIndex: number;
  snapshot(): Uint8Array;
}

/** Runs queries. */
export class StateQueries implements AsyncDisposable {
  readonly #machine: QueriedState;
  readonly #threads = new QueryThreads();
  #runningCount = 0;

  constructor(machine: QueriedState) {
    this.#machine = machine;
  }

  /**
   * Answers one query from the state as it is now.
   *
   * @throws {MeshError} `invalid-argument` for a text that is not one statement that only reads, or that SQLite refuses;
   * `timeout`; `exhausted` while too many are under way.
   */
  async run(request: QueryRequest, signal: AbortSignal): Promise<MessageInitShape<typeof QueryResponseSchema>> {
    checkSql(request.sql, request.parameters);
    const { overdueCount } = this.#threads;
    if (this.#runningCount + overdueCount >= QUERY_COUNT_MAX) {
      const overdue = overdueCount === 0 ? "" : `, ${overdueCount} of them longer than they may`;
      throw new MeshError("exhausted", `This node runs ${QUERY_COUNT_MAX} queries already${overdue}`, {
        hint: "Run it again in a moment.",
      });
    }
    this.#runningCount++;
    try {
      return await this.#run(request, signal);
    } finally {
      this.#runningCount--;
    }
  }

  /** Queries under way are given up. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#threads[Symbol.asyncDispose]();
  }

  async #run(request: QueryRequest, signal: AbortSignal): Promise<MessageInitShape<typeof QueryResponseSchema>> {
    const timeoutMs = limited(request.timeoutMs, QUERY_TIMEOUT_MS);
    const appliedIndex = this.#machine.appliedIndex;
    const answer = await this.#threads.run({
      // A copy of its own, to be given away.
      image: new Uint8Array(this.#machine.snapshot()),
      sql: request.sql,
      parameters: Object.fromEntries(request.parameters.map(({ name, value }) => [name, cellOf(value?.kind)])),
      rowCountMax: limited(request.rowLimit, QUERY_ROW_COUNT_MAX),
      bytesMax: QUERY_ANSWER_BYTES_MAX,
      timeoutMs,
    }, signal);
    switch (answer.kind) {
      case "late":
        throw new MeshError("timeout", `The query has no answer after ${timeoutMs / 1000} s`, {
          hint: "Ask for less, or join tables by their keys.",
        });
      case "refused":
        throw new MeshError("invalid-argument", `SQLite refuses the query: ${answer.why}`, {
          hint: "List the tables: `weft sql .schema`.",
        });
      case "rows":
        return {
          columns: [...answer.columns],
          rows: answer.rows.map((row) => ({ values: row.map(valueMessage) })),
          truncated: answer.truncated,
          appliedIndex: BigInt(appliedIndex),
        };
    }
  }
}

function checkSql(sql: string, given: readonly QueryParameter[]): void {
  const refuse = (why: string): never => {
    throw new MeshError("invalid-argument", `Cannot run the query: ${why}`, {
      hint: "Queries read: SELECT, VALUES, and WITH in front of them. Parameters are written :name.",
    });
  };
  if (sql.length > QUERY_UNITS_MAX) refuse(`longer than ${QUERY_UNITS_MAX} characters`);
  if (given.length > QUERY_PARAMETER_COUNT_MAX) refuse(`more than ${QUERY_PARAMETER_COUNT_MAX} parameters`);
  const tokens = sql.includes("\0") ? undefined : sqlTokens(sql);
  if (!tokens) return refuse("the text cannot be read");
  const statements = sqlStatements(tokens);
  const [statement] = statements;
  if (!statement) return refuse("there is no statement");
  if (statements.length > 1) refuse("one statement at a time");
  if (!isReadOnlySql(sql)) refuse("it would write");
  const names = parameterNames(statement);
  const missing = names.find((name) => given.every((parameter) => parameter.name !== name));
  if (missing !== undefined) refuse(`parameter :${missing} is missing`);
  const unknown = given.find(({ name }) => !names.includes(name));
  if (unknown) refuse(`there is no parameter :${unknown.name.slice(0, 64)}`);
}

function limited(wish: number, max: number): number {
  return wish === 0 ? max : Math.min(wish, max);
}

function cellOf(kind: NonNullable<QueryParameter["value"]>["kind"] | undefined): QueryCell {
  return kind?.case === undefined ? null : kind.value;
}

function valueMessage(cell: QueryCell): MessageInitShape<typeof QueryValueSchema> {
  if (cell === null) return {};
  if (typeof cell === "bigint") return { kind: { case: "integer", value: cell } };
  if (typeof cell === "number") return { kind: { case: "real", value: cell } };
  if (typeof cell === "string") return { kind: { case: "text", value: cell } };
  return { kind: { case: "blob", value: cell } };
}
