/**
 * The three sessions that a peer may have at once (whitepaper §6.2): packets still in flight belong to the previous one,
 * new ones go out on the current one, and the next one is ours as responder and waits for its first packet.
 *
 * Key confirmation: until the initiator has sent data on a session the responder does not know whether its response
 * arrived, or whether the initiation was a replay, so it sends nothing on it.
 *
 * @module
 */
import type { Session } from "./session.ts";

/** What holds the indices of sessions; gets them back with the sessions. */
export interface SessionOwner {
  /** Called once for each session that leaves its slot; the session's keys are then wiped. */
  free(localIndex: number): void;
}

/** Previous, current and next session. */
export class SessionSlots {
  readonly #owner: SessionOwner;
  #previous: Session | undefined;
  #current: Session | undefined;
  #next: Session | undefined;

  constructor(owner: SessionOwner) {
    this.#owner = owner;
  }

  /** Receives only. */
  get previous(): Session | undefined {
    return this.#previous;
  }

  /** Sends and receives. */
  get current(): Session | undefined {
    return this.#current;
  }

  /** Receives; becomes current with the first packet. */
  get next(): Session | undefined {
    return this.#next;
  }

  /**
   * Installs a session that we initiated: the response confirmed it, so it is current at once.
   *
   * A next session means that both sides initiated at once and both sessions came about. Both sides must settle on the
   * same one, and both know whose key is larger: the session that side initiated stays. So ours replaces a next one if
   * `isOursPreferred`; otherwise the next one stays and becomes current when the peer sends on it.
   */
  installInitiated(session: Session, isOursPreferred: boolean): void {
    const yieldsNext = this.#next !== undefined && isOursPreferred;
    this.#retire(this.#previous);
    if (yieldsNext) {
      // The peer may send on it until our first packet arrives.
      this.#retire(this.#current);
      this.#previous = this.#next;
      this.#next = undefined;
    } else {
      this.#previous = this.#current;
    }
    this.#current = session;
  }

  /** Installs a session that the peer initiated: it waits for its first packet. */
  installResponded(session: Session): void {
    this.#retire(this.#next);
    this.#next = session;
  }

  /** Notes an authentic packet on `session`. Returns true if that made it the current one. */
  confirm(session: Session): boolean {
    if (session !== this.#next) return false;
    this.#retire(this.#previous);
    this.#previous = this.#current;
    this.#current = session;
    this.#next = undefined;
    return true;
  }

  /** Ends all sessions. */
  clear(): void {
    this.#retire(this.#previous);
    this.#retire(this.#current);
    this.#retire(this.#next);
    this.#previous = undefined;
    this.#current = undefined;
    this.#next = undefined;
  }

  #retire(session: Session | undefined): void {
    if (session === undefined) return;
    this.#owner.free(session.localIndex);
    session[Symbol.dispose]();
  }
}
