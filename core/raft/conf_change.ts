/**
 * A membership change as it stands in the log (thesis §4.3), and its bytes.
 *
 * Entries of type `conf-change` hold one step and never enter a joint configuration; entries of type `conf-change-v2`
 * hold any number. No bytes at all are the change that leaves a joint configuration. Otherwise the layout is: version
 * (u8, 1), transition (u8), number of steps (u8), then for each step its operation (u8) and member id (u64be), then the
 * context to the end.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import type { Entry, EntryType } from "../seams/log_store.ts";
import type { ProposedEntry } from "./message.ts";

/** What a step does to one member; `update` only carries the context through the log. */
export type ConfChangeOperation = "add-voter" | "add-learner" | "remove" | "update";

/** One step; id 0 does nothing. */
export interface ConfChangeStep {
  readonly operation: ConfChangeOperation;
  readonly id: number;
}

/**
 * How to get from one voter set to the other. `auto`: at once if at most one step, else as `implicit`. `implicit`: through
 * a joint configuration that the leader leaves by itself. `explicit`: through one that stays until a change without steps.
 */
export type ConfChangeTransition = "auto" | "implicit" | "explicit";

/** A membership change. */
export interface ConfChange {
  readonly transition: ConfChangeTransition;
  readonly steps: readonly ConfChangeStep[];
  /** Opaque to the engine, for the state machine. */
  readonly context: Uint8Array;
}

/** The most steps in one change. */
export const CONF_CHANGE_STEPS_MAX = 255;

/** The change that leaves a joint configuration. */
export const LEAVE_JOINT: ConfChange = { transition: "auto", steps: [], context: new Uint8Array(0) };

const VERSION = 1;
const HEADER_BYTES = 3;
const STEP_BYTES = 9;
const TRANSITIONS: readonly ConfChangeTransition[] = ["auto", "implicit", "explicit"];
const OPERATIONS: readonly ConfChangeOperation[] = ["add-voter", "add-learner", "remove", "update"];

/** A change with these steps and no context. */
export function confChange(
  steps: readonly ConfChangeStep[],
  transition: ConfChangeTransition = "auto",
): ConfChange {
  return { transition, steps, context: LEAVE_JOINT.context };
}

/** The entry that carries `change`. */
export function proposedConfChange(
  change: ConfChange,
  type: Exclude<EntryType, "normal"> = "conf-change-v2",
): ProposedEntry {
  assert(
    type === "conf-change-v2" || (change.steps.length === 1 && change.transition === "auto"),
    "A change of the first version has one step and no transition",
  );
  return { type, data: encodeConfChange(change) };
}

/** The bytes of `change`; none for {@linkcode LEAVE_JOINT}. */
export function encodeConfChange(change: ConfChange): Uint8Array {
  const { transition, steps, context } = change;
  assert(steps.length <= CONF_CHANGE_STEPS_MAX, "A membership change has at most 255 steps");
  if (transition === "auto" && steps.length === 0 && context.length === 0) return context;
  const writer = new ByteWriter(new Uint8Array(HEADER_BYTES + steps.length * STEP_BYTES + context.length));
  writer.u8(VERSION).u8(TRANSITIONS.indexOf(transition)).u8(steps.length);
  for (const step of steps) writer.u8(OPERATIONS.indexOf(step.operation)).u53be(step.id);
  return writer.bytes(context).written;
}

/** The change in `data`, `undefined` if it is none. Borrows. */
export function decodeConfChange(data: Uint8Array): ConfChange | undefined {
  if (data.length === 0) return LEAVE_JOINT;
  const reader = new ByteReader(data);
  const version = reader.u8();
  const transition = TRANSITIONS[reader.u8() ?? TRANSITIONS.length];
  const count = reader.u8();
  if (version !== VERSION || transition === undefined || count === undefined) return undefined;
  const steps: ConfChangeStep[] = [];
  for (let i = 0; i < count; i++) {
    const operation = OPERATIONS[reader.u8() ?? OPERATIONS.length];
    const id = reader.u53be();
    if (operation === undefined || id === undefined) return undefined;
    steps.push({ operation, id });
  }
  return { transition, steps, context: reader.rest().slice() };
}

/** The change that a log entry or proposal carries; `undefined` if it is not a change or damaged. */
export function confChangeOf(entry: Entry | ProposedEntry): ConfChange | undefined {
  return entry.type === "normal" ? undefined : decodeConfChange(entry.data);
}
