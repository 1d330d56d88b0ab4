/**
 * Turns what a member has to say and to write into `Ready`, or into storage messages, and takes note of what was handed
 * out. The order that it keeps is stated in `ready.ts`.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { HardState } from "../seams/log_store.ts";
import {
  APPEND_THREAD,
  APPLY_THREAD,
  type Message,
  type StorageAppendResponse,
  type StorageApplyResponse,
} from "./message.ts";
import { flushReads } from "./read_index.ts";
import type { Ready, SoftState } from "./ready.ts";
import type { RaftState } from "./state.ts";
import { hardStateOf } from "./status.ts";

/** The output side of one member. */
export class Output {
  readonly #r: RaftState;
  readonly #async: boolean;
  #soft: SoftState;
  #hard: HardState;
  /** What the member tells itself once the last `Ready` is done with; `undefined` if it is. */
  #onAdvance: readonly Message[] | undefined;

  /** Nothing is handed out; the hard state of `r` is durable. */
  constructor(r: RaftState) {
    this.#r = r;
    this.#async = r.config.asyncStorageWrites;
    this.#soft = softStateOf(r);
    this.#hard = hardStateOf(r);
  }

  /** Whether {@linkcode Output.take} would have anything. */
  hasReady(): boolean {
    const r = this.#r;
    return r.outbox.length > 0 || r.afterWrite.length > 0 || r.readStates.length > 0 || r.log.unstable.hasNext() ||
      r.log.hasNextCommitted(!this.#async) || this.#hasNewHardState() || this.#hasNewSoftState() ||
      (r.role.kind === "leader" && r.role.reads.needsRound);
  }

  /** Everything there is to do. */
  take(): Ready {
    assert(this.#onAdvance === undefined, "A Ready is advanced before the next is taken");
    const r = this.#r;
    flushReads(r);
    const ready = this.#async ? this.#asMessages(this.#collect()) : this.#awaitAdvance(this.#collect());
    this.#soft = ready.softState ?? this.#soft;
    this.#hard = ready.hardState ?? this.#hard;
    r.outbox = [];
    r.afterWrite = [];
    r.readStates = [];
    r.log.unstable.acceptInProgress();
    r.log.acceptApplying(ready.committedEntries, !this.#async);
    return ready;
  }

  /** What the member tells itself now that the last `Ready` is written and applied. */
  advance(): readonly Message[] {
    assert(!this.#async, "Storage messages are answered instead of advanced");
    assert(this.#onAdvance !== undefined, "A Ready is advanced once");
    const messages = this.#onAdvance;
    this.#onAdvance = undefined;
    return messages;
  }

  #collect(): Ready {
    const { log, outbox, afterWrite, readStates } = this.#r;
    const hardState = this.#hasNewHardState() ? hardStateOf(this.#r) : undefined;
    const entries = log.unstable.nextEntries();
    return {
      softState: this.#hasNewSoftState() ? softStateOf(this.#r) : undefined,
      hardState,
      readStates,
      entries,
      snapshot: log.unstable.nextSnapshot(),
      committedEntries: log.nextCommitted(!this.#async),
      messages: outbox,
      responses: afterWrite,
      mustSync: entries.length > 0 ||
        (hardState !== undefined && (hardState.term !== this.#hard.term || hardState.vote !== this.#hard.vote)),
    };
  }

  /** Keeps back what the member says to itself. */
  #awaitAdvance(ready: Ready): Ready {
    const self = this.#r.config.id;
    const own: Message[] = [];
    const others: Message[] = [];
    for (const message of ready.responses) (message.to === self ? own : others).push(message);
    const written = this.#appendResponse(ready);
    const applied = this.#applyResponse(ready);
    if (written !== undefined) own.push(written);
    if (applied !== undefined) own.push(applied);
    this.#onAdvance = own;
    return own.length === 0 ? ready : { ...ready, responses: others };
  }

  /** Says the same to the member's append and apply queues. */
  #asMessages(ready: Ready): Ready {
    const from = this.#r.config.id;
    const { hardState, entries, snapshot, committedEntries } = ready;
    const messages = [...ready.messages];
    if (hardState !== undefined || entries.length > 0 || snapshot !== undefined || ready.responses.length > 0) {
      const term = hardState?.term ?? 0;
      const written = this.#appendResponse(ready);
      const responses = written === undefined ? ready.responses : [...ready.responses, written];
      messages.push({ kind: "storage-append", from, to: APPEND_THREAD, term, hardState, entries, snapshot, responses });
    }
    const applied = this.#applyResponse(ready);
    if (applied !== undefined) {
      const responses = [applied];
      messages.push({ kind: "storage-apply", from, to: APPLY_THREAD, term: 0, entries: committedEntries, responses });
    }
    return { ...ready, messages, responses: [] };
  }

  /**
   * Marks the log durable up to its present end. It is due whenever entries are not marked, also if they were handed out
   * before: an earlier mark may have been refused because the term has changed since, although its write was good.
   */
  #appendResponse({ snapshot }: Ready): StorageAppendResponse | undefined {
    const { config, log, term } = this.#r;
    const { isEmpty } = log.unstable;
    if (isEmpty && snapshot === undefined) return undefined;
    const last = isEmpty ? { index: 0, term: 0 } : log.lastId();
    return {
      kind: "storage-append-response",
      from: APPEND_THREAD,
      to: config.id,
      term,
      lastIndex: last.index,
      lastTerm: last.term,
      snapshot: snapshot?.meta,
    };
  }

  #applyResponse({ committedEntries: entries }: Ready): StorageApplyResponse | undefined {
    if (entries.length === 0) return undefined;
    return { kind: "storage-apply-response", from: APPLY_THREAD, to: this.#r.config.id, term: 0, entries };
  }

  #hasNewSoftState(): boolean {
    return this.#r.lead !== this.#soft.leader || this.#r.role.kind !== this.#soft.role;
  }

  #hasNewHardState(): boolean {
    const { term, vote, log } = this.#r;
    return term !== this.#hard.term || vote !== this.#hard.vote || log.committed !== this.#hard.commit;
  }
}

function softStateOf(r: RaftState): SoftState {
  return { leader: r.lead, role: r.role.kind };
}
