/**
 * The metadata of a forwarded call: who has forwarded it, and for whom. Pure.
 *
 * The leader believes what a forwarded call says of its caller if it comes from a mesh address of the node that has
 * forwarded it: the tunnel lets no one else use that address. From anywhere else it says nothing: the caller is whoever
 * has connected.
 *
 * @module
 */
import {
  IpAddress,
  type NodeRecord,
  PROXIED_FROM_KEY,
  type RpcContext,
  type RpcMetadata,
  type RpcPeer,
} from "../../core/mod.ts";

/** Metadata: the caller's address, as {@linkcode RpcPeer} has it. */
export const PROXIED_PEER_KEY = "proxied-peer";
/** Metadata: the caller's transport. */
export const PROXIED_TRANSPORT_KEY = "proxied-transport";
/** Metadata: the name in the caller's certificate, UTF-8 in base64; missing if it has shown none. */
export const PROXIED_IDENTITY_KEY = "proxied-identity-bin";

const OWN_KEYS: ReadonlySet<string> = new Set([
  PROXIED_FROM_KEY,
  PROXIED_PEER_KEY,
  PROXIED_TRANSPORT_KEY,
  PROXIED_IDENTITY_KEY,
]);
const TRANSPORTS: readonly RpcPeer["transport"][] = ["unix", "plaintext", "tls"];

/** All that the caller has sent, and who it is. */
export function forwardedMetadata({ metadata, peer }: RpcContext, nodeId: string): Readonly<Record<string, string>> {
  const identity = peer.identity === undefined ? [] : [[PROXIED_IDENTITY_KEY, toBase64(peer.identity)] as const];
  return Object.fromEntries([
    ...[...metadata].filter(([name]) => !OWN_KEYS.has(name)),
    [PROXIED_FROM_KEY, nodeId],
    [PROXIED_PEER_KEY, peer.address],
    [PROXIED_TRANSPORT_KEY, peer.transport],
    ...identity,
  ]);
}

/** Whether a connection comes from one of the node's mesh addresses. */
export function comesFrom(peer: RpcPeer, node: Pick<NodeRecord, "ipv4" | "ipv6">): boolean {
  const [, host = ""] = /^\[?(?:::ffff:(?=[\d.]+:\d+$))?(.*?)\]?:\d+$/.exec(peer.address) ?? [];
  const address = IpAddress.parse(host);
  return address !== undefined && (address.equals(node.ipv6) || (node.ipv4?.equals(address) ?? false));
}

/** The caller that a forwarded call names; `undefined` if it names none. */
export function proxiedPeer(metadata: RpcMetadata): RpcPeer | undefined {
  const address = metadata.get(PROXIED_PEER_KEY);
  const transport = TRANSPORTS.find((name) => name === metadata.get(PROXIED_TRANSPORT_KEY));
  if (address === undefined || transport === undefined) return undefined;
  const identity = metadata.get(PROXIED_IDENTITY_KEY);
  return { address, transport, identity: identity === undefined ? undefined : fromBase64(identity) };
}

function toBase64(text: string): string {
  return new TextEncoder().encode(text).toBase64({ omitPadding: true });
}

function fromBase64(text: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(text));
  } catch {
    return undefined;
  }
}
