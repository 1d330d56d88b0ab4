/**
 * What the engine answers to calls and messages: literals, never exceptions.
 *
 * @module
 */

/** Why a message had no effect (beyond, for `stale-term`, telling its sender the current term). */
export type DropReason =
  /** Not a message that any correct member sends. */
  | "malformed"
  /** `to` is somebody else. */
  | "misaddressed"
  /** Of a kind that this sender cannot send, such as a storage response from another member. */
  | "wrong-sender"
  /** A response from somebody who is not in the current membership. */
  | "unknown-peer"
  /** Sent in a term that is over. */
  | "stale-term"
  /** A campaign while this member hears a leader. */
  | "leader-alive"
  /** No meaning in the current role, such as a vote that comes after the election. */
  | "not-expected"
  /** Claims a commit that this log does not reach: this member lost acknowledged entries, or the sender lies. */
  | "commit-beyond-log"
  /** Contradicts a committed entry: some member lost acknowledged entries, or the sender lies. */
  | "conflicts-with-commit"
  /** Somebody else acts as leader in the term that this member leads. */
  | "second-leader"
  /** A limit of the configuration is reached. */
  | "too-busy"
  /** A forwarded proposal, read or transfer that this member would refuse to its own caller as well. */
  | ProposeRefusal
  | ReadRefusal
  | TransferRefusal;

/** Why a proposal was not taken. Nothing was appended. */
export type ProposeRefusal =
  /** No leader is known. */
  | "no-leader"
  /** This member is not the leader and does not forward. */
  | "not-leader"
  /** The leader is handing over; ask again after the transfer or its deadline. */
  | "transferring"
  /** Too many bytes are proposed and not yet applied; ask again later. */
  | "too-busy"
  /** This member leads but is no longer a member. */
  | "not-member";

/** Why a membership change was replaced by an empty entry. */
export type ConfChangeRefusal =
  /** An earlier change may not be applied yet, or the leader is too new to know. */
  | "change-pending"
  /** In a joint configuration the only legal change is to leave it. */
  | "must-leave-joint"
  /** There is no joint configuration to leave. */
  | "not-joint"
  /** More than one voter changes, without a joint configuration. */
  | "needs-joint"
  /** No voter would remain. */
  | "no-voters"
  /** There are no voters yet. */
  | "no-configuration"
  /** The bytes are not a membership change. */
  | "malformed";

/** What became of a proposal. */
export type ProposeResult =
  /** In the leader's log at `index`. Committed if an entry of this `term` is ever applied at this index. */
  | { readonly kind: "appended"; readonly index: number; readonly term: number }
  /** A membership change that may not be made now: an empty entry took its place at `index`. */
  | { readonly kind: "voided"; readonly index: number; readonly term: number; readonly why: ConfChangeRefusal }
  /** On its way to the leader, which may lose or refuse it. */
  | { readonly kind: "forwarded"; readonly to: number }
  /** Not taken. */
  | { readonly kind: "refused"; readonly why: ProposeRefusal };

/** Why a read index was not asked for. */
export type ReadRefusal = "no-leader" | "too-busy";

/** Why a leadership transfer was not started. */
export type TransferRefusal =
  | "no-leader"
  /** The transferee is not a voter. */
  | "not-voter"
  /** The transferee leads already. */
  | "already-leader"
  /** A transfer to the same member is running. */
  | "already-transferring";

/** Why a campaign was not started. */
export type CampaignRefusal =
  | "already-leader"
  /** Not a voter, or in the middle of a snapshot. */
  | "not-promotable"
  /** A committed membership change is not applied yet, so the quorum may be the wrong one. */
  | "change-unapplied";

/** Why the leader was not forgotten. */
export type ForgetRefusal = "not-allowed" | "not-expected";
