/**
 * An embedded SQL database as the state machine sees it. All calls are synchronous and in one thread.
 *
 * @module
 */

/** Values that replicated tables hold: integers (safe range) and text only, design §7. */
export type SqlValue = number | string | Uint8Array | null;

/** Named parameters without prefix: `{ id: "a" }` binds `:id`. */
export type SqlParameters = Readonly<Record<string, SqlValue>>;

/** Text as UTF-8, for whoever has it so: SQLite takes it as it is. The bytes are well-formed, and borrowed during a call. */
export class SqlText {
  readonly utf8: Uint8Array;

  constructor(utf8: Uint8Array) {
    this.utf8 = utf8;
  }
}

/** What a parameter may be given as. */
export type SqlArgument = SqlValue | SqlText;

/** {@linkcode SqlParameters}, some of whose texts may be bytes. */
export type SqlArguments = Readonly<Record<string, SqlArgument>>;

/** Rows of one statement. */
export interface SqlRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
}

/** The engine refused a statement: constraint, syntax, missing table. The text is equal on all replicas. */
export class SqlError extends Error {
  override readonly name = "SqlError";
}

/** One open database. */
export interface SqlDatabase extends Disposable {
  /**
   * Runs all statements of `sql` in order, binding `parameters` by name to each.
   *
   * @returns The rows of the last statement that returned columns, otherwise no columns and no rows.
   * @throws {SqlError} On the first statement that fails; earlier ones stay, the caller holds the savepoint.
   */
  run(sql: string, parameters?: SqlArguments): SqlRows;
  /** Rows changed by the most recent `run`, summed over its statements. */
  changes(): number;
  /** The database image, byte for byte as SQLite's file format; leaves the database usable. */
  export(): Uint8Array;
}

/** Opens databases; the wasm is loaded once. */
export interface SqlEngine {
  /** Version text of the SQLite library, part of the replicated state. */
  readonly version: string;
  /** A new database, empty or from an image made by {@linkcode SqlDatabase.export}. */
  open(image?: Uint8Array): SqlDatabase;
}
