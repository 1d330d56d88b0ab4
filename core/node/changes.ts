/**
 * The one change signal of a node: something was applied, or leader or role changed. Level-triggered: who waits re-reads
 * the state and decides by itself whether that was what it waits for.
 *
 * @module
 */

interface Waiter {
  readonly condition: () => boolean;
  readonly resolve: () => void;
}

/** Wakes waiters whose condition has become true. */
export class Changes {
  readonly #waiters = new Set<Waiter>();

  /** Lets every waiter look again. */
  notify(): void {
    for (const waiter of [...this.#waiters]) if (waiter.condition()) waiter.resolve();
  }

  /**
   * Resolves once `condition` holds; it is asked now and at every change.
   *
   * @throws The signal's reason if it is aborted first.
   */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { condition, resolve };
    const onAbort = () => reject(signal.reason);
    this.#waiters.add(waiter);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
