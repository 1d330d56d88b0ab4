/**
 * Queries to other servers, and what they answer: built, checked against the question, cut to what can be kept. Pure.
 *
 * @module
 */
import { Buffer } from "node:buffer";
// @ts-types="./dns_packet.d.ts"
import { decode } from "dns-packet";
import { putU16 } from "./message.ts";
import {
  EDNS_DO,
  FLAG_CD,
  FLAG_QR,
  FLAG_RA,
  FLAG_RD,
  FLAG_TC,
  HEADER_BYTES,
  RCODE,
  TYPE,
  UDP_BYTES_MAX,
} from "./protocol.ts";
import { type Query, readName, u16 } from "./query.ts";

/** A local option of EDNS (RFC 6891 §9): the forwarders that a query has come through, eight random bytes each. */
export const PATH_OPTION = 65_313;
/** Bytes of one forwarder's mark in it. */
export const PATH_MARK_BYTES = 8;
/** Forwarders in a row; more is a loop, whether this one is among them or not. */
export const PATH_MARKS_MAX = 4;
/** Records of an answer from elsewhere. */
export const UPSTREAM_RECORDS_MAX = 512;
/** How long an answer is kept at most, in seconds. */
export const UPSTREAM_TTL_MAX_S = 3_600;

/** An answer from elsewhere, without what was only between that server and this one. */
export interface UpstreamAnswer {
  readonly bytes: Uint8Array;
  readonly rcode: number;
  /** Where times to live are. */
  readonly ttlOffsets: readonly number[];
  /** How long it may be kept, in seconds; 0 for not at all. */
  readonly keptS: number;
}

/** Why a datagram is not the answer. */
export type NoAnswer = "not-an-answer" | "other-id" | "other-question" | "malformed";

/** True if the query has come through the forwarder `mark` before, or through too many. */
export function hasLooped({ edns }: Query, mark: Uint8Array): boolean {
  const path = edns?.options.find(({ code }) => code === PATH_OPTION)?.data;
  if (!path) return false;
  if (path.length >= PATH_MARKS_MAX * PATH_MARK_BYTES) return true;
  for (let at = 0; at < path.length; at += PATH_MARK_BYTES) {
    if (mark.every((byte, index) => path[at + index] === byte)) return true;
  }
  return false;
}

/** The query as this server asks it. Check {@linkcode hasLooped} first. */
export function upstreamQuery({ bytes, question, edns, flags }: Query, id: number, mark: Uint8Array): Uint8Array {
  const path = edns?.options.find(({ code }) => code === PATH_OPTION)?.data ?? new Uint8Array(0);
  const pathBytes = path.length + mark.length;
  const query = new Uint8Array(question.end + 11 + 4 + pathBytes);
  query.set(bytes.subarray(0, question.end));
  putU16(query, 0, id);
  putU16(query, 2, FLAG_RD | flags & FLAG_CD);
  putU16(query, 4, 1);
  putU16(query, 6, 0);
  putU16(query, 8, 0);
  putU16(query, 10, 1);
  const opt = question.end + 1;
  putU16(query, opt, TYPE.OPT);
  putU16(query, opt + 2, UDP_BYTES_MAX);
  putU16(query, opt + 6, edns?.isDnssecOk ? EDNS_DO : 0);
  putU16(query, opt + 8, 4 + pathBytes);
  putU16(query, opt + 10, PATH_OPTION);
  putU16(query, opt + 12, pathBytes);
  query.set(path, opt + 14);
  query.set(mark, opt + 14 + path.length);
  return query;
}

/** Reads what came back for `query`, asked with `id`. Never throws. */
export function readUpstreamAnswer(bytes: Uint8Array, query: Query, id: number): UpstreamAnswer | NoAnswer {
  if (bytes.length < HEADER_BYTES || (u16(bytes, 2) & FLAG_QR) === 0) return "not-an-answer";
  if (u16(bytes, 0) !== id) return "other-id";
  const name = readName(bytes, HEADER_BYTES);
  const { question } = query;
  const isOurs = u16(bytes, 4) === 1 && name?.end === question.end - 4 && name.text === question.name &&
    u16(bytes, name.end) === question.type && u16(bytes, name.end + 2) === question.class;
  if (!isOurs) return "other-question";
  const walked = walk(bytes, question.end);
  if (!walked) return "malformed";
  const flags = u16(bytes, 2);
  const cut = bytes.slice(0, walked.end);
  putU16(cut, 2, FLAG_QR | FLAG_RA | flags & (FLAG_TC | 0xf));
  putU16(cut, 10, walked.additionalCount);
  const rcode = flags & 0xf | walked.extendedRcode << 4;
  const isKeepable = (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN) && (flags & FLAG_TC) === 0;
  return { bytes: cut, rcode, ttlOffsets: walked.ttlOffsets, keptS: isKeepable ? keptS(cut) : 0 };
}

/** An answer that is kept, for who asks now: his id and question, EDNS if he speaks it, and `ageS` seconds less to live. */
export function answerFor(query: Query, kept: UpstreamAnswer, ageS: number): Uint8Array {
  const { question, edns } = query;
  const bytes = new Uint8Array(kept.bytes.length + (edns ? 11 : 0));
  bytes.set(kept.bytes);
  bytes.set(query.bytes.subarray(HEADER_BYTES, question.end), HEADER_BYTES);
  putU16(bytes, 0, query.id);
  putU16(bytes, 2, u16(bytes, 2) | query.flags & (FLAG_RD | FLAG_CD));
  for (const at of kept.ttlOffsets) {
    const ttlS = Math.max(0, u32(bytes, at) - ageS);
    putU16(bytes, at, ttlS >>> 16);
    putU16(bytes, at + 2, ttlS & 0xffff);
  }
  if (edns) {
    const opt = kept.bytes.length + 1;
    putU16(bytes, opt, TYPE.OPT);
    putU16(bytes, opt + 2, UDP_BYTES_MAX);
    putU16(bytes, opt + 4, kept.rcode >>> 4 << 8);
    putU16(bytes, opt + 6, edns.isDnssecOk ? EDNS_DO : 0);
    putU16(bytes, 10, u16(bytes, 10) + 1);
  }
  return bytes;
}

interface Walked {
  /** Behind the last record that is kept. */
  readonly end: number;
  readonly additionalCount: number;
  readonly ttlOffsets: readonly number[];
  readonly extendedRcode: number;
}

/** Goes over the records up to OPT, which is between that server and this one; what follows it is left out with it. */
function walk(bytes: Uint8Array, start: number): Walked | undefined {
  const bodyCount = u16(bytes, 6) + u16(bytes, 8);
  const count = bodyCount + u16(bytes, 10);
  if (count > UPSTREAM_RECORDS_MAX) return undefined;
  const ttlOffsets: number[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const owner = readName(bytes, at);
    if (!owner || owner.end + 10 > bytes.length) return undefined;
    const end = owner.end + 10 + u16(bytes, owner.end + 8);
    if (end > bytes.length) return undefined;
    const type = u16(bytes, owner.end);
    if (type === TYPE.OPT || type === TYPE.TSIG) {
      if (index < bodyCount) return undefined;
      const extendedRcode = type === TYPE.OPT ? bytes[owner.end + 4] ?? 0 : 0;
      return { end: at, additionalCount: index - bodyCount, ttlOffsets, extendedRcode };
    }
    ttlOffsets.push(owner.end + 4);
    at = end;
  }
  return { end: at, additionalCount: count - bodyCount, ttlOffsets, extendedRcode: 0 };
}

/** The shortest time that any of it lives; of what says that there is nothing, what RFC 2308 §5 says. */
function keptS(bytes: Uint8Array): number {
  try {
    const { answers, authorities } = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const ttls = [...answers, ...authorities].map(({ ttl = 0 }) => ttl >= 2 ** 31 ? 0 : ttl);
    for (const { type, data } of answers.length === 0 ? authorities : []) {
      if (type === "SOA" && typeof data === "object" && data && "minimum" in data) ttls.push(Number(data.minimum));
    }
    return ttls.length === 0 ? 0 : Math.min(...ttls, UPSTREAM_TTL_MAX_S);
  } catch {
    // Such as a record of a known type with data of none: it is passed on, and asked for again.
    return 0;
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 2 ** 16 + u16(bytes, at + 2);
}
