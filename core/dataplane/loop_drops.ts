/**
 * Why the packet loop itself let go of a packet; the reasons inside the tunnel are WireGuard's own.
 *
 * @module
 */
import type { SendResult } from "../seams/udp_socket.ts";

/** All reasons, in the order in which a packet meets them. */
export const LOOP_DROP_REASONS = [
  /** From the TUN device: a virtio header or super-packet that makes no sense. */
  "tun-malformed",
  /** From the network: nobody on this port speaks that protocol. */
  "not-wireguard",
  /** To the TUN device: the kernel had no room, the interface is down, or it is no IP packet. */
  "tun-refused",
  /** To the network: this host has no socket of the endpoint's family. */
  "no-socket-for-family",
  /** To the network: the socket's send buffer is full. */
  "socket-full",
  /** To the network: longer than the path or the protocol allows. */
  "datagram-too-big",
  /** To the network: no route, no neighbour, or the interface is down. */
  "network-unreachable",
  /** To the network: refused by the peer's host or by this host's firewall. */
  "network-refused",
] as const;

/** Why the packet loop let go of a packet. */
export type LoopDropReason = typeof LOOP_DROP_REASONS[number];

/** How often each reason applied. */
export type LoopDropCounts = Record<LoopDropReason, number>;

/** All counters at zero. */
export function noLoopDrops(): LoopDropCounts {
  return {
    "tun-malformed": 0,
    "not-wireguard": 0,
    "tun-refused": 0,
    "no-socket-for-family": 0,
    "socket-full": 0,
    "datagram-too-big": 0,
    "network-unreachable": 0,
    "network-refused": 0,
  };
}

/** The reason behind each way in which sending fails. */
export const SEND_DROPS: Readonly<Record<Exclude<SendResult, "sent">, LoopDropReason>> = {
  "would-block": "socket-full",
  "too-big": "datagram-too-big",
  "unreachable": "network-unreachable",
  "refused": "network-refused",
};
