/**
 * Answers that were encoded before, by the bytes of the question: most questions over UDP are a few, asked again and again.
 *
 * A fixed number of slots, each holding the latest answer whose question hashes to it. Equal to the slow path to the byte: only
 * the id and the upper and lower case of the question are the asker's.
 *
 * @module
 */
import { HEADER_BYTES } from "./protocol.ts";

/** Slots; a power of two. */
export const ENCODED_ANSWERS_MAX = 4096;
/** Longer questions are not kept. */
export const ENCODED_QUESTION_BYTES_MAX = 288;
/** Type, class, and an OPT record without options. */
const TAIL_BYTES_MAX = 4 + 11;

/** What is kept. */
export interface EncodedAnswer {
  /** The query behind its id, the name in lower case. */
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  readonly rcode: number;
}

/** See the module. */
export class EncodedAnswers {
  readonly #slots: (EncodedAnswer | undefined)[] = new Array(ENCODED_ANSWERS_MAX).fill(undefined);
  readonly #key = new Uint8Array(ENCODED_QUESTION_BYTES_MAX);
  #keyBytes = 0;
  #slot = 0;

  /** The answer kept for `query`; remembers the question for {@linkcode EncodedAnswers.keep}. Hot. */
  find(query: Uint8Array): EncodedAnswer | undefined {
    if (!this.#read(query)) return undefined;
    const entry = this.#slots[this.#slot];
    if (!entry || entry.key.length !== this.#keyBytes) return undefined;
    for (let i = 0; i < this.#keyBytes; i++) if (entry.key[i] !== this.#key[i]) return undefined;
    return entry;
  }

  /** Keeps the answer to the question of the latest {@linkcode EncodedAnswers.find}. Keeps `bytes`. */
  keep(bytes: Uint8Array, rcode: number): void {
    if (this.#keyBytes === 0) return;
    this.#slots[this.#slot] = { key: this.#key.slice(0, this.#keyBytes), bytes, rcode };
  }

  /** What was kept is true no more. */
  clear(): void {
    this.#slots.fill(undefined);
  }

  /** How many answers are kept. */
  get size(): number {
    return this.#slots.reduce((count, slot) => slot ? count + 1 : count, 0);
  }

  /** Reads the key and its slot; false for questions that are not kept. FNV-1a. */
  #read(query: Uint8Array): boolean {
    this.#keyBytes = 0;
    const length = query.length;
    if (length < HEADER_BYTES + 5 || length - 2 > ENCODED_QUESTION_BYTES_MAX) return false;
    let nameEnd = HEADER_BYTES;
    for (let label = query[nameEnd] ?? 0; label !== 0; label = query[nameEnd] ?? 0) {
      nameEnd += label + 1;
      if (label > 63 || nameEnd >= length) return false;
    }
    nameEnd++;
    if (length - nameEnd > TAIL_BYTES_MAX) return false;
    const key = this.#key;
    let hash = 0x811c9dc5;
    for (let i = 2; i < length; i++) {
      let byte = query[i] ?? 0;
      // Lengths of labels are below the letters.
      if (byte >= 65 && byte <= 90 && i >= HEADER_BYTES && i < nameEnd) byte += 32;
      key[i - 2] = byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    this.#keyBytes = length - 2;
    this.#slot = (hash ^ hash >>> 15) & ENCODED_ANSWERS_MAX - 1;
    return true;
  }
}

/** The answer `kept`, for `query`: its id, its question as it was written. Hot. */
export function answerFrom(kept: EncodedAnswer, query: Uint8Array): Uint8Array {
  const bytes = kept.bytes.slice();
  bytes[0] = query[0] ?? 0;
  bytes[1] = query[1] ?? 0;
  for (let at = HEADER_BYTES;;) {
    const label = query[at] ?? 0;
    if (label === 0) return bytes;
    for (let i = at + 1; i <= at + label; i++) bytes[i] = query[i] ?? 0;
    at += label + 1;
  }
}
