/**
 * A tunnel that carries nothing and remembers what it was told: for whole nodes on one machine without root, whose members
 * reach each other on the underlay.
 *
 * @module
 */
import type { DeviceStatus } from "../../core/dataplane/data_plane.ts";
import { noLoopDrops } from "../../core/dataplane/loop_drops.ts";
import type { TunnelPeer } from "../../core/dataplane/messages.ts";
import type { IpAddress } from "../../core/ip/address.ts";
import type { MeshNetwork, OpenTunnel, Tunnel } from "../../core/node/tunnel.ts";
import { noDrops } from "../../core/wireguard/drop_reason.ts";
import { noHandshakes } from "../../core/wireguard/handshake_counts.ts";

/** What the node has told it. */
export class PaperTunnel implements Tunnel {
  readonly interfaceName = "paper0";
  readonly listenPort = 51820;
  readonly mtu = 1420;
  readonly peers = new Map<string, TunnelPeer>();
  network: MeshNetwork | undefined;
  readonly #gone = Promise.withResolvers<void>();
  isClosed = false;
  /** The host's addresses or routes changed. */
  underlayChanged: () => void = () => {};

  get interfaceGone(): Promise<void> {
    return this.#gone.promise;
  }

  /** As somebody does with `ip link delete`. */
  deleteInterface(): void {
    this.#gone.resolve();
  }

  setNetwork(network: MeshNetwork): void {
    this.network = network;
  }

  upsertPeer(peer: TunnelPeer): void {
    this.peers.set(peer.publicKey, peer);
  }

  removePeer(publicKey: string): void {
    this.peers.delete(publicKey);
  }

  status(): Promise<DeviceStatus> {
    const peers = [...this.peers.values()].map(({ publicKey, endpoints, allowedIps, ...peer }) => ({
      publicKey,
      endpoint: endpoints[0],
      allowedIps,
      persistentKeepaliveMs: peer.persistentKeepaliveMs,
      hasPresharedKey: peer.presharedKey !== undefined,
      sessionState: "none" as const,
      lastHandshakeWallMs: undefined,
      rxBytes: 0,
      txBytes: 0,
    }));
    const lastTimestamp = new Uint8Array(12);
    return Promise.resolve({
      listenPort: this.listenPort,
      restartCount: 0,
      cryptoSuite: "none",
      peers,
      drops: { ...noDrops(), ...noLoopDrops() },
      handshakes: noHandshakes(),
      isUnderLoad: false,
      lastTimestamp,
    });
  }

  whenUnderlayChanges(tell: () => void): void {
    this.underlayChanged = tell;
  }

  hostAddresses(): IpAddress[] {
    return [];
  }

  sourceAddressFor(): IpAddress | undefined {
    return undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

/** Opens paper tunnels and keeps them by node id. */
export class PaperTunnels {
  readonly byNode = new Map<string, PaperTunnel>();

  readonly open: OpenTunnel = (config) => {
    const tunnel = new PaperTunnel();
    this.byNode.set(config.nodeId, tunnel);
    return Promise.resolve(tunnel);
  };
}
