/**
 * The layouts of the four messages (whitepaper §5.4.2, §5.4.3, §5.4.6, §5.4.7), read and written in place.
 *
 * Every message starts with its type and three zero bytes; integers are little-endian. Indices are held as signed
 * 32-bit integers, which the engine's hash tables take without boxing.
 *
 * @module
 */
import { COUNTER_LIMIT } from "./constants.ts";

/** First byte of a handshake initiation. */
export const INITIATION_TYPE = 1;
/** First byte of a handshake response. */
export const RESPONSE_TYPE = 2;
/** First byte of a cookie reply. */
export const COOKIE_REPLY_TYPE = 3;
/** First byte of transport data. */
export const TRANSPORT_TYPE = 4;

/** Bytes of mac1 and mac2, which end both handshake messages. */
export const MAC_BYTES = 16;
/** Bytes of a cookie. */
export const COOKIE_BYTES = 16;

/** Offsets in a handshake initiation, §5.4.2. */
export const INITIATION = {
  sender: 4,
  ephemeral: 8,
  /** Encrypted: 32 bytes and the tag. */
  static: 40,
  /** Encrypted: a TAI64N label and the tag. */
  timestamp: 88,
  mac1: 116,
  mac2: 132,
  bytes: 148,
} as const;

/** Offsets in a handshake response, §5.4.3. */
export const RESPONSE = {
  sender: 4,
  receiver: 8,
  ephemeral: 12,
  /** Encrypted: nothing, so only the tag. */
  empty: 44,
  mac1: 60,
  mac2: 76,
  bytes: 92,
} as const;

/** Offsets in a cookie reply, §5.4.7. */
export const COOKIE_REPLY = {
  receiver: 4,
  nonce: 8,
  /** Encrypted: the cookie and the tag. */
  cookie: 32,
  bytes: 64,
} as const;

/** Offsets in transport data, §5.4.6. */
export const TRANSPORT = {
  receiver: 4,
  counter: 8,
  /** Encrypted: the padded packet and the tag. */
  packet: 16,
  /** Header and tag: the length of a keepalive. */
  bytesMin: 32,
} as const;

const TWO_POW_32 = 0x1_0000_0000;
const COUNTER_HIGH_LIMIT = COUNTER_LIMIT / TWO_POW_32;

/** The type of the message at `offset`; 0 if there are fewer than four bytes or the reserved ones are not zero. */
export function messageTypeAt(buffer: Uint8Array, offset: number, length: number): number {
  if (length < 4) return 0;
  return (buffer[offset + 1]! | buffer[offset + 2]! | buffer[offset + 3]!) === 0 ? buffer[offset]! : 0;
}

/** Fills the first four bytes. */
export function writeType(buffer: Uint8Array, offset: number, type: number): void {
  buffer[offset] = type;
  buffer[offset + 1] = 0;
  buffer[offset + 2] = 0;
  buffer[offset + 3] = 0;
}

/** The index at `offset`, as a signed integer. Borrows. */
export function readIndex(buffer: Uint8Array, offset: number): number {
  return buffer[offset]! | buffer[offset + 1]! << 8 | buffer[offset + 2]! << 16 | buffer[offset + 3]! << 24;
}

/** Fills four bytes. */
export function writeIndex(buffer: Uint8Array, offset: number, index: number): void {
  buffer[offset] = index;
  buffer[offset + 1] = index >>> 8;
  buffer[offset + 2] = index >>> 16;
  buffer[offset + 3] = index >>> 24;
}

/** The 64-bit counter at `offset`; -1 if it is 2^53 or more. Borrows. */
export function readCounter(buffer: Uint8Array, offset: number): number {
  const high = readIndex(buffer, offset + 4) >>> 0;
  return high < COUNTER_HIGH_LIMIT ? high * TWO_POW_32 + (readIndex(buffer, offset) >>> 0) : -1;
}

/** Fills eight bytes with a counter below 2^53. */
export function writeCounter(buffer: Uint8Array, offset: number, counter: number): void {
  const low = counter >>> 0;
  writeIndex(buffer, offset, low);
  writeIndex(buffer, offset + 4, (counter - low) / TWO_POW_32);
}
