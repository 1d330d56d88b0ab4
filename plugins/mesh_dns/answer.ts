/**
 * The answer to a question from what the mesh looks like: a pure function (RFC 1034 §4.3.2, RFC 2308, RFC 4592, RFC 8482).
 *
 * @module
 */
import { CLASS_ANY, CLASS_IN, RCODE, TYPE } from "./protocol.ts";
import type { Question } from "./query.ts";
import { typeNumber, type ZoneRecord } from "./records.ts";
import type { Found, Zone } from "./zone.ts";

/** What is sent back, before it is written. */
export interface Answer {
  readonly rcode: number;
  readonly isAuthoritative: boolean;
  readonly answers: readonly ZoneRecord[];
  readonly authorities: readonly ZoneRecord[];
  /** May be left out if there is no room. */
  readonly additionals: readonly ZoneRecord[];
}

/** Names that stand for others, one after the other, in one answer. */
export const CNAME_COUNT_MAX = 8;
/** Records that nobody asked for, in one answer. */
export const ADDITIONALS_MAX = 16;

/** `elsewhere` if the name belongs to none of the mesh's zones. */
export function answerQuestion(question: Pick<Question, "name" | "type" | "class">, zone: Zone): Answer | "elsewhere" {
  if (isRefusedType(question.type)) return refusal(RCODE.REFUSED);
  if (question.class !== CLASS_IN && question.class !== CLASS_ANY) return refusal(RCODE.REFUSED);
  const found = zone.find(question.name);
  return found ? authoritative(question, found, zone) : "elsewhere";
}

/** An answer that is a response code alone. */
export function refusal(rcode: number): Answer {
  return { rcode, isAuthoritative: false, answers: [], authorities: [], additionals: [] };
}

/** Zone transfers, and types that are no data: what the mesh is like is not given out as a whole. */
function isRefusedType(type: number): boolean {
  return type !== TYPE.ANY && type >= 128 && type <= 255 || type === TYPE.OPT;
}

function authoritative(question: Pick<Question, "name" | "type">, first: Found, zone: Zone): Answer {
  const answers: ZoneRecord[] = [];
  let found = first;
  for (let hop = 0; hop < CNAME_COUNT_MAX; hop++) {
    const matching = ofType(found.records, question.type);
    answers.push(...matching);
    const [alias] = found.records;
    if (matching.length > 0 || alias?.type !== "CNAME" || question.type === TYPE.CNAME) break;
    answers.push(alias);
    const next = zone.find(alias.target);
    if (!next) break;
    found = next;
  }
  const last = answers.at(-1);
  const isAnswered = last !== undefined &&
    (last.type !== "CNAME" || question.type === TYPE.CNAME || question.type === TYPE.ANY);
  return {
    // Of the last name of the chain (RFC 6604 §3).
    rcode: found.exists ? RCODE.NOERROR : RCODE.NXDOMAIN,
    isAuthoritative: true,
    answers,
    authorities: isAnswered ? [] : [negative(zone.soa(found.apex))],
    additionals: isAnswered ? additionals(answers, zone) : [],
  };
}

/** One set of records for those who ask for all (RFC 8482 §4.1). */
function ofType(records: readonly ZoneRecord[], type: number): readonly ZoneRecord[] {
  const wanted = type === TYPE.ANY && records[0] ? typeNumber(records[0]) : type;
  return records.filter((record) => typeNumber(record) === wanted);
}

/** The start of authority as others keep it to remember that there is nothing (RFC 2308 §3). */
function negative(soa: ZoneRecord): ZoneRecord {
  return soa.type === "SOA" ? { ...soa, ttlS: Math.min(soa.ttlS, soa.minimumS) } : soa;
}

/** Addresses of hosts that the answer names. */
function additionals(answers: readonly ZoneRecord[], zone: Zone): ZoneRecord[] {
  const records: ZoneRecord[] = [];
  for (const answer of answers) {
    if (answer.type !== "SRV" && answer.type !== "NS") continue;
    const hosts = zone.find(answer.target)?.records ?? [];
    records.push(...hosts.filter(({ type }) => type === "A" || type === "AAAA"));
    if (records.length >= ADDITIONALS_MAX) break;
  }
  return records.slice(0, ADDITIONALS_MAX);
}
