/**
 * When a node looks at the replicated state, to make its host and its tunnel like it: as soon as something changes, with rests in
 * a storm of changes, and of its own accord ever more rarely while there is nothing to do.
 *
 * @module
 */

/** A node looks again after this time even if nothing changed, in milliseconds. */
export const LOOK_EVERY_MS = 5_000;
/** While it finds nothing to do again and again, each pause is twice as long as the one before, up to this; milliseconds. */
export const LOOK_EVERY_MAX_MS = 60_000;
/** Between two looks there is so much rest, in milliseconds, … */
export const REST_MS = 20;
/** … and so many times what the last one took: it reads every node of the mesh. */
export const REST_FACTOR = 9;

/** See the module. Times are of one monotonic clock, in milliseconds. */
export class LookRhythm {
  #restUntilMs = -Infinity;
  #pauseMs = LOOK_EVERY_MS;

  /** From when on a change may be looked at. */
  afterChangeMs(): number {
    return this.#restUntilMs;
  }

  /**
   * Says that a look is over.
   *
   * @param isIdle Whether nothing had changed, and nothing was to be done.
   * @returns When the next one is due if nothing changes.
   */
  looked(startMs: number, endMs: number, isIdle: boolean): number {
    this.#restUntilMs = endMs + Math.max(REST_MS, (endMs - startMs) * REST_FACTOR);
    this.#pauseMs = isIdle ? Math.min(2 * this.#pauseMs, LOOK_EVERY_MAX_MS) : LOOK_EVERY_MS;
    return endMs + this.#pauseMs;
  }
}
