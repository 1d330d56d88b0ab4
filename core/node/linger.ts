/**
 * Things that go a moment later than they could: who leaves the mesh must still hear that it may, and vote for it.
 *
 * @module
 */

interface Kept<Value> {
  readonly value: Value;
  /** When it was last wanted. */
  wantedAtMs: number;
}

/** Keeps values for a while after they are no longer wanted. */
export class Linger<Value> {
  readonly #lingerMs: number;
  readonly #kept = new Map<string, Kept<Value>>();

  /** @param lingerMs How long an unwanted value stays. */
  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  /**
   * What is wanted now, and after it what was wanted or needed until a short while ago.
   *
   * @param isNeeded Whether a value that is no longer wanted has to stay for now.
   */
  keep(
    wanted: ReadonlyMap<string, Value>,
    nowMs: number,
    isNeeded: (key: string, value: Value) => boolean = () => false,
  ): Value[] {
    for (const [key, kept] of this.#kept) {
      if (wanted.has(key)) continue;
      if (isNeeded(key, kept.value)) kept.wantedAtMs = nowMs;
      else if (nowMs - kept.wantedAtMs >= this.#lingerMs) this.#kept.delete(key);
    }
    const lingering = [...this.#kept].filter(([key]) => !wanted.has(key)).map(([, { value }]) => value);
    for (const [key, value] of wanted) this.#kept.set(key, { value, wantedAtMs: nowMs });
    return [...wanted.values(), ...lingering];
  }

  /** When the next value goes if nothing else changes; `Infinity` if all are wanted. */
  nextMs(wanted: ReadonlyMap<string, Value>): number {
    const times = [...this.#kept].filter(([key]) => !wanted.has(key)).map(([, { wantedAtMs }]) => wantedAtMs);
    return Math.min(...times) + this.#lingerMs;
  }
}
