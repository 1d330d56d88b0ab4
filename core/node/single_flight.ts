/**
 * One look for all who ask at the same time.
 *
 * @module
 */

/** Who asks while `look` is under way gets its result; the next one after that looks again. */
export function singleFlight<Result>(look: () => Promise<Result>): () => Promise<Result> {
  let flight: Promise<Result> | undefined;
  return () =>
    flight ??= look().finally(() => {
      flight = undefined;
    });
}
