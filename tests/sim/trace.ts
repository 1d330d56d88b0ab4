/**
 * The story of a run: a hash over all of it, and the last lines in words.
 *
 * @module
 */

/** What is kept of one event until it is known whether anybody wants to read it. */
interface Line {
  atUs: number;
  member: number;
  what: string;
  detail: unknown;
  /** Fields of the member's state, if it has one. */
  stateLength: number;
  /** Always of the same length. */
  readonly state: number[];
}

/** Lines that are kept unless told otherwise. */
export const TRACE_LINES = 200;

/** Fields of a member's state in a line. */
export const STATE_FIELDS = ["role", "term", "vote", "lead", "commit", "applied", "last"] as const;

const ROLE_LETTERS = "FPCL-";
const NO_STATE: readonly number[] = [];

/** See the module. */
export class Trace {
  /** The same objects again and again: a run has too many events to make one for each. */
  readonly #lines: readonly Line[];
  #count = 0;
  #high = 0x811c9dc5;
  #low = 0x01234567;

  constructor(linesCount: number = TRACE_LINES) {
    this.#lines = Array.from(
      { length: linesCount },
      () => ({ atUs: 0, member: 0, what: "", detail: undefined, stateLength: 0, state: STATE_FIELDS.map(() => 0) }),
    );
  }

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** Hash of all events so far, 64 bits, hexadecimal. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** Adds an event. `detail` must not change later; borrows `state`. */
  add(atUs: number, member: number, what: string, detail: unknown, state: readonly number[] = NO_STATE): void {
    this.#mix(atUs);
    this.#mix(member ^ (what.length << 8) ^ what.charCodeAt(0));
    for (let i = 0; i < state.length; i++) this.#mix(state[i]!);
    const line = this.#lines[this.#count++ % this.#lines.length];
    if (line === undefined) return;
    line.atUs = atUs;
    line.member = member;
    line.what = what;
    line.detail = detail;
    line.stateLength = state.length;
    for (let i = 0; i < state.length; i++) line.state[i] = state[i]!;
  }

  /** The last lines, oldest first. */
  lines(): string[] {
    const { length } = this.#lines;
    const first = Math.max(0, this.#count - length);
    const lines: string[] = [];
    for (let i = first; i < this.#count; i++) {
      const line = this.#lines[i % length];
      if (line !== undefined) lines.push(`${i} ${textOf(line)}`);
    }
    return lines;
  }

  #mix(value: number): void {
    const word = value > 0xffff_ffff ? (value | 0) ^ ((value / 0x1_0000_0000) | 0) : value | 0;
    this.#low = Math.imul(this.#low ^ word, 0x85ebca6b);
    this.#low ^= this.#low >>> 15;
    this.#high = Math.imul(this.#high ^ this.#low, 0xc2b2ae35) + word | 0;
  }
}

function textOf({ atUs, member, what, detail, state, stateLength }: Line): string {
  const fields = state.slice(0, stateLength).map((value, i) =>
    i === 0 ? ROLE_LETTERS[value] : `${STATE_FIELDS[i]}=${value}`
  ).join(" ");
  const words = [`${(atUs / 1000).toFixed(3)}ms`, member === 0 ? "-" : `#${member}`, what];
  if (detail !== undefined) words.push(typeof detail === "string" ? detail : describe(detail));
  if (fields !== "") words.push(`[${fields}]`);
  return words.join(" ");
}

/** One line of JSON, with lists and bytes cut short. */
function describe(detail: unknown): string {
  return JSON.stringify(detail, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return `${value.length} bytes ${value.subarray(0, 8).toHex()}`;
    if (Array.isArray(value) && value.length > 4) return [...value.slice(0, 3), `… ${value.length}`];
    return value;
  });
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
