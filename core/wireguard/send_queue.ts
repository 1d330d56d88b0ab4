/**
 * Packets that wait for a session of one peer, oldest first, bounded by number for the peer and for all peers together.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { TAG_BYTES } from "../crypto/suite.ts";
import { PADDING_BYTES } from "./constants.ts";
import { TRANSPORT } from "./messages.ts";

/** The room that all queues of an engine share. */
export class QueueBudget {
  /** Packets that may wait in all queues. */
  readonly packetsMax: number;
  /** Packets that wait. */
  used = 0;

  constructor(packetsMax: number) {
    this.packetsMax = packetsMax;
  }
}

/** A waiting packet in a buffer of its own, with room for header, padding and tag. */
export interface QueuedPacket {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** A bounded queue that lets the oldest go. */
export class SendQueue {
  readonly #packets: QueuedPacket[] = [];
  readonly #packetsMax: number;
  readonly #budget: QueueBudget;

  /** @param packetsMax Packets that may wait in this queue. */
  constructor(packetsMax: number, budget: QueueBudget) {
    this.#packetsMax = packetsMax;
    this.#budget = budget;
  }

  /** Packets that wait. */
  get size(): number {
    return this.#packets.length;
  }

  /** Copies a packet in. Returns how many were lost for it: the oldest, or the packet itself. Borrows. */
  push(buffer: Uint8Array, offset: number, length: number): number {
    let lostCount = 0;
    if (this.size >= this.#packetsMax || this.#budget.used >= this.#budget.packetsMax) {
      lostCount = 1;
      if (this.shift() === undefined) return lostCount;
    }
    const copy = new Uint8Array(TRANSPORT.packet + length + PADDING_BYTES - 1 + TAG_BYTES);
    copy.set(buffer.subarray(offset, offset + length), TRANSPORT.packet);
    this.#packets.push({ buffer: copy, offset: TRANSPORT.packet, length });
    this.#budget.used++;
    return lostCount;
  }

  /** Takes the oldest packet out. */
  shift(): QueuedPacket | undefined {
    const packet = this.#packets.shift();
    if (packet !== undefined) this.#budget.used--;
    return packet;
  }

  /** Drops all. Returns how many. */
  clear(): number {
    const count = this.#packets.length;
    this.#packets.length = 0;
    this.#budget.used -= count;
    assert(this.#budget.used >= 0, "Queues give back what they took");
    return count;
  }
}
