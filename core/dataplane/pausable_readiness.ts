/**
 * Readiness of a worker that may be told to leave device and sockets alone: while it is paused only messages wake it.
 *
 * @module
 */
import { type Readiness, WAKE_INDEX } from "./packet_loop.ts";

/** See the module. */
export class PausableReadiness implements Readiness {
  readonly #all: Readiness;
  readonly #wake: Readiness;
  readonly #isPaused: () => boolean;

  /**
   * @param all Over all descriptors, in the packet loop's order.
   * @param wake Over the wake descriptor alone.
   * @param isPaused Asked before and after each wait: messages change it.
   */
  constructor(all: Readiness, wake: Readiness, isPaused: () => boolean) {
    this.#all = all;
    this.#wake = wake;
    this.#isPaused = isPaused;
  }

  /** While paused no deadline ends the wait. */
  wait(timeoutMs: number): void {
    if (this.#isPaused()) this.#wake.wait(Infinity);
    else this.#all.wait(timeoutMs);
  }

  /** Nothing but messages is ready while paused, from the moment on that a message says so. */
  isReady(index: number): boolean {
    if (!this.#isPaused()) return this.#all.isReady(index);
    return index === WAKE_INDEX && this.#wake.isReady(0);
  }
}
