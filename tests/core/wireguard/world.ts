/**
 * Engines on one in-memory network with one clock: the rig of the engine's tests. Each node is a driver in small: it
 * hands buffers in, overwrites them afterwards, and notes what comes out.
 *
 * @module
 */
import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../../core/crypto/suite.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import type { PresharedKey } from "../../../core/keys/preshared_key.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { PublicKey } from "../../../core/keys/public_key.ts";
import type { DropReason } from "../../../core/wireguard/drop_reason.ts";
import { Engine } from "../../../core/wireguard/engine.ts";
import type { EngineLimits } from "../../../core/wireguard/limits.ts";
import type { Peer, PeerConfig } from "../../../core/wireguard/peer.ts";
import type { EngineSink } from "../../../core/wireguard/sink.ts";
import { ManualClock } from "../../twins/manual_clock.ts";
import { MemoryLink } from "../../twins/memory_link.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const HEADROOM_BYTES = 16;
const ROOM_BYTES = 2048;
/** Payload of {@linkcode ipv4Packet} starts here. */
const IPV4_HEADER_BYTES = 20;

/** A datagram that a node sent. */
export interface SentDatagram {
  readonly atMs: number;
  readonly bytes: Uint8Array;
  readonly to: string;
}

/** What a node may be made with. */
export interface NodeOptions {
  readonly suite?: CryptoSuite;
  readonly limits?: Partial<EngineLimits>;
  readonly mtu?: number;
  readonly timestampFloor?: Uint8Array;
  readonly privateKey?: PrivateKey;
}

/** What a peer may be configured with; see {@linkcode PeerConfig}. */
export interface PeerOptions {
  readonly presharedKey?: PresharedKey;
  /** The other node's address unless given; null for none. */
  readonly endpoint?: string | null;
  readonly alternateEndpoints?: readonly string[];
  readonly allowedIps?: readonly string[];
  readonly persistentKeepaliveMs?: number;
}

/** Parses an endpoint that is right. */
export function endpointOf(text: string): Endpoint {
  const endpoint = Endpoint.parse(text);
  assert.ok(endpoint, text);
  return endpoint;
}

/** Parses a prefix that is right. */
export function prefixOf(text: string): Prefix {
  const prefix = Prefix.parse(text);
  assert.ok(prefix, text);
  return prefix;
}

/** An IPv4 packet without checksum: the engine does not look at it. */
export function ipv4Packet(source: string, destination: string, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(IPV4_HEADER_BYTES + payload.length);
  packet[0] = 0x45;
  packet[2] = packet.length >>> 8;
  packet[3] = packet.length;
  packet.set(IpAddress.parse(source)!.toBytes(), 12);
  packet.set(IpAddress.parse(destination)!.toBytes(), 16);
  packet.set(payload, IPV4_HEADER_BYTES);
  return packet;
}

/** An IPv6 packet with next header 59, none. */
export function ipv6Packet(source: string, destination: string, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(40 + payload.length);
  packet[0] = 0x60;
  packet[4] = payload.length >>> 8;
  packet[5] = payload.length;
  packet[6] = 59;
  packet.set(IpAddress.parse(source)!.toBytes(), 8);
  packet.set(IpAddress.parse(destination)!.toBytes(), 24);
  packet.set(payload, 40);
  return packet;
}

/** One engine with an address outside and one inside. */
export class WorldNode implements EngineSink {
  readonly engine: Engine;
  readonly privateKey: PrivateKey;
  /** Address inside the tunnel. */
  readonly ip: string;
  /** Datagrams sent, oldest first. */
  readonly sent: SentDatagram[] = [];
  /** Texts of packets delivered, oldest first. */
  readonly received: string[] = [];
  /** Inner packets delivered, oldest first. */
  readonly packets: { readonly bytes: Uint8Array; readonly peer: Peer }[] = [];
  readonly #world: World;
  #endpoint: Endpoint;

  constructor(world: World, address: string, ip: string, options: NodeOptions) {
    this.#world = world;
    this.ip = ip;
    this.privateKey = options.privateKey ?? PrivateKey.generate(world.random);
    this.engine = new Engine({
      mtu: 1420,
      suite: nobleSuite,
      random: world.random,
      ...options,
      privateKey: this.privateKey,
    });
    this.#endpoint = endpointOf(address);
    world.link.listen(this.#endpoint, (bytes, from) => this.arrive(bytes, from));
  }

  get publicKey(): PublicKey {
    return this.engine.publicKey;
  }

  /** Address outside, as text. */
  get address(): string {
    return String(this.#endpoint);
  }

  /** Moves to another address outside: what flies to the old one is lost. */
  moveTo(address: string): void {
    this.#world.link.leave(this.#endpoint);
    this.#endpoint = endpointOf(address);
    this.#world.link.listen(this.#endpoint, (bytes, from) => this.arrive(bytes, from));
  }

  /** Makes `other` a peer, or changes it. */
  addPeer(other: WorldNode, options: PeerOptions = {}): Peer {
    const { endpoint, presharedKey } = options;
    const config: PeerConfig = {
      publicKey: other.publicKey,
      allowedIps: (options.allowedIps ?? [`${other.ip}/32`]).map(prefixOf),
      alternateEndpoints: (options.alternateEndpoints ?? []).map(endpointOf),
      persistentKeepaliveMs: options.persistentKeepaliveMs ?? 0,
      ...(endpoint === null ? {} : { endpoint: endpointOf(endpoint ?? other.address) }),
      ...(presharedKey && { presharedKey }),
    };
    return this.engine.upsertPeer(config, this.#world.clock.now);
  }

  /** What this node knows of `other`. */
  peer(other: WorldNode): Peer {
    const peer = this.engine.peer(other.publicKey);
    assert.ok(peer);
    return peer;
  }

  /** Sends a text to `other` through the tunnel. */
  say(text: string, other: WorldNode): DropReason | undefined {
    return this.sendPacket(ipv4Packet(this.ip, other.ip, new TextEncoder().encode(text)));
  }

  /** Gives an IP packet to the engine as the TUN device would. */
  sendPacket(packet: Uint8Array): DropReason | undefined {
    const buffer = new Uint8Array(HEADROOM_BYTES + packet.length + 31).fill(0xaa);
    buffer.set(packet, HEADROOM_BYTES);
    const reason = this.engine.fromTun(buffer, HEADROOM_BYTES, packet.length, this.#world.clock.now, this);
    buffer.fill(0xaa);
    return reason;
  }

  /** Gives a datagram to the engine as the socket would. */
  arrive(bytes: Uint8Array, from: Endpoint): DropReason | undefined {
    const buffer = new Uint8Array(Math.max(ROOM_BYTES, bytes.length)).fill(0xaa);
    buffer.set(bytes);
    const source = from.clone();
    const reason = this.engine.fromNetwork(buffer, 0, bytes.length, source, this.#world.clock.now, this);
    buffer.fill(0xaa);
    source.bytes.fill(0xaa);
    return reason;
  }

  /** Does what is due. */
  expire(): void {
    const { now } = this.#world.clock;
    while (this.engine.nextDeadlineMs() <= now.nowMs) this.engine.expire(now, this);
  }

  toNetwork(buffer: Uint8Array, offset: number, length: number, endpoint: Endpoint): void {
    const bytes = buffer.slice(offset, offset + length);
    this.sent.push({ atMs: this.#world.clock.now.nowMs, bytes, to: String(endpoint) });
    this.#world.link.send(this.#endpoint, endpoint, bytes);
  }

  toTun(buffer: Uint8Array, offset: number, length: number, peer: Peer): void {
    const bytes = buffer.slice(offset, offset + length);
    this.packets.push({ bytes, peer });
    this.received.push(new TextDecoder().decode(bytes.subarray(bytes[0]! >>> 4 === 4 ? IPV4_HEADER_BYTES : 40)));
  }

  /** Messages sent of one type (first byte). */
  sentOfType(type: number): SentDatagram[] {
    return this.sent.filter(({ bytes }) => bytes[0] === type);
  }
}

/** The clock, the network and the nodes. */
export class World {
  readonly clock: ManualClock = new ManualClock();
  readonly random: SeededRandom;
  readonly link: MemoryLink;
  readonly nodes: WorldNode[] = [];

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
    this.link = new MemoryLink(this.clock, this.random.split());
  }

  /** A node at 192.0.2.x:51820 outside and 10.0.0.x inside, counted from 1. */
  addNode(options: NodeOptions = {}): WorldNode {
    const number = this.nodes.length + 1;
    const node = new WorldNode(this, `192.0.2.${number}:51820`, `10.0.0.${number}`, options);
    this.nodes.push(node);
    return node;
  }

  /** Two nodes that know each other. */
  addPair(options: PeerOptions = {}): [WorldNode, WorldNode] {
    const a = this.addNode();
    const b = this.addNode();
    a.addPeer(b, options);
    b.addPeer(a, options);
    return [a, b];
  }

  /** Replaces a node by one that has lost its memory and kept its key, address and configuration. */
  restart(node: WorldNode, options: NodeOptions = {}): WorldNode {
    const fresh = new WorldNode(this, node.address, node.ip, { privateKey: node.privateKey, ...options });
    for (const peer of node.engine.peers()) {
      fresh.engine.upsertPeer({
        publicKey: peer.publicKey,
        endpoint: peer.endpoint,
        alternateEndpoints: [],
        allowedIps: peer.allowedIps,
        persistentKeepaliveMs: peer.persistentKeepaliveMs,
      }, this.clock.now);
    }
    this.nodes[this.nodes.indexOf(node)] = fresh;
    return fresh;
  }

  /** Lets `ms` pass: all that happens in them happens at its time. */
  run(ms: number): void {
    const endMs = this.clock.now.nowMs + ms;
    while (true) {
      this.link.deliver();
      for (const node of this.nodes) node.expire();
      const nextMs = Math.min(this.link.nextMs(), ...this.nodes.map((node) => node.engine.nextDeadlineMs()));
      for (const node of this.nodes) node.engine.checkInvariants();
      if (nextMs > endMs) break;
      this.clock.advanceTo(nextMs);
    }
    this.clock.advanceTo(endMs);
  }

  /** Lets time pass until `condition` holds. @throws If that takes longer than `limitMs`. Returns the time it took. */
  runUntil(condition: () => boolean, limitMs: number): number {
    const startMs = this.clock.now.nowMs;
    while (!condition()) {
      assert.ok(this.clock.now.nowMs - startMs <= limitMs, `Not within ${limitMs} ms: ${condition}`);
      const nextMs = Math.min(this.link.nextMs(), ...this.nodes.map((node) => node.engine.nextDeadlineMs()));
      assert.ok(nextMs < Infinity, `Nothing happens any more: ${condition}`);
      this.run(Math.max(0, nextMs - this.clock.now.nowMs));
    }
    return this.clock.now.nowMs - startMs;
  }
}
