/**
 * What the operator of a plain WireGuard device has set, and what a `set` request makes of it. Pure: what has to be done about
 * a change comes out as data.
 *
 * Follows the established implementations: a prefix belongs to one peer and moves when another one gets it; a peer with the
 * device's own key is ignored; `replace_peers` makes the peers of the request new ones, without their sessions.
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import type { PresharedKey } from "../keys/preshared_key.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import { DEFAULT_LIMITS, type EngineLimits } from "../wireguard/limits.ts";
import type { TunnelPeer } from "./messages.ts";
import type { DeviceChange, PeerChange } from "./uapi_change.ts";
import { refusal, type UapiRefusal } from "./uapi_refusal.ts";

/** A device as it was told to be. Immutable. */
export interface DeviceSettings {
  readonly privateKey: PrivateKey | undefined;
  /** 0 for any. */
  readonly listenPort: number;
  /** 0 for none. */
  readonly fwmark: number;
  /** By public key, base64. */
  readonly peers: ReadonlyMap<string, PeerSettings>;
}

/** A peer as it was told to be. Immutable. */
export interface PeerSettings {
  /** Base64. */
  readonly publicKey: string;
  readonly presharedKey: PresharedKey | undefined;
  /** As it was set: the peer may have been heard from elsewhere since. */
  readonly endpoint: string | undefined;
  /** 0 for none. */
  readonly persistentKeepaliveSeconds: number;
  /** In CIDR notation. */
  readonly allowedIps: ReadonlySet<string>;
}

/** What one request makes of a device. */
export interface SettingsChange {
  readonly kind: "change";
  readonly settings: DeviceSettings;
  /** Public keys of peers that go, or go and come back as new ones. To be done first. */
  readonly removed: readonly string[];
  /** Peers that are new or changed. */
  readonly upserted: readonly PeerSettings[];
  /** Peers whose endpoint was named: it holds whatever was learned since. */
  readonly moved: readonly PeerSettings[];
}

/** A device that nobody has told anything yet. */
export const NO_SETTINGS: DeviceSettings = { privateKey: undefined, listenPort: 0, fwmark: 0, peers: new Map() };

/** Ceilings on what is kept: those of the engine. */
export type SettingsLimits = Pick<EngineLimits, "peersMax" | "allowedIpsMax">;

/**
 * Works out one request. The private keys of `change` become the settings'.
 *
 * @param publicKeyOf Base64.
 */
export function applyChange(
  settings: DeviceSettings,
  change: DeviceChange,
  publicKeyOf: (privateKey: PrivateKey) => string,
  limits: SettingsLimits = DEFAULT_LIMITS,
): SettingsChange | UapiRefusal {
  const privateKey = change.privateKey === "none" ? undefined : change.privateKey ?? settings.privateKey;
  const ownKey = privateKey && publicKeyOf(privateKey);
  const draft = new PeersDraft(settings.peers);
  if (change.replacesPeers) draft.clear();
  if (ownKey !== undefined) draft.remove(ownKey);
  for (const peer of change.peers) if (peer.publicKey !== ownKey) draft.take(peer);
  if (draft.peers.size > limits.peersMax) return refusal("EINVAL", `more than ${limits.peersMax} peers`);
  if (draft.prefixCount > limits.allowedIpsMax) {
    return refusal("EINVAL", `more than ${limits.allowedIpsMax} allowed IPs`);
  }
  return {
    kind: "change",
    settings: {
      privateKey,
      listenPort: change.listenPort ?? settings.listenPort,
      fwmark: change.fwmark ?? settings.fwmark,
      peers: draft.peers,
    },
    ...draft.difference(settings.peers),
  };
}

/** The peer as the data plane is told of it. */
export function tunnelPeer(peer: PeerSettings): TunnelPeer {
  const { publicKey, presharedKey, endpoint, persistentKeepaliveSeconds, allowedIps } = peer;
  return {
    publicKey,
    ...(presharedKey && { presharedKey: secretBase64(presharedKey) }),
    endpoints: endpoint === undefined ? [] : [endpoint],
    allowedIps: [...allowedIps],
    persistentKeepaliveMs: persistentKeepaliveSeconds * 1000,
  };
}

/** Peers under change. */
class PeersDraft {
  readonly peers: Map<string, PeerSettings>;
  readonly #removed = new Set<string>();
  readonly #moved = new Set<string>();
  /** Who has which prefix. Made when first needed: most requests give no prefixes. */
  #owners: Map<string, string> | undefined;

  constructor(peers: ReadonlyMap<string, PeerSettings>) {
    this.peers = new Map(peers);
  }

  /** Prefixes of all peers. */
  get prefixCount(): number {
    return this.#owners?.size ?? 0;
  }

  clear(): void {
    for (const publicKey of [...this.peers.keys()]) this.remove(publicKey);
  }

  remove(publicKey: string): void {
    const peer = this.peers.get(publicKey);
    if (!peer) return;
    this.peers.delete(publicKey);
    this.#removed.add(publicKey);
    this.#moved.delete(publicKey);
    for (const prefix of peer.allowedIps) this.#owners?.delete(prefix);
  }

  take(change: PeerChange): void {
    const { publicKey } = change;
    const known = this.peers.get(publicKey);
    if (change.isRemoval) return this.remove(publicKey);
    if (!known && change.isUpdateOnly) return;
    const before = known ?? newPeer(publicKey);
    const after: PeerSettings = {
      publicKey,
      presharedKey: change.presharedKey === "none" ? undefined : change.presharedKey ?? before.presharedKey,
      endpoint: change.endpoint ?? before.endpoint,
      persistentKeepaliveSeconds: change.persistentKeepaliveSeconds ?? before.persistentKeepaliveSeconds,
      allowedIps: this.#allowedIps(publicKey, before.allowedIps, change),
    };
    // Whole configurations are said again and again, with little that is new in them.
    this.peers.set(publicKey, known && samePeer(known, after) ? known : after);
    if (change.endpoint !== undefined) this.#moved.add(publicKey);
  }

  /** What leads from `before` to here. */
  difference(
    before: ReadonlyMap<string, PeerSettings>,
  ): Pick<SettingsChange, "removed" | "upserted" | "moved"> {
    const upserted = [...this.peers.values()]
      .filter((peer) => before.get(peer.publicKey) !== peer || this.#removed.has(peer.publicKey));
    const removed = [...this.#removed].filter((publicKey) => before.has(publicKey));
    const moved = [...this.#moved].flatMap((publicKey) => this.peers.get(publicKey) ?? []);
    return { removed, upserted, moved };
  }

  #allowedIps(publicKey: string, before: ReadonlySet<string>, change: PeerChange): ReadonlySet<string> {
    if (!change.replacesAllowedIps && change.allowedIps.length === 0) return before;
    const owners = this.#owners ??= ownersOf(this.peers.values());
    const prefixes = new Set(change.replacesAllowedIps ? [] : before);
    if (change.replacesAllowedIps) { for (const prefix of before) owners.delete(prefix); }
    for (const { prefix, isRemoval } of change.allowedIps) {
      if (isRemoval) {
        if (prefixes.delete(prefix)) owners.delete(prefix);
        continue;
      }
      const owner = owners.get(prefix);
      if (owner !== undefined && owner !== publicKey) this.#takeAway(owner, prefix);
      owners.set(prefix, publicKey);
      prefixes.add(prefix);
    }
    return prefixes;
  }

  #takeAway(publicKey: string, prefix: string): void {
    const peer = this.peers.get(publicKey);
    if (!peer) return;
    const allowedIps = new Set(peer.allowedIps);
    allowedIps.delete(prefix);
    this.peers.set(publicKey, { ...peer, allowedIps });
  }
}

function newPeer(publicKey: string): PeerSettings {
  return {
    publicKey,
    presharedKey: undefined,
    endpoint: undefined,
    persistentKeepaliveSeconds: 0,
    allowedIps: new Set(),
  };
}

function samePeer(a: PeerSettings, b: PeerSettings): boolean {
  const haveSameKey = a.presharedKey === b.presharedKey ||
    (a.presharedKey !== undefined && b.presharedKey !== undefined && a.presharedKey.equals(b.presharedKey));
  return haveSameKey && a.endpoint === b.endpoint && a.persistentKeepaliveSeconds === b.persistentKeepaliveSeconds &&
    a.allowedIps.size === b.allowedIps.size && a.allowedIps.isSubsetOf(b.allowedIps);
}

function secretBase64(key: PresharedKey): string {
  const secret = key.reveal();
  const text = secret.toBase64();
  wipe(secret);
  return text;
}

function ownersOf(peers: Iterable<PeerSettings>): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { publicKey, allowedIps } of peers) for (const prefix of allowedIps) owners.set(prefix, publicKey);
  return owners;
}
