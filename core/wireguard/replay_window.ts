/**
 * Which counters of a session were seen (whitepaper §5.4.6), as a bitmap that slides without shifting (RFC 6479).
 *
 * ```text
 *   words of the ring:   ... | 5 | 6 | 7 | 0 | 1 | 2 | ...
 *                                        ^ word of the highest counter seen
 * ```
 *
 * A counter's bit lives in word floor(counter / 32) modulo the ring's length. Moving on to a new word clears those in
 * between. One word of the ring is always partly ahead of the highest counter, so the window is one word shorter than
 * the ring: 8160 packets may arrive late and still be told from replays.
 *
 * @module
 */

const WORD_BITS = 32;
/** Words of the bitmap: 1 KiB. */
const RING_WORDS = 256;

/** Counters older than the highest one seen by this many or more are refused. */
export const REPLAY_WINDOW_PACKETS: number = (RING_WORDS - 1) * WORD_BITS;

/** The receiving half of one session. Counters are integers from 0 below 2^53. */
export class ReplayWindow {
  readonly #ring = new Uint32Array(RING_WORDS);
  /** One above the highest counter seen. */
  #next = 0;

  /** False for a counter that was seen or is too old to tell. Changes nothing: ask before the costly check of the tag. */
  isFresh(counter: number): boolean {
    if (counter >= this.#next) return true;
    if (this.#next - counter > REPLAY_WINDOW_PACKETS) return false;
    const word = Math.floor(counter / WORD_BITS) % RING_WORDS;
    return (this.#ring[word]! & 1 << counter % WORD_BITS) === 0;
  }

  /** Notes a fresh counter of an authentic packet. */
  mark(counter: number): void {
    const word = Math.floor(counter / WORD_BITS);
    if (counter >= this.#next) {
      const lastWord = Math.floor((this.#next - 1) / WORD_BITS);
      const clearCount = Math.min(word - lastWord, RING_WORDS);
      for (let i = 0; i < clearCount; i++) this.#ring[(word - i) % RING_WORDS] = 0;
      this.#next = counter + 1;
    }
    this.#ring[word % RING_WORDS]! |= 1 << counter % WORD_BITS;
  }
}
