/**
 * Signed queries and answers (TSIG, RFC 8945) with one key and HMAC-SHA256. Pure: the time is an argument.
 *
 * @module
 */
import { equalBytes, hmacSha256 } from "../../core/mod.ts";
import { putU16 } from "./message.ts";
import { type Query, type TsigRecord, u16 } from "./query.ts";
import { TYPE } from "./protocol.ts";

/** The algorithm's name; others are not accepted. */
export const TSIG_ALGORITHM = "hmac-sha256";
/** How far clocks may differ, as this server says it, in seconds. */
export const TSIG_FUDGE_S = 300;
/** A MAC cut to less than half is no MAC: the message is malformed (RFC 8945 §5.2.2.1). */
export const TSIG_MAC_BYTES_MIN = 16;
/** Errors of TSIG (RFC 8945 §3). */
export const TSIG_ERROR = { BADSIG: 16, BADKEY: 17, BADTIME: 18 } as const;

const MAC_BYTES = 32;
const CLASS_ANY = 255;

/** A shared key. Does not show itself. */
export class TsigKey {
  /** Lower case, without a dot at the end. */
  readonly name: string;
  readonly #secret: Uint8Array;

  constructor(name: string, secret: Uint8Array) {
    this.name = name;
    this.#secret = secret.slice();
  }

  mac(bytes: Uint8Array): Uint8Array {
    return hmacSha256(this.#secret, bytes);
  }
}

/** What the signature of a query is worth, and how the answer is signed. */
export interface TsigVerdict {
  /** 0 if the query is signed by the key, now. */
  readonly error: number;
  /** Of the query, for the answer's; empty if it could not be verified. */
  readonly mac: Uint8Array;
}

/** Verifies a signed query; `malformed` if the MAC has a length that no MAC has. */
export function verifyTsig(query: Query, tsig: TsigRecord, key: TsigKey, nowS: number): TsigVerdict | "malformed" {
  const unverified = new Uint8Array(0);
  if (tsig.keyName !== key.name || tsig.algorithm !== TSIG_ALGORITHM) {
    return { error: TSIG_ERROR.BADKEY, mac: unverified };
  }
  if (tsig.mac.length < TSIG_MAC_BYTES_MIN || tsig.mac.length > MAC_BYTES) return "malformed";
  const message = query.bytes.slice(0, tsig.start);
  putU16(message, 0, tsig.originalId);
  putU16(message, 10, u16(message, 10) - 1);
  const variables = signedVariables(key.name, tsig.timeS, tsig.fudgeS, tsig.error, NO_BYTES);
  const expected = key.mac(joined(message, variables));
  if (!equalBytes(expected.subarray(0, tsig.mac.length), tsig.mac)) {
    return { error: TSIG_ERROR.BADSIG, mac: unverified };
  }
  const error = Math.abs(nowS - tsig.timeS) > tsig.fudgeS ? TSIG_ERROR.BADTIME : 0;
  return { error, mac: tsig.mac };
}

/** Bytes that {@linkcode signAnswer} adds at most, for a key of this name. */
export function tsigBytes(keyName: string): number {
  return wireName(keyName).length + 10 + wireName(TSIG_ALGORITHM).length + 10 + MAC_BYTES + 6 + 6;
}

/** What is said of a signature when there is no key that it could be of. */
export const UNKNOWN_KEY: TsigVerdict = { error: TSIG_ERROR.BADKEY, mac: new Uint8Array(0) };

/**
 * The answer with a TSIG record behind; unsigned if the query's could not be verified (RFC 8945 §5.3.2).
 *
 * @param key `undefined` only with a verdict that nothing is signed for.
 */
export function signAnswer(
  answer: Uint8Array,
  tsig: TsigRecord,
  { error, mac: requestMac }: TsigVerdict,
  key: TsigKey | undefined,
  nowS: number,
): Uint8Array<ArrayBuffer> {
  const signer = error === 0 || error === TSIG_ERROR.BADTIME ? key : undefined;
  const isLate = error === TSIG_ERROR.BADTIME;
  // Whose clock is wrong learns this one's, signed with the time that he sent (RFC 8945 §5.2.3).
  const timeS = isLate ? tsig.timeS : nowS;
  const other = isLate ? u48(nowS) : NO_BYTES;
  const requestLength = new Uint8Array(2);
  putU16(requestLength, 0, requestMac.length);
  const mac = signer
    ? signer.mac(
      joined(requestLength, requestMac, answer, signedVariables(signer.name, timeS, TSIG_FUDGE_S, error, other)),
    )
    : NO_BYTES;
  // The name as the client wrote it: an unknown one is repeated, not ours told.
  const owner = wireName(tsig.keyName);
  const algorithm = wireName(error === TSIG_ERROR.BADKEY ? tsig.algorithm : TSIG_ALGORITHM);
  const fixed = new Uint8Array(10);
  putU16(fixed, 0, TYPE.TSIG);
  putU16(fixed, 2, CLASS_ANY);
  putU16(fixed, 8, algorithm.length + 10 + mac.length + 6 + other.length);
  const sizes = new Uint8Array(4);
  putU16(sizes, 0, TSIG_FUDGE_S);
  putU16(sizes, 2, mac.length);
  const tail = new Uint8Array(6);
  putU16(tail, 0, tsig.originalId);
  putU16(tail, 2, error);
  putU16(tail, 4, other.length);
  const signed = joined(answer, owner, fixed, algorithm, u48(timeS), sizes, mac, tail, other);
  putU16(signed, 10, u16(signed, 10) + 1);
  return signed;
}

const NO_BYTES = new Uint8Array(0);

/** What is signed besides the message (RFC 8945 §4.3.3). */
function signedVariables(
  keyName: string,
  timeS: number,
  fudgeS: number,
  error: number,
  other: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const classAndTtl = new Uint8Array(6);
  putU16(classAndTtl, 0, CLASS_ANY);
  const rest = new Uint8Array(6);
  putU16(rest, 0, fudgeS);
  putU16(rest, 2, error);
  putU16(rest, 4, other.length);
  return joined(wireName(keyName), classAndTtl, wireName(TSIG_ALGORITHM), u48(timeS), rest, other);
}

function u48(value: number): Uint8Array {
  const bytes = new Uint8Array(6);
  putU16(bytes, 0, Math.floor(value / 2 ** 32));
  putU16(bytes, 2, Math.floor(value / 2 ** 16) & 0xffff);
  putU16(bytes, 4, value & 0xffff);
  return bytes;
}

/** A name as `Question.name` writes it, as it is sent. */
function wireName(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const label of name === "" ? [] : name.split(".")) {
    const text = label.replace(/\\(\d{3})/g, (_, digits) => String.fromCharCode(Number(digits)));
    bytes.push(text.length, ...Array.from(text, (character) => character.charCodeAt(0)));
  }
  return new Uint8Array([...bytes, 0]);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
