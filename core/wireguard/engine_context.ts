/**
 * What the parts of one engine have in common.
 *
 * @module
 */
import type { CryptoSuite } from "../crypto/suite.ts";
import type { Random } from "../seams/random.ts";
import type { Deadlines } from "../time/deadlines.ts";
import type { DropCounts } from "./drop_reason.ts";
import type { HandshakeCounts } from "./handshake_counts.ts";
import type { Identity } from "./identity.ts";
import type { EngineLimits } from "./limits.ts";
import type { IndexEntry, PeerState, PeerSurroundings } from "./peer.ts";
import type { SessionIndex } from "./session_index.ts";
import type { TimestampSource } from "./timestamp_source.ts";

/** Means, tables and counters that the sender and both receivers use. */
export interface EngineContext extends PeerSurroundings {
  readonly suite: CryptoSuite;
  readonly random: Random;
  readonly limits: EngineLimits;
  /** Largest IP packet inside the tunnel: padding does not go beyond. */
  mtu: number;
  /** This node's key; replaced as a whole. */
  identity: Identity;
  readonly timestamps: TimestampSource;
  readonly index: SessionIndex<IndexEntry>;
  readonly deadlines: Deadlines<PeerState>;
  readonly drops: DropCounts;
  readonly handshakes: HandshakeCounts;
}

/** Sees to it that `expire` comes to `peer` in time. An earlier visit than needed is harmless, so this never raises. */
export function wakeInTime(deadlines: Deadlines<PeerState>, peer: PeerState): void {
  const nextMs = peer.timers.nextMs();
  if (nextMs < peer.deadlineMs) deadlines.schedule(peer, nextMs);
}
