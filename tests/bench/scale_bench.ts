/**
 * What many peers and many packets cost: `deno task bench:scale [--json] [--packets=10000000]`.
 *
 * For 10 to 10,000 peers: the time to add one, the memory each takes, the allowed-IP lookup, one timer, and a packet through
 * two engines, which are the same for few and many if nothing is searched. Then packets through two engines until it is clear
 * that none of them leaves anything behind on the heap.
 *
 * @module
 */
import assert from "node:assert/strict";
import { nobleSuite } from "../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../core/crypto/suite.ts";
import { PathMtu } from "../../core/dataplane/path_mtu.ts";
import { openCryptoSuite } from "../../core/io/crypto_suite.ts";
import { IpAddress } from "../../core/ip/address.ts";
import { Endpoint } from "../../core/ip/endpoint.ts";
import { Prefix } from "../../core/ip/prefix.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import { PublicKey } from "../../core/keys/public_key.ts";
import { Engine } from "../../core/wireguard/engine.ts";
import type { PeerConfig } from "../../core/wireguard/peer.ts";
import type { EngineSink } from "../../core/wireguard/sink.ts";
import { SeededRandom } from "../twins/seeded_random.ts";

const PEER_COUNTS = [10, 100, 1_000, 10_000];
const ROUND_MS = 40;
const ROUND_COUNT = 9;
const HEADROOM_BYTES = 16;
const PACKET_BYTES = 1420;
const DEFAULT_PACKETS = 10_000_000;
/** Packets whose heap is not counted: until then compilers still work. */
const WARM_UP_PACKETS = 300_000;
const NOW = { nowMs: 0, wallMs: 1_704_067_200_000 };

/** Noble's handshake, and packet keys that leave packets as they are. */
const plainSuite: CryptoSuite = {
  ...nobleSuite,
  aeadKey: () => ({ seal() {}, open: () => true, [Symbol.dispose]() {} }),
};

/** One line of the first table. */
interface PeerCosts {
  readonly peers: number;
  readonly addMicroseconds: number;
  readonly bytesPerPeer: number;
  readonly lookupNanoseconds: number;
  readonly timerNanoseconds: number;
  readonly packetNanoseconds: number;
}

/** The quickest of several rounds: on a shared machine everything slower is somebody else's work. */
function nanosecondsPer(body: () => void): number {
  for (let i = 0; i < 1_000; i++) body();
  let best = Infinity;
  for (let round = 0; round < ROUND_COUNT; round++) {
    const started = performance.now();
    let count = 0;
    do {
      for (let i = 0; i < 50; i++) body();
      count += 50;
    } while (performance.now() - started < ROUND_MS);
    best = Math.min(best, (performance.now() - started) * 1e6 / count);
  }
  return best;
}

/** Live heap in bytes; exact when the garbage collector can be asked (`--v8-flags=--expose-gc`). */
function heapBytes(): number {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  return Deno.memoryUsage().heapUsed + Deno.memoryUsage().external;
}

function parsed<T>(value: T | undefined): T {
  assert.ok(value);
  return value;
}

/** Peer number `i` has 10.x.y.z/32 and a /64, as members of a mesh have. */
function configOf(i: number, publicKey: PublicKey, endpoint: Endpoint): PeerConfig {
  const ipv4 = parsed(IpAddress.fromBytes(Uint8Array.of(10, i >>> 16, i >>> 8, i)));
  const ipv6 = parsed(Prefix.parse(`fd00:0:${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}::/64`));
  return {
    publicKey,
    endpoint,
    alternateEndpoints: [],
    allowedIps: [Prefix.single(ipv4), ipv6],
    persistentKeepaliveMs: 25_000,
  };
}

function randomKey(random: SeededRandom): PublicKey {
  const bytes = new Uint8Array(32);
  random.fill(bytes);
  return PublicKey.of(bytes);
}

/** An IPv4 packet that says where it goes when it is told. */
function packetOf(length: number): Uint8Array {
  const packet = new Uint8Array(length);
  packet.set([0x45, 0, length >>> 8, length & 0xff, 0, 0, 0x40, 0, 64, 17]);
  packet.set([192, 168, 0, 1, 10, 0, 0, 0], 12);
  return packet;
}

/** An engine with `peers` peers, one of which is another engine; each gets what the other sends in the same call. */
class Crowd implements Disposable {
  readonly engine: Engine;
  readonly friend: Engine;
  readonly #buffer = new Uint8Array(2_048);
  readonly #packet: Uint8Array;
  readonly #sink: EngineSink;
  deliveredCount = 0;

  constructor(peers: number, suite: CryptoSuite, packetBytes: number) {
    const random = new SeededRandom(peers);
    const make = () => new Engine({ privateKey: PrivateKey.generate(random), suite, random, mtu: PACKET_BYTES });
    [this.engine, this.friend] = [make(), make()];
    const [here, there] = ["192.0.2.1:51820", "192.0.2.2:51820"].map((text) => parsed(Endpoint.parse(text)));
    assert.ok(here && there);
    const paths = new PathMtu({ routeMtu: () => 1_500, toHost: () => {}, tunnelMtu: PACKET_BYTES });
    const back: EngineSink = {
      toNetwork: (buffer, offset, length) => {
        this.engine.fromNetwork(buffer, offset, length, there, NOW, this.#sink);
      },
      toTun: () => this.deliveredCount++,
    };
    this.#sink = {
      admit: (buffer, offset, length, peer) => paths.admit(buffer, offset, length, peer, NOW),
      toNetwork: (buffer, offset, length) => {
        this.friend.fromNetwork(buffer, offset, length, here, NOW, back);
      },
      toTun: () => {},
    };
    // In the middle of the crowd.
    const place = Math.floor(peers / 2);
    for (let i = 0; i < peers; i++) {
      const key = i === place ? this.friend.publicKey : randomKey(random);
      this.engine.upsertPeer({ ...configOf(i, key, there), persistentKeepaliveMs: 0 }, NOW);
    }
    const everything = [parsed(Prefix.parse("0.0.0.0/0"))];
    this.friend.upsertPeer({ ...configOf(0, this.engine.publicKey, here), allowedIps: everything }, NOW);
    this.#packet = packetOf(packetBytes);
    this.#packet.set([place >>> 16, place >>> 8 & 0xff, place & 0xff], 17);
    this.pass();
    assert.equal(this.deliveredCount, 1, "a handshake and a packet");
  }

  /** One packet from the engine's TUN device to its friend's. */
  pass(): void {
    this.#buffer.set(this.#packet, HEADROOM_BYTES);
    this.engine.fromTun(this.#buffer, HEADROOM_BYTES, this.#packet.length, NOW, this.#sink);
  }

  [Symbol.dispose](): void {
    this.engine[Symbol.dispose]();
    this.friend[Symbol.dispose]();
  }
}

function measurePeers(peers: number, suite: CryptoSuite): PeerCosts {
  const random = new SeededRandom(peers + 1);
  const endpoint = parsed(Endpoint.parse("192.0.2.2:51820"));
  const keys = Array.from({ length: peers }, () => randomKey(random));
  const configs = keys.map((key, i) => configOf(i, key, endpoint));
  using engine = new Engine({ privateKey: PrivateKey.generate(random), suite: plainSuite, random, mtu: PACKET_BYTES });
  const heapBefore = heapBytes();
  const started = performance.now();
  for (const config of configs) engine.upsertPeer(config, NOW);
  const addMicroseconds = (performance.now() - started) * 1_000 / peers;
  const bytesPerPeer = (heapBytes() - heapBefore) / peers;

  // Nobody has a session: the packet finds its peer and is refused by the sink.
  const packet = packetOf(64);
  const buffer = new Uint8Array(256);
  buffer.set(packet, HEADROOM_BYTES);
  const finding: EngineSink = { admit: () => false, toNetwork() {}, toTun() {} };
  let next = 0;
  let foundCount = 0;
  const look = () => {
    next = (next + 7_919) % peers;
    buffer[HEADROOM_BYTES + 17] = next >>> 16;
    buffer[HEADROOM_BYTES + 18] = next >>> 8;
    buffer[HEADROOM_BYTES + 19] = next;
    if (engine.fromTun(buffer, HEADROOM_BYTES, 64, NOW, finding) === "too-big-for-path") foundCount++;
  };
  look();
  assert.equal(foundCount, 1);
  const lookupNanoseconds = nanosecondsPer(look);

  return {
    peers,
    addMicroseconds,
    bytesPerPeer,
    lookupNanoseconds,
    timerNanoseconds: measureTimer(peers),
    packetNanoseconds: measurePacket(peers, suite),
  };
}

/** One keepalive of peers that cannot be reached: what is timed is finding who is due. */
function measureTimer(peers: number): number {
  const random = new SeededRandom(peers + 2);
  using engine = new Engine({ privateKey: PrivateKey.generate(random), suite: plainSuite, random, mtu: PACKET_BYTES });
  for (let i = 0; i < peers; i++) {
    const persistentKeepaliveMs = 25_000 + i;
    engine.upsertPeer(
      { publicKey: randomKey(random), alternateEndpoints: [], allowedIps: [], persistentKeepaliveMs },
      NOW,
    );
  }
  const sink: EngineSink = { toNetwork() {}, toTun() {} };
  const now = { nowMs: 0, wallMs: 0 };
  return nanosecondsPer(() => {
    now.nowMs = engine.nextDeadlineMs();
    engine.expire(now, sink);
  });
}

function measurePacket(peers: number, suite: CryptoSuite): number {
  using crowd = new Crowd(peers, suite, PACKET_BYTES);
  return nanosecondsPer(() => crowd.pass());
}

/** What so many packets leave on the heap. */
function soak(packets: number, suite: CryptoSuite): { readonly packets: number; readonly grownBytes: number } {
  using crowd = new Crowd(1_000, suite, 128);
  for (let i = 0; i < WARM_UP_PACKETS; i++) crowd.pass();
  const before = heapBytes();
  for (let i = 0; i < packets; i++) crowd.pass();
  const grownBytes = heapBytes() - before;
  assert.equal(crowd.deliveredCount, 1 + WARM_UP_PACKETS + packets);
  return { packets, grownBytes };
}

function print(costs: readonly PeerCosts[]): void {
  const cells = (values: readonly string[]) => console.log(values.map((value) => value.padStart(13)).join(""));
  cells(["peers", "add µs", "bytes/peer", "lookup ns", "timer ns", "packet ns"]);
  for (const line of costs) {
    const numbers = [line.addMicroseconds, line.bytesPerPeer, line.lookupNanoseconds, line.timerNanoseconds];
    cells([line.peers, ...numbers, line.packetNanoseconds].map((value) => value.toFixed(0)));
  }
}

if (import.meta.main) {
  using suite = openCryptoSuite();
  const asked = Deno.args.find((arg) => arg.startsWith("--packets="))?.slice("--packets=".length);
  const costs = PEER_COUNTS.map((peers) => measurePeers(peers, suite));
  if (!Deno.args.includes("--json")) print(costs);
  const soaked = soak(Number(asked ?? DEFAULT_PACKETS), suite);
  if (Deno.args.includes("--json")) {
    console.log(JSON.stringify({ suite: suite.name, costs, soaked }, undefined, 2));
  } else {
    console.log(
      `${soaked.packets} packets (${suite.name}) left ${(soaked.grownBytes / 1024).toFixed(0)} KiB on the heap`,
    );
  }
}
