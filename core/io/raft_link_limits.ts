/**
 * Numbers and names of the links between members: limits, times, and why a connection or message is dropped.
 *
 * @module
 */
import type { CodecDropReason } from "../raft/codec.ts";
import { CONF_STATE_MEMBERS_MAX, MESSAGE_BYTES_MAX } from "../raft/codec.ts";
import { TAG_BYTES } from "../crypto/suite.ts";

/** Version of handshake, frames and message codec together. */
export const LINK_VERSION = 2;

/** The largest hello that is read. */
export const HELLO_BYTES_MAX = 8 * 1024;
/** Addresses that a member may advertise, or be given. */
export const LINK_ADDRESSES_MAX = 16;
/** The longest host name in an advertised address. */
export const LINK_HOST_BYTES_MAX = 255;
/** The longest id of a mesh. */
export const MESH_ID_BYTES_MAX = 255;
/** The largest sealed frame: a message, its type and the tag. */
export const FRAME_BYTES_MAX = MESSAGE_BYTES_MAX + 1 + TAG_BYTES;
/** A snapshot travels in parts of this size, so that heartbeats find room between them. */
export const SNAPSHOT_PART_BYTES = 64 * 1024;
/** So many bytes of a snapshot may be on their way at first, … */
export const SNAPSHOT_WINDOW_BYTES_FIRST = 256 * 1024;
/** … and at most. */
export const SNAPSHOT_WINDOW_BYTES_MAX = 4 << 20;
/** An answer within this time lets twice as many be on their way, … */
export const SNAPSHOT_QUICK_MS = 100;
/** … one that takes longer than this half as many; well below the time after which followers miss the leader. */
export const SNAPSHOT_SLOW_MS = 250;
/** A snapshot is offered so often without an answer that there is more of it; then it counts as lost. */
export const SNAPSHOT_OFFERS_MAX = 6;
/** Parts of a snapshot that is not continued are kept so long, in milliseconds. */
export const SNAPSHOT_KEEP_MS = 60_000;
/** A snapshot that arrived is not taken again from the same leader for so long, in milliseconds. */
export const SNAPSHOT_DONE_MS = 20_000;
/** Messages are joined up to this size before they are written. */
export const WRITE_BATCH_BYTES = 64 * 1024;

/** Messages that wait for one member; the oldest go when there are more. One snapshot may wait beside them. */
export const QUEUE_MESSAGES_MAX = 4096;
/** Their bytes; a single larger message may wait. */
export const QUEUE_BYTES_MAX = 64 << 20;

/** Incoming connections whose handshake is not done; one more closes the oldest of them. */
export const HALF_OPEN_MAX = 32;
/** Connections from one member: two while it moves to a better address; one more closes the oldest. */
export const INBOUND_PER_MEMBER_MAX = 2;
/**
 * All incoming connections: those of a thousand followers, and strangers. One more is closed at once and counted; if it was
 * a member's, that one tries again after pauses that grow.
 */
export const INBOUND_MAX = CONF_STATE_MEMBERS_MAX * INBOUND_PER_MEMBER_MAX + HALF_OPEN_MAX;

/** All times of a link, in milliseconds. */
export interface LinkTimings {
  /** An address that has not answered the dial by then gets competition from the next one. */
  readonly staggerMs: number;
  /** For one address to answer the dial. */
  readonly dialTimeoutMs: number;
  /** From the connection to the end of the handshake, TLS included, on either side. */
  readonly handshakeTimeoutMs: number;
  /** The first wait after all addresses failed; it doubles up to the last one. Half of each is drawn by chance. */
  readonly backoffFirstMs: number;
  readonly backoffLastMs: number;
  /** A dialer whose messages are not answered asks for a sign of life so often, or a quarter later in company, … */
  readonly pingIntervalMs: number;
  /** … and gives the connection up when there was none for so long. */
  readonly silenceMaxMs: number;
  /** While connected over another address than the first, the better ones are tried so often. */
  readonly improveIntervalMs: number;
  /** An incoming connection without a frame for so long is closed. */
  readonly idleMaxMs: number;
}

/** The times of a node. */
export const LINK_TIMINGS: LinkTimings = {
  staggerMs: 250,
  dialTimeoutMs: 2_000,
  handshakeTimeoutMs: 5_000,
  backoffFirstMs: 100,
  backoffLastMs: 5_000,
  pingIntervalMs: 2_500,
  silenceMaxMs: 6_000,
  improveIntervalMs: 30_000,
  idleMaxMs: 30_000,
};

/** Where a member listens. `host` is an address without brackets, or a name. */
export interface LinkAddress {
  readonly host: string;
  readonly port: number;
}

/** Why a connection ended or a message was dropped; each is counted. */
export type LinkDropReason =
  | CodecDropReason
  /** All candidate addresses failed. */
  | "unreachable"
  /** TLS was refused by either side. */
  | "tls-refused"
  | "handshake-timeout"
  | "handshake-malformed"
  /** The dialer was gone in the middle of its hello. */
  | "handshake-truncated"
  | "wrong-version"
  | "wrong-mesh"
  /** Of an earlier epoch of the mesh, which has gone on without it; see `core/state/mesh_epoch.ts`. */
  | "left-behind"
  | "wrong-addressee"
  | "unknown-member"
  /** The peer does not hold the private key of the member that it says it is. */
  | "bad-mac"
  | "frame-too-large"
  | "frame-forged"
  | "frame-malformed"
  /** The connection ended in the middle of a frame. */
  | "frame-truncated"
  /** A message in the name of somebody else. */
  | "wrong-sender"
  | "connection-lost"
  | "silent"
  | "idle"
  | "replaced"
  | "too-many-connections"
  | "queue-full"
  | "message-unsendable"
  /** All parts of a snapshot are here, and they are not what was offered. */
  | "snapshot-corrupt"
  /** The member does not say that it gets anything of its snapshot. */
  | "snapshot-unanswered";
