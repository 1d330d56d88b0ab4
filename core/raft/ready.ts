/**
 * Everything the engine wants done after some ticks, messages and calls; the only output it has.
 *
 * The order is a contract (thesis §3.8, §10.2.1). With `asyncStorageWrites` off, for each `Ready`:
 *
 * 1. send `messages`; this may happen before, during or after step 2, but in order;
 * 2. make `snapshot`, `entries` and `hardState` durable, a `snapshot` always and the rest with `mustSync` on stable
 *    storage before step 3;
 * 3. only then send `responses`, in order, after `messages`: they promise what step 2 wrote;
 * 4. load `snapshot` into the state machine, then apply `committedEntries` in order, calling `applyConfChange` for
 *    membership changes; without a `snapshot`, normal entries before `entries` are durable already and may be applied
 *    during step 2;
 * 5. call `advance()`, and only then `ready()` again.
 *
 * Ticks, messages and calls may come in between. A crash between any two steps is safe. `entries` may replace a suffix
 * of the durable log: everything from `entries[0].index` goes.
 *
 * With `asyncStorageWrites` on, `responses` is empty and `messages` holds, besides what goes to peers, at most one
 * `storage-append` and one `storage-apply`; each queue works in order and delivers the message's `responses` when done.
 * `entries`, `hardState`, `snapshot` and `committedEntries` then repeat what those messages hold. `advance` is not called.
 *
 * @module
 */
import type { Entry, HardState, Snapshot } from "../seams/log_store.ts";
import type { Message } from "./message.ts";

/** What a member is at the moment. */
export type RoleKind = "follower" | "pre-candidate" | "candidate" | "leader";

/** Volatile state worth telling. */
export interface SoftState {
  /** 0 if unknown. */
  readonly leader: number;
  readonly role: RoleKind;
}

/**
 * A read that was asked for with `readIndex` may be answered from the state machine once it has applied `index`.
 * Reads that are pending when the leader or the term changes are lost, and so are those whose messages are: the caller
 * keeps a deadline and asks again.
 */
export interface ReadState {
  readonly index: number;
  readonly context: Uint8Array;
}

/** See the module for the order. Arrays are the caller's to keep, entries and messages are never mutated. */
export interface Ready {
  /** Only if changed. */
  readonly softState: SoftState | undefined;
  /** Only if changed. */
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  /** To append durably. */
  readonly entries: readonly Entry[];
  /** To install durably, replacing the whole log; never together with `entries`. */
  readonly snapshot: Snapshot | undefined;
  /** To apply; some may be in `entries` of the same `Ready`, hence persist first. */
  readonly committedEntries: readonly Entry[];
  /** Safe to send at once. */
  readonly messages: readonly Message[];
  /** To send when the above is durable. */
  readonly responses: readonly Message[];
  /** False if of `entries` and `hardState` only the commit index changed, which a crash may take back. */
  readonly mustSync: boolean;
}
