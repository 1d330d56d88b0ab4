/**
 * What the leader says to one forwarded call, on its way to the caller, and how the call ended.
 *
 * @module
 */
import { MeshError, type RawCall, type RpcContext } from "../../core/mod.ts";

/**
 * How a forwarded call ended: the leader has answered it well or otherwise, was not heard of, or no longer led; or the
 * caller had left, had no more time, or had sent what cannot be taken.
 */
export type Result = "ok" | "refused" | "unreachable" | "moved" | "abandoned";

/** Counts forwarded calls. */
export interface ResultCounter {
  /** One more that ended so. */
  add(labels: { readonly result: Result }): void;
}

/** Of the caller's time, what the leader had. */
export interface LeaderTime {
  /** Whether it is over. */
  readonly isLate: boolean;
  /** Whether nothing of it was kept for this node. */
  readonly isWhole: boolean;
}

/** Trailing metadata of an answer: why the call was refused. */
const REASON_KEY = "weft-reason";

/** See the module. */
export class Answer {
  readonly #raw: RawCall;
  readonly #counter: ResultCounter;
  readonly #begun: Promise<boolean>;
  #isCounted = false;

  constructor(raw: RawCall, context: RpcContext, counter: ResultCounter) {
    this.#raw = raw;
    this.#counter = counter;
    this.#begun = raw.headers.then((headers) => {
      if (headers) context.sendInitialMetadata(Object.fromEntries(headers));
      return headers !== undefined;
    });
    this.#begun.catch(() => {});
  }

  /** Resolves when the caller has the leader's initial metadata; false if there was none. */
  begin(): Promise<boolean> {
    return this.#begun;
  }

  /** How a call ended that threw `error` while its caller was there. */
  async resultOf(error: unknown, { isLate, isWhole }: LeaderTime): Promise<Result> {
    const hasBegun = await this.begin();
    const trailers = await this.#raw.trailers;
    if (!hasBegun && trailers.get(REASON_KEY) === "not-leader") return "moved";
    // Both sides know when the time is over; either may say so first.
    if (isTimeout(error) && (isLate || trailers.size === 0)) return isWhole ? "abandoned" : "unreachable";
    if (hasBegun || trailers.size > 0) return "refused";
    return isUnavailable(error) ? "unreachable" : "refused";
  }

  /** Counts the call, the first time. */
  ended(result: Result): void {
    if (!this.#isCounted) this.#counter.add({ result });
    this.#isCounted = true;
  }
}

/** Whether nothing is known of what became of a call. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof MeshError && error.reason === "unavailable";
}

function isTimeout(error: unknown): boolean {
  return error instanceof MeshError && error.reason === "timeout";
}
