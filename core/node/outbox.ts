/**
 * What one turn of the Raft loop sends, and what may wait for the next turn: while writes follow each other, a message that only
 * tells of a commit is held back. The next entries take it along, and followers have one message, one turn and one answer less
 * for each write. If no entries come it goes out by itself; and heartbeats tell of commits too.
 *
 * @module
 */
import type { Message, PeerMessage } from "../raft/message.ts";
import { coalesce, isNotice } from "./coalesce.ts";

/** When held messages have waited long enough. */
export interface OutboxTime {
  /** Calls back in a moment, once for all calls until then. */
  soon(call: () => void): void;
}

/** See the module. */
export class Outbox {
  readonly #send: (message: PeerMessage) => void;
  readonly #time: OutboxTime | undefined;
  #held: PeerMessage[] = [];
  /** Whether followers were told of a commit just now. */
  #hasTold = false;
  /** Whether writes follow each other. */
  #isBusy = false;
  #isClosed = false;

  /** @param time Without it nothing waits. */
  constructor(send: (message: PeerMessage) => void, time?: OutboxTime) {
    this.#send = send;
    this.#time = time;
  }

  /** Callers have brought writes. */
  writing(): void {
    if (this.#hasTold) this.#isBusy = true;
  }

  /** Sends a turn's messages to other members, in order, joined with what waits; or lets the last for a member wait. */
  send(messages: readonly Message[]): void {
    if (messages.length === 0 && this.#held.length === 0) return;
    const joined = this.#held.length === 0 ? coalesce(messages) : coalesce([...this.#held, ...messages]);
    this.#held = [];
    for (const [i, message] of joined.entries()) {
      const isLastNotice = this.#time !== undefined && isNotice(message) &&
        !joined.some(({ to }, j) => j > i && to === message.to);
      if (isLastNotice && this.#isBusy) this.#held.push(message);
      else this.#send(message);
      if (!isLastNotice) continue;
      this.#hasTold = true;
      this.#time.soon(this.#release);
    }
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
    this.#held = [];
  }

  /** No write has come soon after the last commit, or only for what was committed before. */
  readonly #release = (): void => {
    const held = this.#held;
    this.#held = [];
    this.#hasTold = false;
    if (held.length > 0) this.#isBusy = false;
    if (this.#isClosed) return;
    for (const message of held) this.#send(message);
  };
}
