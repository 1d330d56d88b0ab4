/**
 * The state machine of Raft (thesis §3.5, "apply"): committed log entries in, SQL results out, in the same order on every
 * replica (design §7).
 *
 * 1. The Raft loop hands over a batch of committed entries: one transaction for the whole batch.
 * 2. Each entry runs inside a SAVEPOINT of its own: a statement that fails undoes its entry and nothing else.
 * 3. An entry with the name of a write (`write_session.ts`) runs once, however often it is in the log.
 * 4. A checkpoint (`replica_check.ts`) ends the transaction: there the state is compared with that of other replicas.
 * 5. The index and term of the last entry are written in the same transaction, so that the database always knows how far
 *    it is, and a replayed entry is skipped.
 *
 * What fails here fails alike on all replicas and is a result. What does not (out of memory, a damaged image) is thrown,
 * and the state machine is then unusable: restart from the last snapshot.
 *
 * @module
 */
import type { RaftApplyResponse } from "../../proto/gen/v1/node_raft_pb.ts";
import { assert } from "../assert.ts";
import { type SqlDatabase, type SqlEngine, SqlError, type SqlParameters, type SqlRows } from "../seams/sql_database.ts";
import { canonicalImage } from "./canonical_image.ts";
import {
  decodeEntry,
  entryResponse,
  type EntryStatement,
  executionResponse,
  queryResponse,
  sqlErrorResponse,
} from "./codec.ts";
import {
  APPLIED_TABLE,
  entrySqlProblem,
  isReadOnlySql,
  isSingleStatement,
  saysFail,
  SqlVerdicts,
  undoesItself,
} from "./determinism.ts";
import { EntryReader } from "./entry_reader.ts";
import { SCHEMA_VERSION } from "./migrations.ts";
import { mayRaiseRequirement, type ProgramVersions, requireProgram } from "./program_versions.ts";
import { ReplicaCheck } from "./replica_check.ts";
import { hasSessions, recallResponse, rememberResponse } from "./sessions.ts";
import { adoptImage, keepRestorePart, type RestoreCommit, takeRestoredImage } from "./restore.ts";
import { openImage, prepare, READ_APPLIED_SQL, StateImageError } from "./state_database.ts";
import { stateHash } from "./state_hash.ts";
import type { WriteSession } from "./write_session.ts";

/** A committed entry of Raft's kind "normal". Empty `data` is the no-op of a new leader. */
export interface CommittedEntry {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

/** What queries read from. */
export interface StateReader {
  /**
   * Rows of a statement that only reads.
   *
   * @throws {SqlError} If `sql` would write, or names what is not there.
   */
  rows(sql: string, parameters?: SqlParameters): SqlRows;
}

const SCHEMA_TEXTS_SQL = "SELECT coalesce(sql, '') FROM sqlite_schema";

const WRITE_APPLIED_SQL = `UPDATE ${APPLIED_TABLE} SET log_index = :index, log_term = :term`;

/** Text that names a table of the mesh; a table of a plugin has the plugin's name in front. */
const MESH_TABLES_REGEXP = /\b(mesh_state|namespaces|node_versions|nodes|leases|pools|raft_acls)\b/i;

/** What a state machine has done since its start. */
export interface SqlCounts {
  /** Log entries that were applied. */
  readonly appliedCount: number;
  /** Those of them whose statements failed. */
  readonly failedCount: number;
  readonly queryCount: number;
}

/** The replicated database and how far it is. One owner; all calls are synchronous. */
export class StateMachine implements Disposable, StateReader {
  /** What checkpoints in the log have found. */
  readonly check: ReplicaCheck;
  /** What this program has. */
  readonly versions: ProgramVersions;
  readonly #engine: SqlEngine;
  readonly #problems = new SqlVerdicts(entrySqlProblem);
  readonly #singles = new SqlVerdicts(isSingleStatement);
  readonly #reads = new SqlVerdicts(isReadOnlySql);
  readonly #raises = new SqlVerdicts(mayRaiseRequirement);
  readonly #entries = new EntryReader();
  readonly #undoesItself = new SqlVerdicts(undoesItself);
  /** Whether a table or trigger may say that a statement that fails keeps a part of what it did. */
  #mayKeepParts = false;
  readonly #namesMesh = new SqlVerdicts((sql: string) => MESH_TABLES_REGEXP.test(sql));
  readonly #saysFail = new SqlVerdicts(saysFail);
  #meshVersion = 0;
  #database: SqlDatabase;
  #appliedIndex = 0;
  #appliedTerm = 0;
  #isAtCheckpoint = false;
  #mayRaise = false;
  #hash: string | undefined;
  readonly #counts = { appliedCount: 0, failedCount: 0, queryCount: 0 };
  #failure: unknown;

  private constructor(engine: SqlEngine, versions: ProgramVersions, database: SqlDatabase) {
    this.#engine = engine;
    this.versions = versions;
    this.#database = database;
    this.check = new ReplicaCheck((image) => engine.open(image));
    this.#readApplied();
  }

  /**
   * An empty state machine, or one that continues from `image`.
   *
   * @param schema The newest schema that this program knows; other than {@linkcode SCHEMA_VERSION} in tests only.
   * @throws {StateImageError} If `image` is damaged or something else.
   * @throws {ProgramTooOldError} If the mesh requires a newer SQLite, or has a newer schema.
   */
  static open(engine: SqlEngine, image?: Uint8Array, schema = SCHEMA_VERSION): StateMachine {
    const versions = { engine: engine.version, schema };
    return new StateMachine(engine, versions, image ? openImage(engine, versions, image) : prepare(engine.open()));
  }

  /** What was done since the start. */
  get counts(): SqlCounts {
    return this.#counts;
  }

  /** Index of the last entry applied, 0 if none was. */
  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Term of the last entry applied, 0 if none was. */
  get appliedTerm(): number {
    return this.#appliedTerm;
  }

  /** Rises whenever a table of the mesh itself may have changed, and not for tables of plugins. */
  get meshVersion(): number {
    return this.#meshVersion;
  }

  /**
   * Applies committed entries in one transaction. Indexes rise by one from {@linkcode StateMachine.appliedIndex}; entries
   * at or below it were applied before and are skipped, with an `error` that says so. Borrows the data.
   *
   * @throws {ProgramTooOldError} If an entry says that the mesh requires a newer program from now on.
   * @returns One response for each entry, in order.
   */
  applyBatch(entries: readonly CommittedEntry[]): RaftApplyResponse[] {
    const responses: RaftApplyResponse[] = [];
    while (responses.length < entries.length) {
      this.#transact(() => {
        this.#isAtCheckpoint = false;
        while (responses.length < entries.length && !this.#isAtCheckpoint) {
          const entry = entries[responses.length];
          if (entry) responses.push(this.#counted(this.#applyEntry(entry)));
        }
      });
      // The batch is cut here, so that every replica looks at the same state.
      if (this.#isAtCheckpoint) this.check.checkpoint(this.#appliedIndex, () => this.snapshot());
    }
    return responses;
  }

  /**
   * Says that the log is applied up to `index` by entries that are not the state machine's, such as membership changes.
   * Does nothing at or below the applied index.
   */
  advanceTo(index: number, term: number): void {
    if (index <= this.#appliedIndex) return;
    this.#transact(() => this.#advance(index, term));
  }

  /** Runs a query of `queries/` against the state as of the applied index. */
  read<Result>(query: (reader: StateReader) => Result): Result {
    return query(this);
  }

  rows(sql: string, parameters: SqlParameters = {}): SqlRows {
    this.#counts.queryCount++;
    if (!this.#reads.of(sql)) throw new SqlError("statement would write");
    return this.#look(() => this.#database.run(sql, parameters));
  }

  /** The database image as of the applied index; the caller owns it. */
  snapshot(): Uint8Array {
    return this.#look(() => this.#database.export());
  }

  /** The image that every replica gives at this applied index, to the byte; see `canonical_image.ts` for what it costs. */
  canonicalImage(): Uint8Array {
    return this.#look(() => canonicalImage(this.#engine, this.#database.export()));
  }

  /**
   * Replaces the whole state by an image that {@linkcode StateMachine.snapshot} made, here or on another replica. Also
   * heals a state machine that failed.
   *
   * @throws {StateImageError} If `image` is damaged or something else; the state is then as it was.
   */
  restore(image: Uint8Array): void {
    const replaced = this.#database;
    this.#database = openImage(this.#engine, this.versions, image);
    this.#hash = undefined;
    this.#failure = undefined;
    this.check.reset();
    this.#readApplied();
    replaced[Symbol.dispose]();
  }

  /** SHA-256 of the state, hexadecimal; computed at most once for each applied index. */
  stateHash(): string {
    this.#assertUsable();
    return this.#hash ??= this.#look(() => stateHash(this.#database));
  }

  [Symbol.dispose](): void {
    this.check[Symbol.dispose]();
    this.#database[Symbol.dispose]();
  }

  #counted(response: RaftApplyResponse): RaftApplyResponse {
    this.#counts.appliedCount++;
    if (response.error || response.execResult?.error || response.queryResult?.error) this.#counts.failedCount++;
    return response;
  }

  #applyEntry(entry: CommittedEntry): RaftApplyResponse {
    if (entry.index <= this.#appliedIndex) return entryResponse("Entry is applied already");
    assert(entry.index === this.#appliedIndex + 1, "No committed entry is left out");
    this.#advance(entry.index, entry.term);
    if (entry.data.length === 0) return entryResponse();
    const statement = this.#entries.read(entry.data) ?? decodeEntry(entry.data);
    switch (statement.kind) {
      case "undecodable":
        return entryResponse(statement.why);
      case "checkpoint":
        this.#isAtCheckpoint = true;
        return entryResponse();
      case "claim":
        this.check.claim(statement.claim);
        return entryResponse();
      case "restore-part":
        return entryResponse(keepRestorePart((sql, parameters) => this.#database.run(sql, parameters), statement));
      case "restore-commit":
        return entryResponse(this.#adopt(statement));
      case "query":
      case "execution":
        return statement.session ? this.#runOnce(statement, statement.session, entry.index) : this.#run(statement);
    }
  }

  /** What has run under this name before is answered from memory; errors are answers too. */
  #runOnce(statement: EntryStatement, session: WriteSession, index: number): RaftApplyResponse {
    const run: SqlDatabase["run"] = (sql, parameters) => this.#database.run(sql, parameters);
    if (!hasSessions(run)) return this.#run(statement);
    const known = recallResponse(run, session);
    if (known) return known;
    const response = this.#run(statement);
    rememberResponse(run, session, index, response);
    return response;
  }

  #run(statement: EntryStatement): RaftApplyResponse {
    const problem = this.#problemOf(statement);
    this.#mayRaise ||= this.#raises.of(statement.sql);
    return problem === undefined ? this.#runStatement(statement) : sqlErrorResponse(statement.kind, problem);
  }

  #problemOf({ sql, isTransaction }: EntryStatement): string | undefined {
    const problem = this.#problems.of(sql);
    if (problem !== undefined || isTransaction || this.#singles.of(sql)) return problem;
    return "SQL text has more than one statement, and the entry is no transaction";
  }

  /** Without a savepoint: SQLite takes back by itself what a single statement did before it failed. */
  #runAlone({ kind, sql, parameters }: EntryStatement): RaftApplyResponse {
    try {
      const rows = this.#database.run(sql, parameters);
      return kind === "query" ? queryResponse(rows) : executionResponse(this.#database.changes());
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      return sqlErrorResponse(kind, error.message);
    }
  }

  #runStatement(statement: EntryStatement): RaftApplyResponse {
    if (this.#namesMesh.of(statement.sql)) this.#meshVersion++;
    this.#mayKeepParts ||= this.#saysFail.of(statement.sql);
    if (!this.#mayKeepParts && this.#undoesItself.of(statement.sql)) return this.#runAlone(statement);
    this.#database.run("SAVEPOINT entry");
    try {
      const rows = this.#database.run(statement.sql, statement.parameters);
      const response = statement.kind === "query" ? queryResponse(rows) : executionResponse(this.#database.changes());
      this.#database.run("RELEASE entry");
      return response;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#database.run("ROLLBACK TO entry");
      this.#database.run("RELEASE entry");
      return sqlErrorResponse(statement.kind, error.message);
    }
  }

  /**
   * A backup takes the place of the database, in the middle of the transaction, which goes on in it. What was done in this
   * transaction before is given up with the old one, as is all that was done before it.
   *
   * @returns Why not, a sentence that is equal on all replicas; nothing has changed then but that the parts are gone.
   */
  #adopt(commit: RestoreCommit): string | undefined {
    const image = takeRestoredImage((sql, parameters) => this.#database.run(sql, parameters), commit);
    if (typeof image === "string") return image;
    let database: SqlDatabase;
    try {
      // What the mesh requires stays as it is, whatever the backup says: see `adoptImage`.
      database = openImage(this.#engine, undefined, image);
    } catch (error) {
      // Memory runs out on one replica and not on another.
      if (!(error instanceof StateImageError) || /memory/i.test(error.message)) throw error;
      return "Backup is not a database of a mesh";
    }
    const problem = adoptImage(this.#database, database, commit);
    if (problem !== undefined) {
      database[Symbol.dispose]();
      return problem;
    }
    database.run("BEGIN");
    const replaced = this.#database;
    this.#database = database;
    replaced[Symbol.dispose]();
    this.#otherTables();
    return undefined;
  }

  #advance(index: number, term: number): void {
    assert(index > this.#appliedIndex && term >= this.#appliedTerm, "The log goes forward");
    this.#appliedIndex = index;
    this.#appliedTerm = term;
    this.#hash = undefined;
  }

  #readApplied(): void {
    const [index, term] = this.#database.run(READ_APPLIED_SQL).rows[0] ?? [];
    assert(typeof index === "number" && typeof term === "number", "An opened database knows its applied index");
    this.#appliedIndex = index;
    this.#appliedTerm = term;
    this.#otherTables();
  }

  /** All tables are others now, not changed by statements of entries. */
  #otherTables(): void {
    this.#meshVersion++;
    this.#mayKeepParts = this.#database.run(SCHEMA_TEXTS_SQL).rows.some(([sql]) => saysFail(String(sql)));
  }

  /** One transaction. Any error on the way to its commit is a failure; results of entries are not errors here. */
  #transact<Result>(work: () => Result): Result {
    this.#assertUsable();
    const [index, term] = [this.#appliedIndex, this.#appliedTerm];
    try {
      this.#database.run("BEGIN");
      const result = work();
      if (this.#mayRaise) requireProgram(this.versions, this.#database);
      this.#mayRaise = false;
      this.#database.run(WRITE_APPLIED_SQL, { index: this.#appliedIndex, term: this.#appliedTerm });
      this.#database.run("COMMIT");
      return result;
    } catch (error) {
      [this.#appliedIndex, this.#appliedTerm] = [index, term];
      throw this.#fail(error);
    }
  }

  /** A query that the engine refuses has done no harm; any other error is a failure. */
  #look<Result>(work: () => Result): Result {
    this.#assertUsable();
    try {
      return work();
    } catch (error) {
      throw error instanceof SqlError ? error : this.#fail(error);
    }
  }

  /** What the database holds after this is unknown. */
  #fail(error: unknown): unknown {
    this.#failure = error;
    return error;
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
