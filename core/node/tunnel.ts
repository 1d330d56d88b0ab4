/**
 * The node's tunnel as the rest of the node sees it: addresses, peers, status. Real over the data plane; a twin in tests.
 *
 * @module
 */
import { type DataPlane, type DeviceStatus, startDataPlane } from "../dataplane/data_plane.ts";
import { type HostDevice, openHostDevice } from "../dataplane/host_device.ts";
import type { TunnelPeer } from "../dataplane/messages.ts";
import { TUNNEL_MTU_MAX } from "../dataplane/tunnel_mtu.ts";
import { ReadOnlyHandler } from "../dataplane/uapi_read_only.ts";
import { UapiServer } from "../dataplane/uapi_server.ts";
import type { UapiHandler } from "../dataplane/uapi_session.ts";
import { systemClock } from "../io/clock.ts";
import { NetworkWatch } from "../io/network_watch_linux.ts";
import type { IpAddress } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import type { Log } from "../seams/log.ts";
import type { NodeConfig } from "./config.ts";
import type { TimestampReserve } from "./timestamp_reserve.ts";
import { Underlay, type UnderlayParts } from "./underlay.ts";

/** What a node has inside the mesh. */
export interface MeshNetwork {
  readonly ipv4: IpAddress | undefined;
  readonly ipv6: IpAddress | undefined;
  /** The mesh's own prefixes: where packets go into the tunnel. */
  readonly routes: readonly Prefix[];
}

/** See the module. */
export interface Tunnel extends AsyncDisposable {
  readonly interfaceName: string;
  /** The bound UDP port. */
  readonly listenPort: number;
  /** Of the interface now, in bytes. */
  readonly mtu: number;
  /** Makes the interface's addresses and routes these; cheap when nothing changed. */
  setNetwork(network: MeshNetwork): void;
  /** Adds a peer or changes its settings. */
  upsertPeer(peer: TunnelPeer): void;
  /** @param publicKey Base64. */
  removePeer(publicKey: string): void;
  status(): Promise<DeviceStatus>;
  /** Addresses of the host outside this tunnel, for announcing. */
  hostAddresses(): IpAddress[];
  /** The source address of packets to `destination`. */
  sourceAddressFor(destination: IpAddress): IpAddress | undefined;
  /** Resolves when somebody deleted the interface: the tunnel will not work any more. */
  readonly interfaceGone: Promise<void>;
  /** Calls `tell` from now on when the host's addresses changed, or the machine woke up somewhere. */
  whenUnderlayChanges(tell: () => void): void;
}

/**
 * Opens a tunnel; nothing is routed into it before {@linkcode Tunnel.setNetwork}. Borrows `timestamps`, which a node that
 * keeps nothing on disk has not.
 */
export type OpenTunnel = (
  config: NodeConfig,
  privateKey: PrivateKey,
  log: Log,
  timestamps: TimestampReserve | undefined,
) => Promise<Tunnel>;

/** The real one: a TUN interface of this host. */
export async function openHostTunnel(
  config: NodeConfig,
  privateKey: PrivateKey,
  log: Log,
  timestamps: TimestampReserve | undefined,
): Promise<Tunnel> {
  await using stack = new AsyncDisposableStack();
  const { interfaceName, mtu, wireguardListenPort: listenPort } = config;
  const device = stack.use(openHostDevice({ interfaceName, mtu: mtu ?? TUNNEL_MTU_MAX, listenPort }, log));
  const plane = stack.use(await startDataPlane({ device, privateKey, log, ...(timestamps && { timestamps }) }));
  const watch: UnderlayParts["watch"] = (onChange) => NetworkWatch.open(device.libc, device.interfaceIndex, onChange);
  const underlay = stack.use(new Underlay({ device, plane, mtu, timestamps, watch, clock: systemClock, log }));
  stack.use(await showToWg(interfaceName, new ReadOnlyHandler(plane, privateKey), log));
  return new HostTunnel(device, plane, underlay, stack.move());
}

/** Serves the socket where `wg` looks. A node does without where that cannot be; namespaces, for one, share the directory. */
async function showToWg(interfaceName: string, handler: UapiHandler, log: Log): Promise<AsyncDisposable | undefined> {
  try {
    return await UapiServer.open({ interfaceName, handler, log });
  } catch (error) {
    log.warn("wg cannot see this interface", { error: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

class HostTunnel implements Tunnel {
  readonly #device: HostDevice;
  readonly #plane: DataPlane;
  readonly #underlay: Underlay;
  readonly #owned: AsyncDisposable;
  #network = "";

  constructor(device: HostDevice, plane: DataPlane, underlay: Underlay, owned: AsyncDisposable) {
    this.#device = device;
    this.#plane = plane;
    this.#underlay = underlay;
    this.#owned = owned;
  }

  get interfaceName(): string {
    return this.#device.interfaceName;
  }

  get listenPort(): number {
    return this.#device.listenPort;
  }

  get mtu(): number {
    return this.#device.mtu;
  }

  get interfaceGone(): Promise<void> {
    return this.#plane.interfaceGone;
  }

  setNetwork(network: MeshNetwork): void {
    // Addresses of exactly this node, and the mesh by routes: routes carry a metric, so that a host that already uses the
    // same prefix keeps its own way there.
    const own = [network.ipv4, network.ipv6].filter((address) => address !== undefined).map(Prefix.single);
    const text = [...own, "|", ...network.routes].join(" ");
    if (text === this.#network) return;
    this.#device.applyAddresses({ addresses: own, routes: network.routes });
    this.#network = text;
  }

  upsertPeer(peer: TunnelPeer): void {
    this.#plane.upsertPeer(peer);
    this.#underlay.peerIsAt(peer.publicKey, peer.endpoints);
  }

  removePeer(publicKey: string): void {
    this.#plane.removePeer(publicKey);
    this.#underlay.peerIsAt(publicKey, []);
  }

  status(): Promise<DeviceStatus> {
    return this.#plane.status();
  }

  hostAddresses(): IpAddress[] {
    return this.#underlay.addresses();
  }

  whenUnderlayChanges(tell: () => void): void {
    this.#underlay.whenChanged(tell);
  }

  sourceAddressFor(destination: IpAddress): IpAddress | undefined {
    return this.#device.network.sourceAddressFor(destination);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#owned[Symbol.asyncDispose]();
  }
}
