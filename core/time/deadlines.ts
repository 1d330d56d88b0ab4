/**
 * Ordered deadlines: who is due next, without looking at everybody.
 *
 * A binary heap whose items know their place in it, so that moving or cancelling one costs O(log n) and allocates
 * nothing. It only orders: nothing fires by itself, a driver asks what is due.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** What can be given a deadline. Both fields belong to the one {@linkcode Deadlines} that holds the item. */
export interface Scheduled {
  /** When the item is due, milliseconds of the driver's monotonic clock; Infinity while it is not scheduled. */
  deadlineMs: number;
  /** Place in the heap; -1 while it is not scheduled. */
  deadlineSlot: number;
}

/** Items in order of their deadlines. An item is in it at most once and in no other. */
export class Deadlines<T extends Scheduled> {
  readonly #heap: T[] = [];

  /** Scheduled items. */
  get size(): number {
    return this.#heap.length;
  }

  /** The earliest deadline, Infinity if there is none. */
  nextMs(): number {
    return this.#heap[0]?.deadlineMs ?? Infinity;
  }

  /** Gives `item` the deadline `atMs`, in place of the one it may have. Infinity cancels. */
  schedule(item: T, atMs: number): void {
    assert(!Number.isNaN(atMs), "A deadline is a number");
    if (atMs === Infinity) return this.cancel(item);
    if (item.deadlineSlot < 0) item.deadlineSlot = this.#heap.push(item) - 1;
    item.deadlineMs = atMs;
    this.#siftDown(this.#siftUp(item.deadlineSlot));
  }

  /** Takes `item` out; nothing happens if it is not scheduled. */
  cancel(item: T): void {
    const slot = item.deadlineSlot;
    if (slot < 0) return;
    const last = this.#heap.pop();
    if (last !== undefined && last !== item) {
      this.#put(last, slot);
      this.#siftDown(this.#siftUp(slot));
    }
    item.deadlineSlot = -1;
    item.deadlineMs = Infinity;
  }

  /** Takes out the item with the earliest deadline if that is `nowMs` or before; `undefined` if none is due. */
  takeDue(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.deadlineMs > nowMs) return undefined;
    this.cancel(first);
    return first;
  }

  /** For tests and simulation. @throws {InvariantError} If the heap is out of order. */
  checkInvariants(): void {
    this.#heap.forEach((item, slot) => {
      assert(item.deadlineSlot === slot, "A scheduled item knows its place");
      assert(item.deadlineMs < Infinity, "A scheduled item has a deadline");
      const parentMs = slot === 0 ? -Infinity : this.#at((slot - 1) >>> 1).deadlineMs;
      assert(parentMs <= item.deadlineMs, "A parent is due before its children");
    });
  }

  #siftUp(from: number): number {
    const item = this.#at(from);
    let slot = from;
    while (slot > 0) {
      const parentSlot = (slot - 1) >>> 1;
      const parent = this.#at(parentSlot);
      if (parent.deadlineMs <= item.deadlineMs) break;
      this.#put(parent, slot);
      slot = parentSlot;
    }
    this.#put(item, slot);
    return slot;
  }

  #siftDown(from: number): void {
    const item = this.#at(from);
    let slot = from;
    while (2 * slot + 1 < this.#heap.length) {
      const leftSlot = 2 * slot + 1;
      const left = this.#at(leftSlot);
      const right = this.#heap[leftSlot + 1];
      const isRight = right !== undefined && right.deadlineMs < left.deadlineMs;
      const child = isRight ? right : left;
      if (child.deadlineMs >= item.deadlineMs) break;
      this.#put(child, slot);
      slot = isRight ? leftSlot + 1 : leftSlot;
    }
    this.#put(item, slot);
  }

  #at(slot: number): T {
    const item = this.#heap[slot];
    assert(item !== undefined, "A place in the heap is taken");
    return item;
  }

  #put(item: T, slot: number): void {
    this.#heap[slot] = item;
    item.deadlineSlot = slot;
  }
}
