/**
 * Queries as they come from the network (RFC 1035 §4, RFC 6891, RFC 8945 §4.2), read without trusting a byte of them: nothing
 * throws, nothing is followed in circles, nothing is read twice.
 *
 * Names are lower case labels joined by dots; bytes that are no letter, digit, `-`, `_` or `*` are written as `\DDD`, so that no
 * byte inside of a label can pass for the dot between two.
 *
 * @module
 */
import {
  EDNS_DO,
  FLAG_QR,
  HEADER_BYTES,
  LABEL_BYTES_MAX,
  NAME_BYTES_MAX,
  OPCODE_MASK,
  OPCODE_QUERY,
  TYPE,
} from "./protocol.ts";

/** What is asked for. */
export interface Question {
  /** See the module; empty for the root. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where it ends in the message; it begins behind the header. */
  readonly end: number;
}

/** EDNS as the client speaks it. */
export interface Edns {
  readonly version: number;
  /** What the client takes in one datagram. */
  readonly udpBytesMax: number;
  /** The DO bit, copied into answers (RFC 3225 §3). */
  readonly isDnssecOk: boolean;
  /** All options as they came: pairs of code and data. */
  readonly options: readonly { readonly code: number; readonly data: Uint8Array }[];
}

/** A TSIG record, not yet verified. */
export interface TsigRecord {
  /** Where the record begins in the message. */
  readonly start: number;
  readonly keyName: string;
  readonly algorithm: string;
  /** Seconds since 1970, 48 bits. */
  readonly timeS: number;
  readonly fudgeS: number;
  readonly mac: Uint8Array;
  readonly originalId: number;
  readonly error: number;
}

/** A query that can be answered. */
export interface Query {
  readonly bytes: Uint8Array;
  readonly id: number;
  /** The second word of the header. */
  readonly flags: number;
  readonly question: Question;
  readonly edns: Edns | undefined;
  readonly tsig: TsigRecord | undefined;
}

/** A message that is answered with an error and its id alone, or not at all. */
export type NoQuery =
  | { readonly problem: "short" | "answer" }
  | { readonly problem: "malformed" | "opcode" | "questions" };

/** Options of one OPT record; a message with more is malformed. */
export const EDNS_OPTIONS_MAX = 32;

/** Records of a query, with OPT and TSIG; nobody sends more. */
export const QUERY_RECORDS_MAX = 16;
/** Pointers in one name: each leads to at least one label in honest messages. */
export const NAME_JUMPS_MAX = 127;

/** Reads one message. Keeps views into `bytes`. */
export function readQuery(bytes: Uint8Array): Query | NoQuery {
  if (bytes.length < HEADER_BYTES) return { problem: "short" };
  const flags = u16(bytes, 2);
  // Whoever answers answers has started a loop.
  if ((flags & FLAG_QR) !== 0) return { problem: "answer" };
  if ((flags & OPCODE_MASK) >> 11 !== OPCODE_QUERY) return { problem: "opcode" };
  // One question and no other number (RFC 9619); what further ones ask is not looked at.
  if (u16(bytes, 4) !== 1) return { problem: "questions" };
  const name = readName(bytes, HEADER_BYTES);
  if (!name || name.end + 4 > bytes.length || name.isCompressed) return { problem: "malformed" };
  const question: Question = {
    name: name.text,
    type: u16(bytes, name.end),
    class: u16(bytes, name.end + 2),
    end: name.end + 4,
  };
  const rest = readRecords(bytes, question.end);
  return rest ? { bytes, id: u16(bytes, 0), flags, question, ...rest } : { problem: "malformed" };
}

/** Goes over all records behind the question; takes OPT and TSIG. */
function readRecords(bytes: Uint8Array, start: number): Pick<Query, "edns" | "tsig"> | undefined {
  const bodyCount = u16(bytes, 6) + u16(bytes, 8);
  const count = bodyCount + u16(bytes, 10);
  if (count > QUERY_RECORDS_MAX) return undefined;
  let at = start;
  let edns: Edns | undefined;
  let tsig: TsigRecord | undefined;
  for (let index = 0; index < count; index++) {
    const owner = readName(bytes, at);
    if (!owner || owner.end + 10 > bytes.length) return undefined;
    const data = owner.end + 10;
    const end = data + u16(bytes, owner.end + 8);
    if (end > bytes.length) return undefined;
    const type = u16(bytes, owner.end);
    if (type === TYPE.OPT) {
      // One, of the root, in the last section (RFC 6891 §6.1.1).
      if (edns || owner.text !== "" || index < bodyCount) return undefined;
      edns = readEdns(bytes, owner.end, data, end);
      if (!edns) return undefined;
    } else if (type === TYPE.TSIG) {
      // The last record of all (RFC 8945 §5.1).
      if (index !== count - 1 || index < bodyCount) return undefined;
      tsig = readTsig(bytes, at, owner.text, data, end);
      if (!tsig) return undefined;
    }
    at = end;
  }
  return at === bytes.length ? { edns, tsig } : undefined;
}

function readEdns(bytes: Uint8Array, fixed: number, data: number, end: number): Edns | undefined {
  const options: { code: number; data: Uint8Array }[] = [];
  for (let at = data; at < end;) {
    if (at + 4 > end || options.length === EDNS_OPTIONS_MAX) return undefined;
    const next = at + 4 + u16(bytes, at + 2);
    if (next > end) return undefined;
    options.push({ code: u16(bytes, at), data: bytes.subarray(at + 4, next) });
    at = next;
  }
  return {
    udpBytesMax: u16(bytes, fixed + 2),
    version: bytes[fixed + 5] ?? 0,
    isDnssecOk: (u16(bytes, fixed + 6) & EDNS_DO) !== 0,
    options,
  };
}

function readTsig(
  bytes: Uint8Array,
  start: number,
  keyName: string,
  data: number,
  end: number,
): TsigRecord | undefined {
  const algorithm = readName(bytes, data);
  if (!algorithm || algorithm.isCompressed || algorithm.end + 10 > end) return undefined;
  const at = algorithm.end;
  const macEnd = at + 10 + u16(bytes, at + 8);
  if (macEnd + 6 > end || macEnd + 6 + u16(bytes, macEnd + 4) !== end) return undefined;
  return {
    start,
    keyName,
    algorithm: algorithm.text,
    timeS: u16(bytes, at) * 2 ** 32 + u16(bytes, at + 2) * 2 ** 16 + u16(bytes, at + 4),
    fudgeS: u16(bytes, at + 6),
    mac: bytes.subarray(at + 10, macEnd),
    originalId: u16(bytes, macEnd),
    error: u16(bytes, macEnd + 2),
  };
}

/** A name in a message. */
export interface ReadName {
  /** See the module. */
  readonly text: string;
  /** Behind the name, where it stands. */
  readonly end: number;
  readonly isCompressed: boolean;
}

/** Reads a name; `undefined` if it is none. Pointers lead strictly backwards, so that they end. */
export function readName(bytes: Uint8Array, start: number): ReadName | undefined {
  let text = "";
  let end = -1;
  let nameBytes = 1;
  let before = start;
  let jumps = 0;
  for (let at = start;;) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) {
      const isCompressed = end >= 0;
      return { text, end: isCompressed ? end : at + 1, isCompressed };
    }
    if (length > LABEL_BYTES_MAX) {
      const low = bytes[at + 1];
      if ((length & 0xc0) !== 0xc0 || low === undefined) return undefined;
      const target = (length & 0x3f) << 8 | low;
      if (target >= before || target < HEADER_BYTES || ++jumps > NAME_JUMPS_MAX) return undefined;
      if (end < 0) end = at + 2;
      at = before = target;
      continue;
    }
    nameBytes += length + 1;
    if (nameBytes > NAME_BYTES_MAX || at + length >= bytes.length) return undefined;
    if (text !== "") text += ".";
    for (let i = at + 1; i <= at + length; i++) text += LABEL_TEXTS[bytes[i] ?? 0] ?? "";
    at += length + 1;
  }
}

/** What each byte of a label looks like. */
const LABEL_TEXTS: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte).toLowerCase();
  return byte < 128 && /[a-z0-9_*-]/.test(character) ? character : `\\${String(byte).padStart(3, "0")}`;
});

/** Two bytes in network order; 0 beyond the end. */
export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}
