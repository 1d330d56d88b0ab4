/**
 * State to tunnel: the WireGuard peers that the replicated state asks for, and the difference to those the data plane
 * has. Run after every applied batch and from nothing after a restart, so a missed change cannot exist.
 *
 * @module
 */
import type { TunnelPeer } from "../dataplane/messages.ts";
import type { IpAddress } from "../ip/address.ts";
import { Endpoint } from "../ip/endpoint.ts";
import type { Peer } from "../state/queries/peers_for_node.ts";

/** Keepalive towards public peers while this node sits behind address translation, in milliseconds. */
export const NAT_KEEPALIVE_MS = 25_000;

/** What the replicated state says of another node, as far as the tunnel needs it; see `queries/peers_for_node.ts`. */
export type MeshPeer = Pick<Peer, "publicKey" | "primaryEndpoint" | "endpoints" | "wireguardPort" | "allowedIps">;

/** This node, as far as its peers' settings depend on it. */
export interface OwnUnderlay {
  readonly primaryEndpoint: IpAddress | undefined;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** The tunnel settings for one mesh peer, seen from `own`. */
export function tunnelPeer(peer: MeshPeer, own: OwnUnderlay): TunnelPeer {
  const addresses = uniqueAddresses(peer);
  const behindNat = own.primaryEndpoint === undefined || own.primaryEndpoint.isPrivate();
  const peerIsPublic = addresses.some((address) => !address.isPrivate());
  return {
    publicKey: peer.publicKey,
    endpoints: addresses.map((address) => String(Endpoint.of(address, peer.wireguardPort))),
    allowedIps: peer.allowedIps.filter((cidr) => cidr.includes(":") ? own.ipv6 : own.ipv4),
    persistentKeepaliveMs: behindNat && peerIsPublic ? NAT_KEEPALIVE_MS : 0,
  };
}

/** Changes that lead from `present` to `wanted`. */
export interface PeerPlan {
  readonly upserts: readonly TunnelPeer[];
  /** Public keys, base64. */
  readonly removals: readonly string[];
}

/** Compares by public key; a peer whose settings are equal is left alone. */
export function planPeers(
  wanted: readonly TunnelPeer[],
  present: ReadonlyMap<string, TunnelPeer>,
): PeerPlan {
  const wantedKeys = new Set(wanted.map((peer) => peer.publicKey));
  return {
    upserts: wanted.filter((peer) => {
      const now = present.get(peer.publicKey);
      return now === undefined || !samePeer(now, peer);
    }),
    removals: [...present.keys()].filter((key) => !wantedKeys.has(key)),
  };
}

function uniqueAddresses(peer: MeshPeer): IpAddress[] {
  const all = peer.primaryEndpoint ? [peer.primaryEndpoint, ...peer.endpoints] : [...peer.endpoints];
  return all.filter((address, index) => all.findIndex((other) => other.equals(address)) === index);
}

function samePeer(a: TunnelPeer, b: TunnelPeer): boolean {
  return a.persistentKeepaliveMs === b.persistentKeepaliveMs && sameTexts(a.endpoints, b.endpoints) &&
    sameTexts(a.allowedIps, b.allowedIps);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
