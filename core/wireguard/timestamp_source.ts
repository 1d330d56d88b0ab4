/**
 * The timestamps of our initiations (whitepaper §5.1): each later than every one sent before, also when the clock goes
 * back, and also across restarts if the last one is kept and given back as a floor. Peers refuse anything else.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { compareTai64n, nextTai64n, tai64n, TAI64N_BYTES } from "../time/tai64n.ts";
import { TIMESTAMP_GRANULARITY_NS } from "./constants.ts";

/** Strictly increasing TAI64N labels that follow the wall clock where they can. */
export class TimestampSource {
  #last: Uint8Array;

  /** Copies `floor`, 12 bytes: nothing up to it is given out. */
  constructor(floor: Uint8Array = new Uint8Array(TAI64N_BYTES)) {
    assert(floor.length === TAI64N_BYTES, "A TAI64N label is 12 bytes");
    this.#last = floor.slice();
  }

  /** A copy of the last label given out, or the floor. */
  get last(): Uint8Array {
    return this.#last.slice();
  }

  /** The next label, 12 bytes, not to be changed. */
  next(wallMs: number): Uint8Array {
    const clock = tai64n(wallMs, TIMESTAMP_GRANULARITY_NS);
    this.#last = compareTai64n(clock, this.#last) > 0 ? clock : nextTai64n(this.#last);
    return this.#last;
  }
}
