/**
 * The quick way to read a log entry: the one shape that commands make almost always, `v1.RaftLogEntry` with one statement
 * and ASCII text or integers for parameters, in the order of its fields and with nothing else.
 *
 * Whatever looks different in any way is not read here but by the generated codec, see `codec.ts`, which gives the same for
 * this shape. Every replica reads every entry, so this is where much of the time of a write goes.
 *
 * @module
 */
import { type SqlArgument, SqlText } from "../seams/sql_database.ts";
import { ENTRY_BYTES_MAX, PARAMETER_COUNT_MAX, PARAMETER_UNITS_MAX } from "./limits.ts";

/** One statement, its parameters by name; texts are views of the entry's bytes. */
export interface PlainEntry {
  readonly kind: "query" | "execution";
  readonly sql: string;
  readonly parameters: Readonly<Record<string, SqlArgument>>;
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

/** Names of parameters that are remembered: what an entry has at most, if it is of the usual kind. */
const NAMES_REMEMBERED_MAX = 32;

/** A text and the bytes it was read from. */
interface KnownText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const NO_TEXT: KnownText = { bytes: new Uint8Array(), text: "" };

/** Reads entries. Remembers the SQL text it has read last, and the names of its parameters, because most entries repeat them. */
export class EntryReader {
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #sql = NO_TEXT;
  /** By the place of the parameter. */
  readonly #names: KnownText[] = [];
  readonly #decoder = new TextDecoder();

  /** The entry, or `undefined` if it has to be read the other way. Borrows `data` for as long as the entry is used. Never throws. */
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
    const sql = this.#text(Tag.sql, this.#sql);
    if (sql === undefined) return undefined;
    this.#sql = sql;
    const parameters: Record<string, SqlArgument> = Object.create(null);
    for (let count = 0; this.#at < data.length; count++) {
      const end = this.#open(Tag.parameter);
      if (end === undefined || count >= PARAMETER_COUNT_MAX || !this.#parameter(parameters, count, end)) {
        return undefined;
      }
    }
    const kind = type === QUERY ? "query" : "execution";
    return { kind, sql: sql.text, parameters, isTransaction, session: undefined };
  }

  #parameter(into: Record<string, SqlArgument>, place: number, end: number): boolean {
    const known = this.#names[place] ?? NO_TEXT;
    const name = this.#text(Tag.parameterName, known);
    if (name === undefined || name.text === "" || name.text in into) return false;
    if (name !== known && place < NAMES_REMEMBERED_MAX) this.#names[place] = name;
    const type = this.#varintAt(Tag.parameterType);
    let value: SqlArgument | undefined;
    if (type === PARAMETER_STRING) {
      const text = this.#at === end ? NO_TEXT.bytes : this.#ascii(Tag.parameterText);
      if (text === undefined || text.length > PARAMETER_UNITS_MAX) return false;
      value = new SqlText(text);
    } else if (type === PARAMETER_INT64) {
      const zigzag = this.#at === end ? 0 : this.#varintAt(Tag.parameterInt64);
      value = zigzag === undefined ? undefined : zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    if (value === undefined || this.#at !== end) return false;
    into[name.text] = value;
    return true;
  }

  /** ASCII text behind `tag`; `known` if it is the same. */
  #text(tag: number, known: KnownText): KnownText | undefined {
    const start = this.#at;
    const end = this.#open(tag);
    if (end === undefined) return undefined;
    if (end - this.#at === known.bytes.length && equal(this.#bytes, this.#at, known.bytes)) {
      this.#at = end;
      return known;
    }
    this.#at = start;
    const bytes = this.#ascii(tag)?.slice();
    return bytes && { bytes, text: this.#decoder.decode(bytes) };
  }

  /** Bytes of ASCII text behind `tag`. */
  #ascii(tag: number): Uint8Array | undefined {
    const end = this.#open(tag);
    if (end === undefined) return undefined;
    const start = this.#at;
    let bits = 0;
    for (let i = start; i < end; i++) bits |= this.#bytes[i] ?? 0;
    this.#at = end;
    return bits < 0x80 ? this.#bytes.subarray(start, end) : undefined;
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
