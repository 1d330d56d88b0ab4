/**
 * One register as a sequential machine: what a key of the replicated map is to its clients.
 *
 * @module
 */
import type { Model } from "./checker.ts";

/** What may be asked of a register. 0 means that nothing was written yet. */
export type RegisterInput =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly value: number }
  /** The answer is what was there before. */
  | { readonly kind: "swap"; readonly value: number }
  /** The answer is 1 if `expected` was there, otherwise 0. */
  | { readonly kind: "cas"; readonly expected: number; readonly value: number };

/** A register that starts with 0. */
export const REGISTER: Model<number, RegisterInput, number> = {
  initial: 0,
  step(state, input, output) {
    switch (input.kind) {
      case "read":
        return output === undefined || output === state ? state : undefined;
      case "write":
        return input.value;
      case "swap":
        return output === undefined || output === state ? input.value : undefined;
      case "cas": {
        const isEqual = state === input.expected;
        if (output !== undefined && output !== (isEqual ? 1 : 0)) return undefined;
        return isEqual ? input.value : state;
      }
    }
  },
};
