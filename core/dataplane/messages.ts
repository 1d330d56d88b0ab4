/**
 * What the control thread and the data-plane worker say to each other. Everything here is plain data: it is copied from
 * thread to thread by structured cloning.
 *
 * @module
 */
import type { DropReason } from "../wireguard/drop_reason.ts";
import type { HandshakeCounts } from "../wireguard/handshake_counts.ts";
import type { SessionState } from "../wireguard/peer.ts";
import type { LoopDropReason } from "./loop_drops.ts";

/** A WireGuard peer as text. */
export interface TunnelPeer {
  /** Base64. */
  readonly publicKey: string;
  /** Base64. */
  readonly presharedKey?: string;
  /** `1.2.3.4:5` or `[2001:db8::1]:5`, most promising first; empty if the peer has to speak first. */
  readonly endpoints: readonly string[];
  /** Prefixes in CIDR notation. */
  readonly allowedIps: readonly string[];
  /** 0 for none. */
  readonly persistentKeepaliveMs: number;
}

/** Descriptors that the control thread owns and lends. */
export interface DeviceDescriptors {
  readonly tun: number;
  readonly udp4: number;
  /** `undefined` on a host without IPv6. */
  readonly udp6: number | undefined;
}

/** What a worker starts with. */
export interface WorkerStart {
  readonly interfaceName: string;
  readonly mtu: number;
  readonly listenPort: number;
  readonly descriptors: DeviceDescriptors;
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
  /** Begins in silence, until a `resume`. */
  readonly isPaused?: boolean;
  /** TAI64N label that all handshakes of this worker are later than, 12 bytes; `undefined` for none. */
  readonly timestampFloor: Uint8Array | undefined;
  /** TAI64N label up to which handshakes follow the clock, 12 bytes; `undefined` for any. */
  readonly timestampCeiling: Uint8Array | undefined;
  readonly peers: readonly TunnelPeer[];
}

/** To the worker. */
export type ControlMessage =
  | { readonly kind: "upsert-peer"; readonly peer: TunnelPeer }
  | { readonly kind: "remove-peer"; readonly publicKey: string }
  /** Sends to `endpoint` from now on, whatever was learned of the peer's whereabouts. */
  | { readonly kind: "move-peer"; readonly publicKey: string; readonly endpoint: string }
  /** 32 bytes. Sessions end. */
  | { readonly kind: "set-private-key"; readonly privateKey: Uint8Array }
  /** Bytes. */
  | { readonly kind: "set-mtu"; readonly mtu: number }
  /** Addresses or routes of the host changed, or it slept; `hasMoved` if its way out may be another one. */
  | { readonly kind: "underlay-changed"; readonly hasMoved: boolean }
  /** Handshakes may follow the clock up to this TAI64N label, 12 bytes. */
  | { readonly kind: "raise-timestamp-ceiling"; readonly ceiling: Uint8Array }
  /** Ends all sessions and touches neither device nor sockets until `resume`. */
  | { readonly kind: "pause" }
  | { readonly kind: "resume" }
  | { readonly kind: "status"; readonly id: number }
  | { readonly kind: "stop" };

/** From the worker; each `status` request gets one answer with its id. */
export type WorkerMessage =
  /** `notRehearsed` says why the first packets find code that is not compiled. */
  | { readonly kind: "ready"; readonly cryptoSuite: string; readonly notRehearsed: string | undefined }
  | { readonly kind: "peer-refused"; readonly publicKey: string; readonly why: string }
  /** Somebody deleted the interface; the worker ends. */
  | { readonly kind: "interface-gone" }
  | { readonly kind: "status"; readonly id: number; readonly status: WorkerStatus };

/** What the worker knows. Counters start at zero with the worker. */
export interface WorkerStatus {
  readonly cryptoSuite: string;
  readonly peers: readonly PeerStatus[];
  /** TAI64N label of the latest handshake begun, 12 bytes: a floor for whoever comes after. */
  readonly lastTimestamp: Uint8Array;
  /** Packets that went no further, by reason; every reason of the engine and of the loop is there, also at zero. */
  readonly drops: Readonly<Record<DropReason | LoopDropReason, number>>;
  readonly handshakes: Readonly<HandshakeCounts>;
  /** Whether strangers get cookies instead of answers now. */
  readonly isUnderLoad: boolean;
}

/** One peer as the engine sees it now. */
export interface PeerStatus {
  /** Base64. */
  readonly publicKey: string;
  /** Where datagrams to it go; `undefined` while unknown. */
  readonly endpoint: string | undefined;
  readonly allowedIps: readonly string[];
  /** 0 for none. */
  readonly persistentKeepaliveMs: number;
  readonly hasPresharedKey: boolean;
  readonly sessionState: SessionState;
  /** Milliseconds since 1970; `undefined` before the first handshake. */
  readonly lastHandshakeWallMs: number | undefined;
  /** Bytes of datagrams from and to it. */
  readonly rxBytes: number;
  readonly txBytes: number;
}
