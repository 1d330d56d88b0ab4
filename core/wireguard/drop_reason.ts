/**
 * Why a packet or message went no further: every reason there is, each a counter of the engine.
 *
 * @module
 */

/** All reasons, in the order in which a packet meets them. */
export const DROP_REASONS = [
  // From the TUN device

  /** Neither IPv4 nor IPv6, or shorter than its header. */
  "packet-malformed",
  /** Longer than a datagram can carry. */
  "packet-too-long",
  /** The destination is in no peer's allowed IPs. */
  "no-peer-for-destination",
  /** The driver refused it: it is bigger than the path to the peer carries. */
  "too-big-for-path",
  /** The peer has not been heard from and none of its addresses is known. */
  "no-endpoint",
  /** An older packet gave way to this one, or all queues together were full, while there was no session. */
  "send-queue-full",
  /** The packet waited for a session and the handshake was given up. */
  "handshake-gave-up",

  // From the network, any message

  /** Not one of the four types, or the three reserved bytes are not zero. */
  "unknown-type",
  /** Shorter or longer than its type. */
  "wrong-length",

  // Handshake messages

  /** The first MAC is wrong: the sender does not know our public key, or the message was changed. */
  "mac1-invalid",
  /** Under load and without a valid second MAC; answered with a cookie. */
  "under-load",
  /** Under load and more than its source may send. */
  "rate-limited",
  /** A public key of low order: the shared secret would be known to everyone. */
  "low-order-key",
  /** A part that only the right peer can encrypt does not decrypt. */
  "handshake-unauthentic",
  /** The initiator's public key is not that of a peer. */
  "unknown-peer",
  /** The initiation is not newer than the last one accepted from the peer: a replay, or its clock went back. */
  "timestamp-replayed",
  /** The peer's last accepted initiation was a moment ago. */
  "initiation-flood",
  /** No free receiver index is left. */
  "index-table-full",
  /** A response, and no initiation of ours waits for it. */
  "no-handshake-pending",
  /** A cookie reply, and no message of ours waits for one. */
  "cookie-unexpected",
  /** A cookie reply that does not decrypt. */
  "cookie-invalid",

  // Transport messages

  /** The receiver index names no session, or nothing at all. */
  "unknown-receiver",
  /** The session is too old. */
  "session-expired",
  /** The counter is not below the end of the session's counters. */
  "counter-too-large",
  /** The counter was seen before or is older than the window. */
  "counter-replayed",
  /** The tag is wrong. */
  "packet-unauthentic",
  /** Authentic, but inside is no whole IP packet. */
  "inner-malformed",
  /** Authentic, but the inner source is not in the peer's allowed IPs. */
  "source-not-allowed",
] as const;

/** Why a packet or message went no further. */
export type DropReason = typeof DROP_REASONS[number];

/** How often each reason applied. */
export type DropCounts = Record<DropReason, number>;

/** All counters at zero. */
export function noDrops(): DropCounts {
  const counts: Partial<DropCounts> = {};
  for (const reason of DROP_REASONS) counts[reason] = 0;
  return counts as DropCounts;
}
