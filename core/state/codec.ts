/**
 * Log entries and their results as protobuf (`v1.RaftLogEntry`, `v1.RaftApplyResponse`, proto/v1/node_raft.proto): the one
 * place where SQL values meet messages. Which texts and parameters are allowed is in `limits.ts` and `determinism.ts`.
 *
 * What the v1 message has no place for follows it in the same bytes (`weft.v1.LogEnvelope`): fields with high numbers, which a
 * reader of v1 skips. They are not SQL parameters, because those are the statement's own and count against its limits.
 *
 * Integers must be in the safe range of a JavaScript number; DOUBLE and TIME parameters are refused, because replicated
 * tables hold integers and text only (design §7). Durations in results stay empty: they would differ between replicas.
 *
 * @module
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  RaftApplyResponseSchema,
  RaftCommandType,
  RaftLogEntrySchema,
  SQLParameterSchema,
  SQLParameterType,
} from "../../proto/gen/v1/node_raft_pb.ts";
import type { RaftApplyResponse, RaftLogEntry, SQLParameter, SQLStatement } from "../../proto/gen/v1/node_raft_pb.ts";
import {
  type LogChecksum,
  type LogEnvelope,
  LogEnvelopeSchema,
  type LogRestore,
} from "../../proto/gen/weft/v1/log_pb.ts";
import { assert } from "../assert.ts";
import type { SqlArguments, SqlParameters, SqlRows, SqlValue } from "../seams/sql_database.ts";
import { EntryWriter } from "./entry_writer.ts";
import { ENTRY_BYTES_MAX, PARAMETER_COUNT_MAX, PARAMETER_UNITS_MAX, RESTORE_ID_CHARACTERS_MAX } from "./limits.ts";
import type { RestoreCommit, RestorePart } from "./restore.ts";
import { validateWriteSession, type WriteSession } from "./write_session.ts";

/** A statement (or several in one text) of an entry, ready to run. */
export interface EntryStatement {
  /** Queries answer with rows, executions with a count. */
  readonly kind: "query" | "execution";
  readonly sql: string;
  readonly parameters: SqlArguments;
  /** False if the proposer has not said that it is a transaction: one statement then, and no more. */
  readonly isTransaction: boolean;
  /** The entry runs once under this name. */
  readonly session: WriteSession | undefined;
}

/** An entry that asks replicas to hash their state as of it, or says what a member found; see `replica_check.ts`. */
export type ChecksumEntry =
  | { readonly kind: "checkpoint" }
  | { readonly kind: "claim"; readonly claim: ChecksumClaim };

/** What a member found. */
export interface ChecksumClaim {
  /** Index of the checkpoint. */
  readonly index: number;
  /** 64 hexadecimal digits. */
  readonly hash: string;
  /** The member's number in Raft. */
  readonly member: number;
}

/** A statement, a checksum, or why there is none, a sentence that is equal on all replicas. */
export type DecodedEntry = EntryStatement | ChecksumEntry | RestorePart | RestoreCommit | {
  readonly kind: "undecodable";
  readonly why: string;
};

/** Remembers texts and nothing else. */
const ENTRY_WRITER = new EntryWriter();

/** An entry that answers with the rows of its last statement that has any. All statements take effect, or none. */
export function queryEntry(sql: string, parameters: SqlParameters): RaftLogEntry {
  const statement = { sql, parameters: parameterMessages(parameters) };
  return create(RaftLogEntrySchema, { type: RaftCommandType.QUERY, sqlQuery: { transaction: true, statement } });
}

/** An entry that answers with the number of rows it changed. All statements take effect, or none. */
export function executionEntry(sql: string, parameters: SqlParameters): RaftLogEntry {
  const statement = { sql, parameters: parameterMessages(parameters) };
  return create(RaftLogEntrySchema, { type: RaftCommandType.EXECUTE, sqlExec: { transaction: true, statement } });
}

/**
 * The bytes that go into the log.
 *
 * @param session Lets the entry run once under this name, however often it is in the log.
 * @throws {InvariantError} If the entry is beyond a limit: commands check what they are given, so that is a bug.
 */
export function encodeEntry(entry: RaftLogEntry, session?: WriteSession): Uint8Array {
  const bytes = tryEncodeEntry(entry, session);
  assert(typeof bytes !== "string", `A proposed entry is within all limits: ${bytes}`);
  return bytes;
}

/** The bytes that go into the log, or why the entry may not, a sentence: for what others than commands have made. */
export function tryEncodeEntry(entry: RaftLogEntry, session?: WriteSession): Uint8Array | string {
  const plain = ENTRY_WRITER.write(entry);
  if (plain && !session) return plain;
  const bytes = withEnvelope(plain ?? toBinary(RaftLogEntrySchema, entry), session && sessionEnvelope(session));
  const decoded = decodeEntry(bytes);
  return decoded.kind === "undecodable" ? decoded.why : bytes;
}

/** The entry that asks every replica to hash its state as of it. */
export function encodeCheckpoint(): Uint8Array {
  return toBinary(LogEnvelopeSchema, create(LogEnvelopeSchema, { checksum: {} }));
}

/** The entry that says what a member found at a checkpoint. */
export function encodeClaim({ index, hash, member }: ChecksumClaim): Uint8Array {
  const checksum = { index: BigInt(index), hash: Uint8Array.fromHex(hash), member: BigInt(member) };
  return toBinary(LogEnvelopeSchema, create(LogEnvelopeSchema, { checksum }));
}

/** The entry that brings a part of a backup. */
export function encodeRestorePart({ id, position, data }: Omit<RestorePart, "kind">): Uint8Array {
  return toBinary(LogEnvelopeSchema, create(LogEnvelopeSchema, { restore: { id, position, data } }));
}

/** The entry that puts a backup in the place of the state. */
export function encodeRestoreCommit({ id, partCount, sha256, force, nowMs }: Omit<RestoreCommit, "kind">): Uint8Array {
  const commit = { partCount, sha256: Uint8Array.fromHex(sha256), force, nowMs: BigInt(nowMs) };
  return toBinary(LogEnvelopeSchema, create(LogEnvelopeSchema, { restore: { id, commit } }));
}

/** Borrows `data`. Never throws. */
export function decodeEntry(data: Uint8Array): DecodedEntry {
  if (data.length > ENTRY_BYTES_MAX) return undecodable("Entry is too long");
  const entry = parseEntry(data);
  if (!entry) return undecodable("Entry is not a RaftLogEntry");
  const envelope = entry.$unknown === undefined ? NO_ENVELOPE : parseEnvelope(data);
  if (!envelope) return undecodable("Entry has an envelope that cannot be read");
  const command = commandOf(entry);
  if (!command && envelope.restore) return restoreOf(envelope.restore);
  if (!command) return envelope.checksum ? checksumOf(envelope.checksum) : undecodable("Entry has no statement");
  const parameters = parameterValues(command.statement.parameters);
  if (typeof parameters === "string") return undecodable(parameters);
  const session = envelope.session &&
    { clientId: envelope.session.clientId, sequence: Number(envelope.session.sequence) };
  const problem = session && validateWriteSession(session);
  if (problem !== undefined) return undecodable(problem);
  const { kind, statement, transaction: isTransaction } = command;
  return { kind, sql: statement.sql, parameters, isTransaction, session };
}

interface Command {
  readonly kind: EntryStatement["kind"];
  readonly transaction: boolean;
  readonly statement: SQLStatement;
}

/** The command that the type names. */
function commandOf({ type, sqlQuery, sqlExec }: RaftLogEntry): Command | undefined {
  switch (type) {
    case RaftCommandType.QUERY:
      return sqlQuery?.statement &&
        { kind: "query", transaction: sqlQuery.transaction, statement: sqlQuery.statement };
    case RaftCommandType.EXECUTE:
      return sqlExec?.statement &&
        { kind: "execution", transaction: sqlExec.transaction, statement: sqlExec.statement };
    default:
      return undefined;
  }
}

const NO_ENVELOPE: Pick<LogEnvelope, "session" | "checksum" | "restore"> = {};
const HASH_BYTES = 32;

function checksumOf({ index, hash, member }: LogChecksum): DecodedEntry {
  if (hash.length === 0) return { kind: "checkpoint" };
  if (hash.length !== HASH_BYTES) return undecodable("Entry has a checksum of another length");
  return { kind: "claim", claim: { index: Number(index), hash: hash.toHex(), member: Number(member) } };
}

function restoreOf({ id, position, data, commit }: LogRestore): DecodedEntry {
  if (id === "" || id.length > RESTORE_ID_CHARACTERS_MAX) return undecodable("Entry has a restore without a usable id");
  if (!commit) return { kind: "restore-part", id, position, data };
  const { partCount, sha256, force } = commit;
  const nowMs = safeInteger(commit.nowMs);
  if (nowMs === undefined) return undecodable("Entry has a time that is not allowed");
  return { kind: "restore-commit", id, partCount, sha256: sha256.toHex(), force, nowMs };
}

function sessionEnvelope({ clientId, sequence }: WriteSession): LogEnvelope {
  return create(LogEnvelopeSchema, { session: { clientId, sequence: BigInt(sequence) } });
}

/** Protobuf reads two messages in a row as one. */
function withEnvelope(entry: Uint8Array, envelope: LogEnvelope | undefined): Uint8Array {
  if (envelope === undefined) return entry;
  const rest = toBinary(LogEnvelopeSchema, envelope);
  const bytes = new Uint8Array(entry.length + rest.length);
  bytes.set(entry);
  bytes.set(rest, entry.length);
  return bytes;
}

function parseEnvelope(data: Uint8Array): typeof NO_ENVELOPE | undefined {
  try {
    return fromBinary(LogEnvelopeSchema, data, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

function parseEntry(data: Uint8Array): RaftLogEntry | undefined {
  try {
    return fromBinary(RaftLogEntrySchema, data);
  } catch {
    return undefined;
  }
}

function undecodable(why: string): DecodedEntry {
  return { kind: "undecodable", why };
}

function parameterMessages(parameters: SqlParameters): SQLParameter[] {
  return Object.entries(parameters).map(([name, value]) => valueMessage(name, value));
}

function valueMessage(name: string, value: SqlValue): SQLParameter {
  const message = create(SQLParameterSchema, { name });
  if (value === null) {
    message.type = SQLParameterType.SQL_PARAM_NULL;
  } else if (typeof value === "string") {
    message.type = SQLParameterType.SQL_PARAM_STRING;
    message.str = value;
  } else if (typeof value === "number") {
    assert(Number.isSafeInteger(value), "Replicated numbers are safe integers");
    message.type = SQLParameterType.SQL_PARAM_INT64;
    message.int64 = BigInt(value);
  } else {
    message.type = SQLParameterType.SQL_PARAM_BYTES;
    message.bytes = value;
  }
  return message;
}

/** Values by name, or why there are none. */
function parameterValues(messages: readonly SQLParameter[]): SqlParameters | string {
  if (messages.length > PARAMETER_COUNT_MAX) return "Entry has too many parameters";
  const values: Record<string, SqlValue> = Object.create(null);
  for (const message of messages) {
    if (message.name === "" || message.name in values) return "Entry has a parameter without a name of its own";
    const value = valueOf(message);
    if (value === undefined) return "Entry has a parameter of a type or size that is not allowed";
    values[message.name] = value;
  }
  return values;
}

function valueOf(message: SQLParameter): SqlValue | undefined {
  switch (message.type) {
    case SQLParameterType.SQL_PARAM_INT64:
      return safeInteger(message.int64);
    case SQLParameterType.SQL_PARAM_BOOL:
      return message.bool ? 1 : 0;
    case SQLParameterType.SQL_PARAM_STRING:
      return message.str.length <= PARAMETER_UNITS_MAX ? message.str : undefined;
    case SQLParameterType.SQL_PARAM_BYTES:
      return message.bytes.length <= PARAMETER_UNITS_MAX ? message.bytes : undefined;
    case SQLParameterType.SQL_PARAM_NULL:
      return null;
    default:
      return undefined;
  }
}

function safeInteger(value: bigint): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** What a query entry answered. */
export function queryResponse(rows: SqlRows): RaftApplyResponse {
  return create(RaftApplyResponseSchema, {
    queryResult: {
      columns: [...rows.columns],
      types: rows.columns.map((_, column) => typeName(rows, column)),
      values: rows.rows.map((row) => ({ values: row.map((value) => valueMessage("", value)) })),
    },
  });
}

/** SQLite's name for the type of the first value of `column` that is not NULL. */
function typeName(rows: SqlRows, column: number): string {
  const value = rows.rows.map((row) => row[column] ?? null).find((value) => value !== null) ?? null;
  if (value === null) return "NULL";
  return typeof value === "number" ? "INTEGER" : typeof value === "string" ? "TEXT" : "BLOB";
}

/** What an execution entry answered. Explicit keys have no last insert id. The same message may be given again. */
export function executionResponse(rowsAffected: number): RaftApplyResponse {
  return EXECUTION_RESPONSES[rowsAffected] ?? newExecutionResponse(rowsAffected);
}

function newExecutionResponse(rowsAffected: number): RaftApplyResponse {
  return create(RaftApplyResponseSchema, { execResult: { rowsAffected: BigInt(rowsAffected) } });
}

/** Every replica answers every entry, mostly like this, and on most of them nobody reads it. */
const EXECUTION_RESPONSES: readonly RaftApplyResponse[] = Array.from({ length: 4 }, (_, rowsAffected) => {
  const response = newExecutionResponse(rowsAffected);
  if (response.execResult) Object.freeze(response.execResult);
  return Object.freeze(response);
});

/** The engine refused a statement of the entry, which changed nothing. */
export function sqlErrorResponse(kind: EntryStatement["kind"], error: string): RaftApplyResponse {
  return create(RaftApplyResponseSchema, kind === "query" ? { queryResult: { error } } : { execResult: { error } });
}

/** The entry did not get as far as the engine and changed nothing. Without `error`, nothing was asked. */
export function entryResponse(error = ""): RaftApplyResponse {
  return create(RaftApplyResponseSchema, { error });
}

/** The error of a response, wherever it stands; `undefined` if there is none. */
export function responseError(response: RaftApplyResponse): string | undefined {
  return [response.error, response.queryResult?.error, response.execResult?.error].find((error) => !!error);
}

/** The rows of a response; none for an execution. A value of an unknown type counts as NULL. */
export function responseRows(response: RaftApplyResponse): SqlRows {
  const result = response.queryResult;
  if (!result) return { columns: [], rows: [] };
  return {
    columns: result.columns,
    rows: result.values.map((row) => row.values.map((value) => valueOf(value) ?? null)),
  };
}
