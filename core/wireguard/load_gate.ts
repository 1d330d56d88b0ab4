/**
 * Whether the engine is under load (whitepaper §5.3), so that handshakes cost strangers a round trip before they cost
 * us key agreements.
 *
 * @module
 */
import { UNDER_LOAD_MS } from "./constants.ts";

/** Counts initiations in windows of a second; one window too full means load from then on for a second. */
export class LoadGate {
  readonly #countMax: number;
  #windowEndsMs = -Infinity;
  #count = 0;
  #loadEndsMs = -Infinity;

  /** @param countMax Initiations in a second that are no load yet. */
  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Counts a handshake message that costs key agreements. */
  count(nowMs: number): void {
    if (nowMs >= this.#windowEndsMs) {
      this.#windowEndsMs = nowMs + UNDER_LOAD_MS;
      this.#count = 0;
    }
    if (++this.#count > this.#countMax) this.report(nowMs);
  }

  /** Load from another source, such as packets that wait too long: counts for a second. */
  report(nowMs: number): void {
    this.#loadEndsMs = nowMs + UNDER_LOAD_MS;
  }

  /** True while under load. */
  isUnderLoad(nowMs: number): boolean {
    return nowMs < this.#loadEndsMs;
  }
}
