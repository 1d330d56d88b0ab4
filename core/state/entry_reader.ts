/**
 * The quick way to read a log entry: the one shape that commands make almost always, `v1.RaftLogEntry` with one statement
 * and ASCII text or integers for parameters, in the order of its fields and with nothing else.
 *
 * Whatever looks different in any way is not read here but by the generated codec, see `codec.ts`, which gives the same for
 * this shape. Every replica reads every entry, so this is where much of the time of a write goes.
 *
 * @module
 */
import type { SqlValue } from "../seams/sql_database.ts";
import { ENTRY_BYTES_MAX, PARAMETER_COUNT_MAX, PARAMETER_UNITS_MAX } from "./limits.ts";

/** One statement, its parameters by name. */
export interface PlainEntry {
  readonly kind: "query" | "execution";
  readonly sql: string;
  readonly parameters: Readonly<Record<string, SqlValue>>;
  readonly isTransaction: boolean;
  readonly session: undefined;
}

/** `RaftCommandType`: 1 is a query, in field 2; 2 is an execution, in field 3. */
const QUERY = 1;
const EXECUTE = 2;
/** `SQLParameterType`. */
const PARAMETER_INT64 = 1;
const PARAMETER_STRING = 5;
/** Tags of the fields of the usual shape: number of the field times eight, plus 2 for what has a length. */
export const Tag = {
  type: 1 << 3,
  query: 2 << 3 | 2,
  execution: 3 << 3 | 2,
  transaction: 1 << 3,
  statement: 2 << 3 | 2,
  sql: 1 << 3 | 2,
  parameter: 2 << 3 | 2,
  parameterName: 1 << 3 | 2,
  parameterType: 2 << 3,
  parameterInt64: 3 << 3,
  parameterText: 7 << 3 | 2,
} as const;
/** Varints of at most five bytes are exact in doubles without further thought. */
const VARINT_BYTES_MAX = 5;
/** Shorter texts are put together faster than a decoder is called. */
const DECODED_BYTES_MIN = 24;

/** Reads entries. Remembers the SQL text it has read last, because most entries repeat it. */
export class EntryReader {
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #sqlBytes: Uint8Array = new Uint8Array();
  #sql = "";
  readonly #decoder = new TextDecoder();

  /** The entry, or `undefined` if it has to be read the other way. Borrows `data`. Never throws. */
  read(data: Uint8Array): PlainEntry | undefined {
    if (data.length > ENTRY_BYTES_MAX) return undefined;
    this.#bytes = data;
    this.#at = 0;
    if (this.#varintAt(Tag.type) === undefined) return undefined;
    const type = data[1];
    if (this.#at !== 2 || (type !== QUERY && type !== EXECUTE)) return undefined;
    if (this.#open(type === QUERY ? Tag.query : Tag.execution) !== data.length) return undefined;
    const isTransaction = data[this.#at] === Tag.transaction;
    if (isTransaction && this.#varintAt(Tag.transaction) !== 1) return undefined;
    if (this.#open(Tag.statement) !== data.length) return undefined;
    const sql = this.#sqlText();
    if (sql === undefined) return undefined;
    const parameters: Record<string, SqlValue> = Object.create(null);
    for (let count = 0; this.#at < data.length; count++) {
      const end = this.#open(Tag.parameter);
      if (end === undefined || count >= PARAMETER_COUNT_MAX || !this.#parameter(parameters, end)) return undefined;
    }
    return { kind: type === QUERY ? "query" : "execution", sql, parameters, isTransaction, session: undefined };
  }

  #parameter(into: Record<string, SqlValue>, end: number): boolean {
    const name = this.#text(Tag.parameterName);
    if (name === undefined || name === "" || name in into) return false;
    const type = this.#varintAt(Tag.parameterType);
    let value: SqlValue | undefined;
    if (type === PARAMETER_STRING) {
      value = this.#at === end ? "" : this.#text(Tag.parameterText);
      if (value !== undefined && value.length > PARAMETER_UNITS_MAX) return false;
    } else if (type === PARAMETER_INT64) {
      const zigzag = this.#at === end ? 0 : this.#varintAt(Tag.parameterInt64);
      value = zigzag === undefined ? undefined : zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    if (value === undefined || this.#at !== end) return false;
    into[name] = value;
    return true;
  }

  #sqlText(): string | undefined {
    const start = this.#at;
    const end = this.#open(Tag.sql);
    if (end === undefined) return undefined;
    const known = this.#sqlBytes;
    if (end - this.#at === known.length && equal(this.#bytes, this.#at, known)) {
      this.#at = end;
      return this.#sql;
    }
    this.#at = start;
    const sql = this.#text(Tag.sql);
    if (sql === undefined) return undefined;
    this.#sqlBytes = this.#bytes.slice(end - sql.length, end);
    return this.#sql = sql;
  }

  /** ASCII text behind `tag`. */
  #text(tag: number): string | undefined {
    const end = this.#open(tag);
    if (end === undefined) return undefined;
    for (let i = this.#at; i < end; i++) if ((this.#bytes[i] ?? 0) >= 0x80) return undefined;
    const start = this.#at;
    this.#at = end;
    if (end - start > DECODED_BYTES_MIN) return this.#decoder.decode(this.#bytes.subarray(start, end));
    let text = "";
    for (let i = start; i < end; i++) text += String.fromCharCode(this.#bytes[i] ?? 0);
    return text;
  }

  /** Where the field with `tag` and a length ends; `undefined` if there is none, or not all of it. */
  #open(tag: number): number | undefined {
    const length = this.#varintAt(tag);
    const end = length === undefined ? undefined : this.#at + length;
    return end === undefined || end > this.#bytes.length ? undefined : end;
  }

  /** The number behind `tag`. */
  #varintAt(tag: number): number | undefined {
    if (this.#bytes[this.#at] !== tag) return undefined;
    this.#at++;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++, scale *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return undefined;
  }
}

function equal(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
