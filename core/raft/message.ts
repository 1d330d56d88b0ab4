/**
 * The messages of one Raft group: what members send each other, and what the engine hands to its own storage.
 *
 * Thesis Fig. 3.1 (RequestVote, AppendEntries), §3.10 (transfer), §6.4 (read index), Fig. 5.3 (snapshot), §9.6
 * (pre-vote). One small type per kind; every message carries `from`, `to` and `term`. A member id is an integer in
 * 1 .. {@linkcode MEMBER_ID_MAX}; 0 means nobody. Indexes and terms are integers below 2^53; index 0 is the empty log.
 *
 * The transport must hold `from` to the peer it authenticated: the engine trusts it.
 *
 * @module
 */
import type { Entry, EntryType, HardState, Snapshot, SnapshotMeta } from "../seams/log_store.ts";

/** Nobody: no leader, no vote. */
export const NOBODY = 0;

/** Stands for the member's own append queue in storage messages. */
export const APPEND_THREAD = Number.MAX_SAFE_INTEGER;

/** Stands for the member's own apply queue in storage messages. */
export const APPLY_THREAD = Number.MAX_SAFE_INTEGER - 1;

/** The largest id a member may have. */
export const MEMBER_ID_MAX = Number.MAX_SAFE_INTEGER - 2;

/** Fields of every message. */
interface Envelope {
  readonly from: number;
  readonly to: number;
  /** The sender's term; 0 only in kinds that belong to no term. */
  readonly term: number;
}

/** What names an entry for ever: no two entries of a group agree in both. */
export interface EntryId {
  readonly term: number;
  readonly index: number;
}

/** An entry that has no place in the log yet. */
export interface ProposedEntry {
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** A proposal forwarded to the leader. `from` is the member where it was made. */
export interface Propose extends Envelope {
  readonly kind: "propose";
  readonly term: 0;
  readonly entries: readonly ProposedEntry[];
}

/** AppendEntries (thesis Fig. 3.1): `entries` follow the entry (`prevIndex`, `prevTerm`). */
export interface Append extends Envelope {
  readonly kind: "append";
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  /** The leader's commit index. */
  readonly commit: number;
}

/** The log of `from` agrees with the leader's up to `index`, durably. Index 0 only tells a stale leader the new term. */
export interface AppendAck extends Envelope {
  readonly kind: "append-ack";
  readonly index: number;
}

/** The log of `from` has no entry (`index`, prevTerm); the leader should look at or below the hint. */
export interface AppendReject extends Envelope {
  readonly kind: "append-reject";
  /** `prevIndex` of the refused append. */
  readonly index: number;
  /** The largest index of `from` that may still agree. */
  readonly hintIndex: number;
  /** The term of `from` at `hintIndex`, 0 if unknown. */
  readonly hintTerm: number;
}

/** RequestVote or its dry run. A pre-vote carries the term the sender would campaign at. */
export interface VoteRequest extends Envelope {
  readonly kind: "vote" | "pre-vote";
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The leader asked for this election: voters do not wait for the leader's silence (thesis §4.2.3). */
  readonly transfer: boolean;
}

/** Answer to a vote request. A grant echoes the term of the request, a refusal carries the voter's own. */
export interface VoteResponse extends Envelope {
  readonly kind: "vote-response" | "pre-vote-response";
  readonly granted: boolean;
  /** The last entry that `from` knows to be committed, if it says. Why a candidate needs it: see `learnCommit`. */
  readonly commit?: EntryId;
}

/** InstallSnapshot in one message; splitting it into chunks is the transport's business. */
export interface InstallSnapshot extends Envelope {
  readonly kind: "snapshot";
  readonly snapshot: Snapshot;
}

/** The leader lives. `commit` never exceeds what `to` has acknowledged. */
export interface Heartbeat extends Envelope {
  readonly kind: "heartbeat";
  readonly commit: number;
  /** The leader's count of heartbeat rounds in this term; never repeats within a term. */
  readonly round: number;
}

/** Echo of a heartbeat's round. */
export interface HeartbeatResponse extends Envelope {
  readonly kind: "heartbeat-response";
  readonly round: number;
}

/** A follower asks the leader for a read index on behalf of its caller. */
export interface ReadIndex extends Envelope {
  readonly kind: "read-index";
  readonly term: 0;
  /** Opaque to the engine; comes back in the response. */
  readonly context: Uint8Array;
}

/** The state as of `index`, or later, answers the read that `context` names. */
export interface ReadIndexResponse extends Envelope {
  readonly kind: "read-index-response";
  readonly index: number;
  readonly context: Uint8Array;
}

/** A follower passes on its operator's wish for another leader. */
export interface TransferLeader extends Envelope {
  readonly kind: "transfer-leader";
  readonly transferee: number;
}

/** The leader asks `to` to campaign at once (thesis §3.10). */
export interface TimeoutNow extends Envelope {
  readonly kind: "timeout-now";
}

/** What members send each other, and a member to itself once its own write is durable. */
export type PeerMessage =
  | Propose
  | Append
  | AppendAck
  | AppendReject
  | VoteRequest
  | VoteResponse
  | InstallSnapshot
  | Heartbeat
  | HeartbeatResponse
  | ReadIndex
  | ReadIndexResponse
  | TransferLeader
  | TimeoutNow;

/**
 * Asynchronous storage only: make all of this durable, in the order of arrival, then deliver `responses`, those to this
 * member with `step`, the others over the network. `to` is {@linkcode APPEND_THREAD}.
 */
export interface StorageAppend extends Envelope {
  readonly kind: "storage-append";
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly responses: readonly Message[];
}

/** The write of a {@linkcode StorageAppend} is durable. `from` is {@linkcode APPEND_THREAD}. */
export interface StorageAppendResponse extends Envelope {
  readonly kind: "storage-append-response";
  /** The last entry of the log when the write was asked for; 0 if there was nothing to mark. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly snapshot: SnapshotMeta | undefined;
}

/** Asynchronous storage only: apply `entries` in order, then deliver `responses`. `to` is {@linkcode APPLY_THREAD}. */
export interface StorageApply extends Envelope {
  readonly kind: "storage-apply";
  readonly term: 0;
  readonly entries: readonly Entry[];
  readonly responses: readonly Message[];
}

/** The entries of a {@linkcode StorageApply} are applied. `from` is {@linkcode APPLY_THREAD}. */
export interface StorageApplyResponse extends Envelope {
  readonly kind: "storage-apply-response";
  readonly term: 0;
  readonly entries: readonly Entry[];
}

/** What stays inside one member. */
export type StorageMessage = StorageAppend | StorageAppendResponse | StorageApply | StorageApplyResponse;

/** Any message. */
export type Message = PeerMessage | StorageMessage;

/** The discriminant of {@linkcode Message}. */
export type MessageKind = Message["kind"];

/** Whether `m` goes over the network (or to the member itself after its own write), rather than to its storage. */
export function isPeerMessage(m: Message): m is PeerMessage {
  switch (m.kind) {
    case "storage-append":
    case "storage-append-response":
    case "storage-apply":
    case "storage-apply-response":
      return false;
    default:
      return true;
  }
}
