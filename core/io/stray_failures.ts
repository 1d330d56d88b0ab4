/**
 * Failures that nobody waits for: rejections without a handler, and errors out of timers. They end the process, unless the
 * code that failed was called on behalf of an owner, who is then told instead.
 *
 * The owner is known by the asynchronous context that a call began in (node:async_hooks, AsyncLocalStorage); for errors
 * out of a timer, which have lost it, by the modules in the error's stack.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** Hears of failures from its creation until it is disposed. */
export class StrayFailures implements Disposable {
  readonly #owner = new AsyncLocalStorage<string>();
  readonly #modules = new Map<string, string>();
  readonly #tell: (owner: string, error: unknown) => void;
  readonly #onRejection = (event: PromiseRejectionEvent) => this.#hear(event, event.reason);
  readonly #onError = (event: ErrorEvent) => this.#hear(event, event.error);

  /** @param tell Called with each failure that has an owner. */
  constructor(tell: (owner: string, error: unknown) => void) {
    this.#tell = tell;
    globalThis.addEventListener("unhandledrejection", this.#onRejection);
    globalThis.addEventListener("error", this.#onError);
  }

  /** Calls `work`; it and all that it begins belong to `owner`. */
  run<Result>(owner: string, work: () => Result): Result {
    return this.#owner.run(owner, work);
  }

  /** Code of the module at `url` belongs to `owner`, whoever called it. */
  ownModule(url: string, owner: string): void {
    this.#modules.set(url, owner);
  }

  [Symbol.dispose](): void {
    globalThis.removeEventListener("unhandledrejection", this.#onRejection);
    globalThis.removeEventListener("error", this.#onError);
  }

  #hear(event: Event, error: unknown): void {
    const owner = this.#owner.getStore() ?? this.#ownerOfStack(error);
    if (owner === undefined) return;
    event.preventDefault();
    this.#tell(owner, error);
  }

  #ownerOfStack(error: unknown): string | undefined {
    const stack = error instanceof Error ? error.stack ?? "" : "";
    for (const [url, owner] of this.#modules) if (stack.includes(url)) return owner;
    return undefined;
  }
}
