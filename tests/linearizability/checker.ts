/**
 * Is there an order of operations, each at one moment between its call and its return, in which a sequential machine would
 * have given these results? (Herlihy & Wing 1990; the search of Wing & Gong 1993 with the memory of Lowe 2017.)
 *
 * Calls and returns stand in a list, in order of time. The search lifts out a call whose step is legal, together with its
 * return, and starts over from the front; when it meets a return whose call is still there, the last choice was wrong and
 * is put back. It never tries the same set of lifted operations with the same state twice.
 *
 * An operation whose outcome nobody knows has no return: it may take effect at any later time, or never.
 *
 * Histories are checked key by key, because a history of independent objects is linearizable if that of each object is.
 *
 * @module
 */

/** One operation of a client. */
export interface Operation<Input, Output> {
  readonly input: Input;
  /** `undefined` if nobody knows. */
  readonly output: Output | undefined;
  /** When it was called; no two calls or returns have the same time. */
  readonly callAt: number;
  /** When it returned; `Infinity` if nobody knows. */
  readonly returnAt: number;
}

/** A sequential machine. */
export interface Model<State extends number | string, Input, Output> {
  readonly initial: State;
  /** The state after `input`, or `undefined` if the machine would not have answered `output`; an unknown one is always right. */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
}

/** What came out. */
export type Verdict =
  | { readonly kind: "linearizable" }
  /** No order explains more than these many operations in a row. */
  | { readonly kind: "violation"; readonly explainedCount: number }
  /** The search took more steps than allowed. */
  | { readonly kind: "gave-up" };

/** Steps of a search before it gives up. */
export const SEARCH_STEPS_MAX = 5_000_000;

/** A call or a return in the list. */
interface Link {
  /** Place of the operation in the bit set. */
  readonly operation: number;
  /** At a call, its return; at a return, `undefined`. */
  readonly match: Link | undefined;
  previous: Link | undefined;
  next: Link | undefined;
}

/** A choice that may have to be taken back. */
interface Choice<State> {
  readonly call: Link;
  readonly stateBefore: State;
}

/** Judges one object's history. */
export function check<State extends number | string, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  stepsMax: number = SEARCH_STEPS_MAX,
): Verdict {
  const head = linkedList(operations);
  const seen = new SeenSets<State>(operations.length);
  const choices: Choice<State>[] = [];
  let returnsLeft = operations.filter(({ returnAt }) => returnAt !== Infinity).length;
  const returnsCount = returnsLeft;
  let explainedCount = 0;
  let state = model.initial;
  let at = head.next;
  for (let steps = 0; returnsLeft > 0; steps++) {
    if (steps > stepsMax) return { kind: "gave-up" };
    if (at?.match !== undefined) {
      const operation = operations[at.operation];
      const after = operation && model.step(state, operation.input, operation.output);
      if (after !== undefined && seen.add(at.operation, after)) {
        choices.push({ call: at, stateBefore: state });
        state = after;
        lift(at, at.match);
        if (operation?.returnAt !== Infinity) returnsLeft--;
        explainedCount = Math.max(explainedCount, returnsCount - returnsLeft);
        at = head.next;
      } else at = at.next;
      continue;
    }
    const wrong = choices.pop();
    if (wrong === undefined) return { kind: "violation", explainedCount };
    const { call, stateBefore } = wrong;
    state = stateBefore;
    seen.takeBack(call.operation);
    unlift(call);
    if (operations[call.operation]?.returnAt !== Infinity) returnsLeft++;
    at = call.next;
  }
  return { kind: "linearizable" };
}

/** Judges the history of each key by itself; the first verdict that is not "linearizable" counts. */
export function checkByKey<State extends number | string, Input, Output, Key, Keyed extends Operation<Input, Output>>(
  model: Model<State, Input, Output>,
  operations: readonly Keyed[],
  keyOf: (operation: Keyed) => Key,
  stepsMax: number = SEARCH_STEPS_MAX,
): { readonly verdict: Verdict; readonly key: Key | undefined } {
  for (const [key, group] of Map.groupBy(operations, keyOf)) {
    const verdict = check(model, group, stepsMax);
    if (verdict.kind !== "linearizable") return { verdict, key };
  }
  return { verdict: { kind: "linearizable" }, key: undefined };
}

/** All calls and returns in order of time, behind an empty head. Returns that never came stand at the end. */
function linkedList<Input, Output>(operations: readonly Operation<Input, Output>[]): Link {
  const links: { readonly time: number; readonly link: Link }[] = [];
  operations.forEach(({ callAt, returnAt }, operation) => {
    const match: Link = { operation, match: undefined, previous: undefined, next: undefined };
    links.push({ time: returnAt, link: match });
    links.push({ time: callAt, link: { operation, match, previous: undefined, next: undefined } });
  });
  links.sort((a, b) => a.time === b.time ? 0 : a.time - b.time);
  const head: Link = { operation: -1, match: undefined, previous: undefined, next: undefined };
  let last = head;
  for (const { link } of links) {
    last.next = link;
    link.previous = last;
    last = link;
  }
  return head;
}

/** Takes a call and its return out of the list; they keep their neighbours in mind. */
function lift(call: Link, match: Link): void {
  for (const link of [call, match]) {
    if (link.previous) link.previous.next = link.next;
    if (link.next) link.next.previous = link.previous;
  }
}

/** Puts back what was lifted last. */
function unlift(call: Link): void {
  for (const link of [call.match, call]) {
    if (link?.previous) link.previous.next = link;
    if (link?.next) link.next.previous = link;
  }
}

/** A set of operations that were lifted, and the state that they left. */
interface Seen<State> {
  readonly bits: Uint32Array;
  readonly state: State;
}

/** The sets that were tried, and the present one. */
class SeenSets<State> {
  readonly #bits: Uint32Array;
  readonly #byHash = new Map<number, Seen<State>[]>();

  constructor(operationsCount: number) {
    this.#bits = new Uint32Array(Math.ceil(operationsCount / 32));
  }

  /** Adds `operation` to the present set, unless that set with `state` has been tried. */
  add(operation: number, state: State): boolean {
    this.#flip(operation);
    const hash = this.#hash();
    const tried = this.#byHash.get(hash) ?? [];
    if (tried.some((seen) => seen.state === state && this.#equals(seen.bits))) {
      this.#flip(operation);
      return false;
    }
    tried.push({ bits: this.#bits.slice(), state });
    this.#byHash.set(hash, tried);
    return true;
  }

  /** Takes `operation` out of the present set. */
  takeBack(operation: number): void {
    this.#flip(operation);
  }

  #flip(operation: number): void {
    const word = operation >>> 5;
    this.#bits[word] = (this.#bits[word] ?? 0) ^ (1 << (operation & 31));
  }

  #hash(): number {
    let hash = 0;
    for (const word of this.#bits) hash = Math.imul(hash ^ word, 0x85ebca6b) ^ (hash >>> 13);
    return hash;
  }

  #equals(bits: Uint32Array): boolean {
    return bits.every((word, i) => word === this.#bits[i]);
  }
}
