/**
 * The features that ship with Weft, in the order in which they start; they stop in reverse. Interceptors of earlier ones stand
 * farther out.
 *
 * @module
 */
import type { Plugin } from "../core/mod.ts";

/** No feature ships yet. */
export const plugins: readonly Plugin[] = [];
