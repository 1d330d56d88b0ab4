/**
 * A peer's way from text, as the control plane has it, into the engine, and back out as status.
 *
 * @module
 */
import { Endpoint } from "../ip/endpoint.ts";
import { Prefix } from "../ip/prefix.ts";
import { PresharedKey } from "../keys/preshared_key.ts";
import { PublicKey } from "../keys/public_key.ts";
import { MeshError } from "../plugin/errors.ts";
import type { Peer, PeerConfig } from "../wireguard/peer.ts";
import type { PeerStatus, TunnelPeer } from "./messages.ts";

/** @throws {MeshError} `invalid-argument`, naming the part that is malformed. */
export function parsePeer(peer: TunnelPeer): PeerConfig {
  const publicKey = PublicKey.fromBase64(peer.publicKey) ?? refuse("public key", peer.publicKey);
  const presharedKey = peer.presharedKey === undefined
    ? undefined
    : PresharedKey.fromBase64(peer.presharedKey) ?? refuse("preshared key", "[redacted]");
  const [endpoint, ...alternateEndpoints] = peer.endpoints.map((text) =>
    Endpoint.parse(text) ?? refuse("endpoint", text)
  );
  const allowedIps = peer.allowedIps.map((text) => Prefix.parse(text)?.masked() ?? refuse("allowed IP", text));
  const { persistentKeepaliveMs } = peer;
  if (!Number.isSafeInteger(persistentKeepaliveMs) || persistentKeepaliveMs < 0) {
    refuse("keepalive interval", `${persistentKeepaliveMs} ms`);
  }
  return {
    publicKey,
    ...(presharedKey && { presharedKey }),
    ...(endpoint && { endpoint }),
    alternateEndpoints,
    allowedIps,
    persistentKeepaliveMs,
  };
}

/** The status of one peer of the engine; copies. */
export function peerStatus(peer: Peer, nowMs: number): PeerStatus {
  return {
    publicKey: String(peer.publicKey),
    endpoint: peer.endpoint.family === 0 ? undefined : String(peer.endpoint),
    allowedIps: peer.allowedIps.map(String),
    sessionState: peer.sessionState(nowMs),
    lastHandshakeWallMs: peer.lastHandshakeWallMs === 0 ? undefined : peer.lastHandshakeWallMs,
    rxBytes: peer.rxBytes,
    txBytes: peer.txBytes,
  };
}

function refuse(what: string, text: string): never {
  throw new MeshError("invalid-argument", `Cannot use ${what} "${text}" of a peer`);
}
