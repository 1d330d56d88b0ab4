/**
 * TAI64N labels: 12 bytes that order like the instants they name (https://cr.yp.to/libtai/tai64.html), as WireGuard
 * puts them into handshake initiations (whitepaper §5.1 and §5.4.2).
 *
 * Eight bytes of seconds, big-endian, counted from 2^62 at 1970 TAI, then four bytes of nanoseconds.
 *
 * Leaves out: leap seconds. WireGuard compares labels of one sender only, so all implementations add the ten seconds
 * of 1970 and no more.
 *
 * @module
 */

/** Bytes of a label. */
export const TAI64N_BYTES = 12;

const TWO_POW_32 = 0x1_0000_0000;
/** The high word of 2^62. */
const EPOCH_HIGH = 0x4000_0000;
/** TAI minus UTC at 1970-01-01. */
const EPOCH_OFFSET_SECONDS = 10;
const NANOSECONDS_MAX = 999_999_999;

/**
 * The label of an instant.
 *
 * @param wallMs Milliseconds since 1970-01-01T00:00:00Z; anything before that or not finite counts as 1970.
 * @param granularityNs Rounds the nanoseconds down to a multiple of this, so that labels tell less of the sender.
 */
export function tai64n(wallMs: number, granularityNs = 1): Uint8Array {
  const ms = wallMs > 0 && wallMs < Number.MAX_SAFE_INTEGER ? wallMs : 0;
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = Math.floor((ms - seconds * 1000) * 1e6);
  return label(seconds + EPOCH_OFFSET_SECONDS, nanoseconds - nanoseconds % granularityNs);
}

/** Milliseconds since 1970-01-01T00:00:00Z that a label names, for people; negative for labels before. */
export function wallMsOfTai64n(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, TAI64N_BYTES);
  const seconds = (view.getUint32(0) - EPOCH_HIGH) * TWO_POW_32 + view.getUint32(4) - EPOCH_OFFSET_SECONDS;
  return seconds * 1000 + view.getUint32(8) / 1e6;
}

/** Negative, zero or positive as `a` is before, equal to or after `b`. Borrows both. */
export function compareTai64n(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < TAI64N_BYTES; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A fresh label one nanosecond after `bytes`. The very last label there is has no next one and stays. */
export function nextTai64n(bytes: Uint8Array): Uint8Array {
  const next = bytes.slice(0, TAI64N_BYTES);
  const view = new DataView(next.buffer);
  const nanoseconds = view.getUint32(8);
  if (nanoseconds < NANOSECONDS_MAX) {
    view.setUint32(8, nanoseconds + 1);
    return next;
  }
  const low = view.getUint32(4);
  const high = view.getUint32(0);
  if (low === TWO_POW_32 - 1 && high === TWO_POW_32 - 1) return next.fill(0xff);
  view.setUint32(8, 0);
  view.setUint32(4, (low + 1) % TWO_POW_32);
  if (low === TWO_POW_32 - 1) view.setUint32(0, high + 1);
  return next;
}

function label(seconds: number, nanoseconds: number): Uint8Array {
  const bytes = new Uint8Array(TAI64N_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, EPOCH_HIGH + Math.floor(seconds / TWO_POW_32));
  view.setUint32(4, seconds % TWO_POW_32);
  view.setUint32(8, nanoseconds);
  return bytes;
}
