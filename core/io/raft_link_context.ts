/**
 * What all connections of one member's links share: who is who, counters, and complaints that do not flood the log.
 *
 * @module
 */
import type { PublicKey } from "../keys/public_key.ts";
import type { PeerMessage } from "../raft/message.ts";
import type { Clock } from "../seams/clock.ts";
import type { Log, LogFields } from "../seams/log.ts";
import type { Random } from "../seams/random.ts";
import type { LinkAuthenticator } from "./raft_link_authenticator.ts";
import type { LinkAddress, LinkDropReason, LinkTimings } from "./raft_link_limits.ts";
import { FrameMemory } from "./raft_link_memory.ts";
import type { LinkTls } from "./raft_link_socket.ts";

/** A member gets a line of complaint at most so often. */
export const COMPLAINT_INTERVAL_MS = 60_000;
/** So many complaints are remembered; strangers beyond that are only counted. */
export const COMPLAINTS_MAX = 256;

/** Another member. */
export interface LinkMember {
  readonly raftId: number;
  readonly publicKey: PublicKey;
  /** Where it may listen, best first: its mesh address, then the underlay ones. */
  readonly addresses: readonly LinkAddress[];
}

/** This member. */
export interface LinkSelf {
  readonly raftId: number;
  readonly meshId: string;
  /** Where others may reach its Raft port now, best first. */
  readonly addresses: () => readonly LinkAddress[];
}

/** What the links need from the node. */
export interface LinkParts {
  readonly self: LinkSelf;
  readonly tls: LinkTls | undefined;
  readonly authenticator: LinkAuthenticator;
  /** `from` is authenticated; the message is the callee's. */
  readonly onMessage: (from: number, message: PeerMessage) => void;
  /** The member has more of the snapshot that it is being sent. */
  readonly onSnapshotMoved?: (raftId: number) => void;
  /** Messages to this member were lost. Never called from within {@linkcode RaftLinks.send}. */
  readonly onUnreachable: (raftId: number) => void;
  /** A member has proved that the mesh has gone on in a later epoch, without this one. */
  readonly onLeftBehind?: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly timings: LinkTimings;
}

/** One set of links. */
export class LinkContext {
  readonly parts: LinkParts;
  /** By Raft id, without this member. */
  members: ReadonlyMap<number, LinkMember> = new Map();
  /** Public keys of members of earlier epochs, by their Raft ids then. */
  leftBehind: ReadonlyMap<number, PublicKey> = new Map();
  /** How often each reason occurred. */
  readonly drops = new Map<LinkDropReason, number>();
  /** For the frames of all connections. */
  readonly frameMemory = new FrameMemory();
  messagesSentCount = 0;
  messagesReceivedCount = 0;
  /** Oldest first. */
  readonly #complaintsAtMs = new Map<number | string, number>();
  readonly #unreachable = new Set<number>();

  constructor(parts: LinkParts) {
    this.parts = parts;
  }

  get nowMs(): number {
    return this.parts.clock.monotonicMs();
  }

  /** A fresh nonce or key of `length` bytes. */
  randomBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.parts.random.fill(bytes);
    return bytes;
  }

  /** Counts. */
  drop(reason: LinkDropReason, count = 1): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + count);
  }

  /**
   * Counts, and says so unless it said something about `who` a short while ago.
   *
   * @param who A member's id, or where a stranger comes from.
   */
  complain(who: number | string, reason: LinkDropReason, fields: LogFields): void {
    this.drop(reason);
    if (this.#mayComplain(who)) this.parts.log.warn("raft link dropped", { reason, ...fields });
  }

  /** Tells the node, after this turn and once for all losses in it. */
  unreachable(raftId: number): void {
    if (this.#unreachable.size === 0) {
      queueMicrotask(() => {
        const raftIds = [...this.#unreachable];
        this.#unreachable.clear();
        for (const id of raftIds) this.parts.onUnreachable(id);
      });
    }
    this.#unreachable.add(raftId);
  }

  #mayComplain(who: number | string): boolean {
    const { nowMs } = this;
    for (const [known, atMs] of this.#complaintsAtMs) {
      if (nowMs - atMs < COMPLAINT_INTERVAL_MS) break;
      this.#complaintsAtMs.delete(known);
    }
    if (this.#complaintsAtMs.has(who)) return false;
    // Members are few; strangers may be as many as they like.
    if (typeof who === "string" && this.#complaintsAtMs.size >= COMPLAINTS_MAX) return false;
    this.#complaintsAtMs.set(who, nowMs);
    return true;
  }
}
