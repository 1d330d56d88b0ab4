/**
 * Requests that can be sent again, to another server, as long as no answer was passed on and there are not too many.
 *
 * @module
 */

/** What is kept to be sent again, in bytes; a call that has sent more stays with the server that has it. */
export const REPLAY_BYTES_MAX: number = 4 << 20;

/** One stream of requests. */
export class Replay {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #bytesMax: number;
  /** Those that came from `#base` on. */
  #taken: Uint8Array[] = [];
  #base = 0;
  #bytes = 0;
  #isKept = true;
  #isDone = false;
  #hasFailed = false;
  /** One question to the source at a time, whoever asks. */
  #pull: Promise<void> | undefined;
  #readerCount = 0;

  /** @param source Is iterated once. */
  constructor(source: AsyncIterable<Uint8Array>, bytesMax: number = REPLAY_BYTES_MAX) {
    this.#source = source[Symbol.asyncIterator]();
    this.#bytesMax = bytesMax;
  }

  /** Whether {@linkcode Replay.open} can still begin with the first request. */
  get canOpen(): boolean {
    return this.#isKept;
  }

  /** Whether the source has thrown: what the caller sent cannot be taken. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Resolves when the first request is here, or that there is none. */
  async begun(): Promise<void> {
    if (this.#base + this.#taken.length === 0 && !this.#isDone) await this.#more();
  }

  /** Keeps nothing any more. */
  release(): void {
    this.#isKept = false;
  }

  /** The requests from the first one on. Who opened them before gets no more. What the source throws, this does. */
  open(): AsyncIterable<Uint8Array> {
    return this.#read(++this.#readerCount);
  }

  async *#read(reader: number): AsyncGenerator<Uint8Array> {
    for (let index = 0; reader === this.#readerCount; index++) {
      while (index >= this.#base + this.#taken.length) {
        if (this.#isDone) return;
        await this.#more();
        if (reader !== this.#readerCount) return;
      }
      const request = this.#taken[index - this.#base];
      if (!request) return;
      if (!this.#isKept) this.#dropUntil(index + 1);
      yield request;
    }
  }

  #more(): Promise<void> {
    this.#pull ??= this.#take().finally(() => this.#pull = undefined);
    return this.#pull;
  }

  async #take(): Promise<void> {
    const next = await this.#next();
    if (next.done) {
      this.#isDone = true;
      return;
    }
    this.#taken.push(next.value);
    this.#bytes += next.value.length;
    if (this.#bytes > this.#bytesMax) this.release();
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#source.next();
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  #dropUntil(index: number): void {
    this.#taken.splice(0, index - this.#base);
    this.#base = index;
  }
}
