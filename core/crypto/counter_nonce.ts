/**
 * The nonce of transport packets: four zero bytes, then the counter as 64-bit little-endian (WireGuard whitepaper
 * §5.4.6). Counters are JavaScript integers: 2^53 packets outlast every key by far (whitepaper §6.1).
 *
 * @module
 */

const TWO_POW_32 = 0x1_0000_0000;

/** True for an integer in 0 .. 2^53-1. */
export function counterFits(counter: number): boolean {
  return counter >= 0 && Number.isSafeInteger(counter);
}

/** Fills bytes 4 to 11 of a 12-byte nonce; the first four are zero and stay so. */
export function writeCounterNonce(nonce: DataView, counter: number): void {
  const low = counter >>> 0;
  nonce.setUint32(4, low, true);
  nonce.setUint32(8, (counter - low) / TWO_POW_32, true);
}
