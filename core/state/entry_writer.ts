/**
 * The quick way to write a log entry: the same bytes as the generated codec's for the one shape that commands make almost
 * always, which is what `entry_reader.ts` reads. Whatever is different in any way is not written here.
 *
 * @module
 */
import {
  RaftCommandType,
  type RaftLogEntry,
  type SQLParameter,
  SQLParameterType,
  type SQLStatement,
} from "../../proto/gen/v1/node_raft_pb.ts";
import { Tag } from "./entry_reader.ts";
import { ENTRY_BYTES_MAX, PARAMETER_COUNT_MAX, PARAMETER_UNITS_MAX } from "./limits.ts";

/** Zigzag makes 31 bits of these 32. */
const INTEGER_MAX = 0x3fff_ffff;
/** Texts whose bytes are remembered: names of parameters and SQL, of which there are few. */
const KNOWN_TEXTS_MAX = 256;

/** A parameter whose bytes are known. */
interface Part {
  readonly name: Uint8Array;
  readonly type: number;
  /** Zigzag. */
  readonly integer: number;
  readonly text: Uint8Array | undefined;
  /** Of all this. */
  readonly bytes: number;
}

/** Writes entries. */
export class EntryWriter {
  readonly #encoder = new TextEncoder();
  readonly #known = new Map<string, Uint8Array>();
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;

  /** The entry's bytes; `undefined` if it has to be written the other way, or may not be written at all. */
  write(entry: RaftLogEntry): Uint8Array | undefined {
    const { type, sqlQuery, sqlExec } = entry;
    if (type !== RaftCommandType.QUERY && type !== RaftCommandType.EXECUTE) return undefined;
    const isQuery = type === RaftCommandType.QUERY;
    const command = isQuery ? sqlQuery : sqlExec;
    const statement = command?.statement;
    if (!statement || (isQuery ? sqlExec : sqlQuery) || entry.$unknown || command.$unknown) return undefined;
    const parts = this.#partsOf(statement);
    const sql = this.#remembered(statement.sql);
    if (!parts || !sql || sql.length === 0) return undefined;
    let statementBytes = fieldBytes(sql.length);
    for (const { bytes } of parts) statementBytes += fieldBytes(bytes);
    const commandBytes = (command.transaction ? 2 : 0) + fieldBytes(statementBytes);
    const length = 2 + fieldBytes(commandBytes);
    if (length > ENTRY_BYTES_MAX) return undefined;
    this.#bytes = new Uint8Array(length);
    this.#at = 0;
    this.#number(Tag.type, type);
    this.#number(isQuery ? Tag.query : Tag.execution, commandBytes);
    if (command.transaction) this.#number(Tag.transaction, 1);
    this.#number(Tag.statement, statementBytes);
    this.#text(Tag.sql, sql);
    for (const { name, type, integer, text, bytes } of parts) {
      this.#number(Tag.parameter, bytes);
      this.#text(Tag.parameterName, name);
      this.#number(Tag.parameterType, type);
      if (integer !== 0) this.#number(Tag.parameterInt64, integer);
      if (text) this.#text(Tag.parameterText, text);
    }
    return this.#bytes;
  }

  #partsOf({ parameters, $unknown }: SQLStatement): Part[] | undefined {
    if ($unknown || parameters.length > PARAMETER_COUNT_MAX) return undefined;
    const parts: Part[] = [];
    for (const [i, parameter] of parameters.entries()) {
      const part = this.#partOf(parameter);
      if (!part) return undefined;
      for (let j = 0; j < i; j++) if (parameters[j]?.name === parameter.name) return undefined;
      parts.push(part);
    }
    return parts;
  }

  #partOf(parameter: SQLParameter): Part | undefined {
    const { type, str, int64, double, bool, bytes, time, $unknown } = parameter;
    if (double !== 0 || bool || bytes.length > 0 || time || $unknown) return undefined;
    const name = parameter.name === "" ? undefined : this.#remembered(parameter.name);
    if (!name) return undefined;
    if (type === SQLParameterType.SQL_PARAM_INT64) {
      const value = Number(int64);
      if (str !== "" || Math.abs(value) > INTEGER_MAX) return undefined;
      const integer = value < 0 ? -2 * value - 1 : 2 * value;
      const valueBytes = integer === 0 ? 0 : 1 + varintBytes(integer);
      return { name, type, integer, text: undefined, bytes: fieldBytes(name.length) + 2 + valueBytes };
    }
    if (type !== SQLParameterType.SQL_PARAM_STRING || int64 !== 0n) return undefined;
    if (str.length > PARAMETER_UNITS_MAX || !str.isWellFormed()) return undefined;
    const text = str === "" ? undefined : this.#encoder.encode(str);
    const textBytes = text ? fieldBytes(text.length) : 0;
    return { name, type, integer: 0, text, bytes: fieldBytes(name.length) + 2 + textBytes };
  }

  #remembered(text: string): Uint8Array | undefined {
    const known = this.#known.get(text);
    if (known) return known;
    if (!text.isWellFormed()) return undefined;
    if (this.#known.size >= KNOWN_TEXTS_MAX) this.#known.clear();
    const bytes = this.#encoder.encode(text);
    this.#known.set(text, bytes);
    return bytes;
  }

  #text(tag: number, text: Uint8Array): void {
    this.#number(tag, text.length);
    this.#bytes.set(text, this.#at);
    this.#at += text.length;
  }

  /** A tag of one byte, and a number behind it. */
  #number(tag: number, value: number): void {
    this.#bytes[this.#at++] = tag;
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#at++] = rest & 0x7f | 0x80;
    this.#bytes[this.#at++] = rest;
  }
}

/** Of a tag, a length, and what has it. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest >>>= 7) count++;
  return count;
}
