/**
 * What is going to happen, in order of virtual time; ties in the order in which it was scheduled.
 *
 * @module
 */

/** Something that happens at a moment. */
export interface Timed {
  /** Virtual time in microseconds. */
  atUs: number;
  /** Place among those of the same moment. */
  seq: number;
}

/** A binary heap. */
export class EventQueue<Event extends Timed> {
  readonly #heap: Event[] = [];
  #seq = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Adds `event` behind all others of its moment. */
  push(event: Event): void {
    event.seq = this.#seq++;
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  /** Takes out the first. */
  pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first;
  }

  /** Everything that waits, in no order. */
  [Symbol.iterator](): IterableIterator<Event> {
    return this.#heap.values();
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    const length = heap.length;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      let child = heap[down];
      if (child === undefined) break;
      const right = down + 1 < length ? heap[down + 1] : undefined;
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        down++;
      }
      if (isBefore(event, child)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = event;
  }
}

function isBefore(a: Timed, b: Timed): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.seq < b.seq);
}
