/**
 * The features that ship with Weft, in the order in which they start; they stop in reverse.
 *
 * @module
 */

/** No feature ships yet. */
export const plugins: readonly never[] = [];
