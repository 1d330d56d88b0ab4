/**
 * A peer's way from text, as the control plane has it, into the engine, and back out as status.
 *
 * @module
 */
import { IpAddress } from "../ip/address.ts";
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
    parseEndpoint(text) ?? refuse("endpoint", text)
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
    endpoint: peer.endpoint.family === 0 ? undefined : printEndpoint(peer.endpoint),
    allowedIps: peer.allowedIps.map(String),
    persistentKeepaliveMs: peer.persistentKeepaliveMs,
    hasPresharedKey: peer.hasPresharedKey,
    sessionState: peer.sessionState(nowMs),
    lastHandshakeWallMs: peer.lastHandshakeWallMs === 0 ? undefined : peer.lastHandshakeWallMs,
    rxBytes: peer.rxBytes,
    txBytes: peer.txBytes,
  };
}

const SCOPED_REGEXP = /^\[([0-9a-fA-F:.]+)%([0-9]{1,10})\]:([1-9][0-9]{0,4})$/;
/** Where the scope stands in `Endpoint.bytes`. */
const SCOPE_OFFSET = 20;
const SCOPE_MAX = 0xffff_ffff;
const PORT_MAX = 0xffff;

/**
 * Parses what `Endpoint.parse` does, and link-local addresses with the number of their interface, `[fe80::1%2]:5`
 * (RFC 4007 §11); `undefined` if malformed.
 */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, host = "", scopeText, portText] = SCOPED_REGEXP.exec(text) ?? [];
  if (scopeText === undefined) return Endpoint.parse(text);
  const [address, scope, port] = [IpAddress.parse(host), Number(scopeText), Number(portText)];
  if (address?.family !== 6 || scope > SCOPE_MAX || port > PORT_MAX) return undefined;
  const endpoint = Endpoint.of(address, port);
  viewOf(endpoint).setUint32(SCOPE_OFFSET, scope);
  return endpoint;
}

/** The text that {@linkcode parseEndpoint} reads. */
export function printEndpoint(endpoint: Endpoint): string {
  const scope = viewOf(endpoint).getUint32(SCOPE_OFFSET);
  const text = String(endpoint);
  return scope === 0 ? text : text.replace("]", `%${scope}]`);
}

function viewOf({ bytes }: Endpoint): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function refuse(what: string, text: string): never {
  throw new MeshError("invalid-argument", `Cannot use ${what} "${text}" of a peer`);
}
