/**
 * How many handshake messages one source may send while the engine is under load (whitepaper §5.3): a bucket per IPv4
 * address or IPv6 /64, five deep, filled twenty times a second.
 *
 * The table is bounded. Sources in it have proved their address by a cookie, so spoofed ones do not fill it; when it is
 * full of busy sources all the same, new ones are refused.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";
import { RATE_PER_SOURCE_BURST, RATE_PER_SOURCE_PER_SECOND } from "./constants.ts";

const MESSAGE_COST_MS = 1000 / RATE_PER_SOURCE_PER_SECOND;
const BUCKET_MS = MESSAGE_COST_MS * RATE_PER_SOURCE_BURST;

interface Bucket {
  /** Credit in milliseconds at `updatedMs`. */
  creditMs: number;
  updatedMs: number;
}

/** Token buckets by source, the one used least lately first. */
export class RateLimiter {
  readonly #sourcesMax: number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param sourcesMax Sources remembered at once. */
  constructor(sourcesMax: number) {
    this.#sourcesMax = sourcesMax;
  }

  /** Sources remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Counts a message of `from`; false if it is one too many. Borrows. */
  allow(from: Endpoint, nowMs: number): boolean {
    this.#forgetIdle(nowMs);
    const source = sourceOf(from);
    const bucket = this.#buckets.get(source) ?? this.#newBucket(nowMs);
    if (bucket === undefined) return false;
    bucket.creditMs = Math.min(BUCKET_MS, bucket.creditMs + nowMs - bucket.updatedMs);
    bucket.updatedMs = nowMs;
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (bucket.creditMs < MESSAGE_COST_MS) return false;
    bucket.creditMs -= MESSAGE_COST_MS;
    return true;
  }

  #newBucket(nowMs: number): Bucket | undefined {
    return this.#buckets.size < this.#sourcesMax ? { creditMs: BUCKET_MS, updatedMs: nowMs } : undefined;
  }

  /** A bucket that has had time to fill is the same as none. */
  #forgetIdle(nowMs: number): void {
    for (const [source, bucket] of this.#buckets) {
      if (nowMs - bucket.updatedMs < BUCKET_MS) break;
      this.#buckets.delete(source);
    }
  }
}

/** The IPv4 address, or the half of an IPv6 address that a site cannot choose, or any other kind of endpoint whole. */
function sourceOf(from: Endpoint): string {
  const addressAt = 4;
  const end = from.family === 4 ? addressAt + 4 : from.family === 6 ? addressAt + 8 : from.bytes.length;
  return `${from.family} ${from.bytes.subarray(addressAt, end).toHex()}`;
}
