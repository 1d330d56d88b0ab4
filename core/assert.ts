/**
 * Broken invariants crash: an assertion that fails is a bug in Weft, never bad input.
 *
 * Bad input from the network returns a drop reason; bad input from the operator throws a typed error. See core/README.md.
 *
 * @module
 */

/** Thrown by {@linkcode assert}. Nothing catches it on purpose: the process or worker ends and says why. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * States an invariant.
 *
 * @param why What must hold, as a sentence that helps the reader of a crash.
 * @throws {InvariantError} If `condition` is false.
 */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new InvariantError(why);
}

/** Marks a point that the types prove cannot be reached; a forgotten union member does not compile. */
export function unreachable(value: never): never {
  throw new InvariantError(`Unreachable: ${String(value)}`);
}
