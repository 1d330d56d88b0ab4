/**
 * Writes answers: header, the question as it was asked, records with compressed names (RFC 1035 §4.1.4), EDNS; and cuts what is
 * too long (RFC 2181 §9).
 *
 * @module
 */
import type { Answer } from "./answer.ts";
import {
  CLASS_IN,
  EDNS_DO,
  FLAG_AA,
  FLAG_CD,
  FLAG_QR,
  FLAG_RA,
  FLAG_RD,
  FLAG_TC,
  HEADER_BYTES,
  OPCODE_MASK,
  TYPE,
  UDP_BYTES_MAX,
} from "./protocol.ts";
import { type Query, u16 } from "./query.ts";
import { encodeData, typeNumber, type ZoneRecord } from "./records.ts";

/** How an answer is to be sent. */
export interface Envelope {
  /** Bytes of the whole message. */
  readonly bytesMax: number;
  readonly isRecursionAvailable: boolean;
}

/** Offsets that a pointer can name. */
const POINTER_MAX = 0x3fff;
/** Bytes of an OPT record without options. */
const OPT_BYTES = 11;

/** The message; cut to an empty one with the TC bit if the answer does not fit. */
export function encodeAnswer(query: Query, answer: Answer, envelope: Envelope): Uint8Array<ArrayBuffer> {
  const writer = new MessageWriter(query, envelope.bytesMax - (query.edns ? OPT_BYTES : 0));
  const isWhole = writer.addAll(answer.answers, 0) && writer.addAll(answer.authorities, 1);
  if (isWhole) {
    for (const record of answer.additionals) if (!writer.addAll([record], 2)) break;
  } else writer.clear();
  const flags = FLAG_QR | (answer.isAuthoritative ? FLAG_AA : 0) | (isWhole ? 0 : FLAG_TC) |
    (query.flags & (FLAG_RD | FLAG_CD)) | (envelope.isRecursionAvailable ? FLAG_RA : 0);
  return writer.finish(flags, answer.rcode);
}

/** The answer to what cannot be read: header alone, nothing of the rest is repeated. */
export function encodeProblem(bytes: Uint8Array, rcode: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEADER_BYTES);
  message.set(bytes.subarray(0, 2));
  putU16(message, 2, FLAG_QR | (u16(bytes, 2) & (OPCODE_MASK | FLAG_RD)) | rcode);
  return message;
}

/** Two bytes in network order. */
export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 0xff;
}

class MessageWriter {
  readonly #query: Query;
  readonly #bytesMax: number;
  readonly #counts = [0, 0, 0];
  /** Where in the message the ends of names are. */
  readonly #suffixes = new Map<string, number>();
  #bytes: Uint8Array<ArrayBuffer>;
  #at: number;

  constructor(query: Query, bytesMax: number) {
    this.#query = query;
    this.#bytesMax = bytesMax;
    const { question } = query;
    this.#bytes = new Uint8Array(Math.max(UDP_BYTES_MAX, question.end + OPT_BYTES));
    this.#bytes.set(query.bytes.subarray(0, question.end));
    this.#at = question.end;
    // Answers point into the question, and so its letters come back as they were.
    let name = question.name;
    for (let at = HEADER_BYTES; name !== ""; at += 1 + (query.bytes[at] ?? 0)) {
      this.#suffixes.set(name, at);
      const dot = name.indexOf(".");
      name = dot < 0 ? "" : name.slice(dot + 1);
    }
  }

  /** False, and nothing is added, if there is no room. */
  addAll(records: readonly ZoneRecord[], section: 0 | 1 | 2): boolean {
    const start = this.#at;
    for (const record of records) {
      this.#record(record);
      if (this.#at <= this.#bytesMax) continue;
      this.#rewind(start);
      return false;
    }
    this.#counts[section] = (this.#counts[section] ?? 0) + records.length;
    return true;
  }

  clear(): void {
    this.#rewind(this.#query.question.end);
    this.#counts.fill(0);
  }

  finish(flags: number, rcode: number): Uint8Array<ArrayBuffer> {
    const { edns } = this.#query;
    const [answers = 0, authorities = 0, additionals = 0] = this.#counts;
    if (edns) {
      this.#u8(0);
      this.#u16(TYPE.OPT);
      this.#u16(UDP_BYTES_MAX);
      this.#u16(rcode >>> 4 << 8);
      this.#u16(edns.isDnssecOk ? EDNS_DO : 0);
      this.#u16(0);
    }
    putU16(this.#bytes, 2, flags | rcode & 0xf);
    putU16(this.#bytes, 4, 1);
    putU16(this.#bytes, 6, answers);
    putU16(this.#bytes, 8, authorities);
    putU16(this.#bytes, 10, additionals + (edns ? 1 : 0));
    return this.#bytes.slice(0, this.#at);
  }

  /** Nothing may point behind the end. */
  #rewind(at: number): void {
    this.#at = at;
    for (const [name, offset] of this.#suffixes) if (offset >= at) this.#suffixes.delete(name);
  }

  #record(record: ZoneRecord): void {
    this.#name(record.owner);
    this.#u16(typeNumber(record));
    this.#u16(CLASS_IN);
    this.#u32(record.ttlS);
    const lengthAt = this.#at;
    this.#u16(0);
    const data = encodeData(record);
    switch (data.kind) {
      case "bytes":
        this.#put(data.bytes);
        break;
      case "name":
        this.#name(data.name);
        break;
      case "soa":
        for (const name of data.names) this.#name(name);
        for (const number of data.numbers) this.#u32(number);
    }
    putU16(this.#bytes, lengthAt, this.#at - lengthAt - 2);
  }

  #name(name: string): void {
    for (let rest = name; rest !== "";) {
      const known = this.#suffixes.get(rest);
      if (known !== undefined) return this.#u16(0xc000 | known);
      if (this.#at <= POINTER_MAX) this.#suffixes.set(rest, this.#at);
      const dot = rest.indexOf(".");
      const label = dot < 0 ? rest : rest.slice(0, dot);
      this.#u8(label.length);
      for (let i = 0; i < label.length; i++) this.#u8(label.charCodeAt(i));
      rest = dot < 0 ? "" : rest.slice(dot + 1);
    }
    this.#u8(0);
  }

  #u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  #u16(value: number): void {
    this.#reserve(2);
    putU16(this.#bytes, this.#at, value);
    this.#at += 2;
  }

  #u32(value: number): void {
    this.#u16(value >>> 16);
    this.#u16(value & 0xffff);
  }

  #put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
