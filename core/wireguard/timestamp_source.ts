/**
 * The timestamps of our initiations (whitepaper §5.1): each later than every one sent before, also when the clock goes
 * back, and also across restarts if the last one is kept and given back as a floor. Peers refuse anything else.
 *
 * Whoever keeps the floor on disk cannot write before each initiation. So it writes ahead: a label that is not reached for
 * an hour, up to which the source may follow the clock; beyond it the source counts nanoseconds until there is a new one.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { compareTai64n, nextTai64n, tai64n, TAI64N_BYTES } from "../time/tai64n.ts";
import { TIMESTAMP_GRANULARITY_NS } from "./constants.ts";

/** Strictly increasing TAI64N labels that follow the wall clock where they can. */
export class TimestampSource {
  #last: Uint8Array;
  #ceiling = new Uint8Array(TAI64N_BYTES).fill(0xff);

  /**
   * Copies both, 12 bytes each.
   *
   * @param floor Nothing up to it is given out.
   * @param ceiling See {@linkcode raiseCeiling}.
   */
  constructor(floor?: Uint8Array, ceiling?: Uint8Array) {
    assert(floor === undefined || floor.length === TAI64N_BYTES, "A TAI64N label is 12 bytes");
    this.#last = floor?.slice() ?? new Uint8Array(TAI64N_BYTES);
    if (ceiling !== undefined) this.raiseCeiling(ceiling);
  }

  /** The clock is followed up to here; beyond, labels are a nanosecond apart. Copies. */
  raiseCeiling(ceiling: Uint8Array): void {
    assert(ceiling.length === TAI64N_BYTES, "A TAI64N label is 12 bytes");
    this.#ceiling = ceiling.slice();
  }

  /** A copy of the last label given out, or the floor. */
  get last(): Uint8Array {
    return this.#last.slice();
  }

  /** The next label, 12 bytes, not to be changed. */
  next(wallMs: number): Uint8Array {
    const clock = tai64n(wallMs, TIMESTAMP_GRANULARITY_NS);
    const follows = compareTai64n(clock, this.#last) > 0 && compareTai64n(clock, this.#ceiling) <= 0;
    this.#last = follows ? clock : nextTai64n(this.#last);
    return this.#last;
  }
}
