/**
 * What the WireGuard engine costs: `deno run -A tests/bench/engine_bench.ts [--json]`.
 *
 * Packets go through two engines, from one TUN side to the other, and are compared before anything is timed. The suite
 * "none" encrypts nothing: what it takes is the engine itself.
 *
 * @module
 */
import assert from "node:assert/strict";
import { nobleSuite } from "../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../core/crypto/suite.ts";
import { Endpoint } from "../../core/ip/endpoint.ts";
import { Prefix } from "../../core/ip/prefix.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import { PublicKey } from "../../core/keys/public_key.ts";
import { openCryptoSuite } from "../../core/io/crypto_suite.ts";
import { AllowedIps, type PrefixOwner } from "../../core/wireguard/allowed_ips.ts";
import { Engine } from "../../core/wireguard/engine.ts";
import type { EngineSink } from "../../core/wireguard/sink.ts";
import { SeededRandom } from "../twins/seeded_random.ts";

const ROUND_MS = 40;
const ROUND_COUNT = 9;
const HEADROOM_BYTES = 16;
const NOW = { nowMs: 0, wallMs: 1_704_067_200_000 };

/** One line of the table. */
interface Measurement {
  readonly what: string;
  readonly suite: string;
  readonly value: number;
  readonly unit: "ns" | "bytes";
}

/** The quickest of several rounds: on a shared machine everything slower is somebody else's work. */
function nanosecondsPer(body: () => void): number {
  for (let i = 0; i < 1000; i++) body();
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

/** Noble's handshake and packet keys that leave packets as they are. */
const plainSuite: CryptoSuite = {
  ...nobleSuite,
  aeadKey: () => ({ seal() {}, open: () => true, [Symbol.dispose]() {} }),
};

function endpoint(text: string): Endpoint {
  const parsed = Endpoint.parse(text);
  assert.ok(parsed);
  return parsed;
}

function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  assert.ok(parsed);
  return parsed;
}

/** An IPv4 packet from 10.0.0.1 to 10.0.0.2 with random contents. */
function makePacket(length: number): Uint8Array {
  const packet = new Uint8Array(length);
  new SeededRandom(1).fill(packet);
  packet.set([0x45, 0, length >>> 8, length & 0xff]);
  packet.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  return packet;
}

/** Two engines joined back to back: what one sends the other receives in the same call. */
class Joined implements Disposable {
  readonly a: Engine;
  readonly b: Engine;
  /** The buffer that every packet is read into. */
  readonly buffer = new Uint8Array(2048);
  deliveredCount = 0;
  readonly #toB: EngineSink;

  constructor(suite: CryptoSuite) {
    const random = new SeededRandom(2);
    const make = () => new Engine({ privateKey: PrivateKey.generate(random), suite, random, mtu: 1420 });
    [this.a, this.b] = [make(), make()];
    const [fromA, fromB] = [endpoint("192.0.2.1:51820"), endpoint("192.0.2.2:51820")];
    const toA: EngineSink = {
      toNetwork: (buffer, offset, length) => void this.a.fromNetwork(buffer, offset, length, fromB, NOW, this.#toB),
      toTun: () => {},
    };
    this.#toB = {
      toNetwork: (buffer, offset, length) => void this.b.fromNetwork(buffer, offset, length, fromA, NOW, toA),
      toTun: () => {},
    };
    const peer = (engine: Engine, at: Endpoint) => ({
      publicKey: engine.publicKey,
      endpoint: at,
      alternateEndpoints: [],
      allowedIps: [prefix("10.0.0.0/24")],
      persistentKeepaliveMs: 0,
    });
    this.a.upsertPeer(peer(this.b, fromB), NOW);
    this.b.upsertPeer(peer(this.a, fromA), NOW);
    toA.toTun = () => this.deliveredCount++;
  }

  /** One packet from a's TUN device to b's. */
  pass(packet: Uint8Array): void {
    this.buffer.set(packet, HEADROOM_BYTES);
    this.a.fromTun(this.buffer, HEADROOM_BYTES, packet.length, NOW, this.#toB);
  }

  [Symbol.dispose](): void {
    this.a[Symbol.dispose]();
    this.b[Symbol.dispose]();
  }
}

function measurePackets(suite: CryptoSuite, name: string): Measurement[] {
  return [64, 1420].map((length) => {
    using joined = new Joined(suite);
    const packet = makePacket(length);
    joined.pass(packet);
    joined.pass(packet);
    assert.equal(joined.deliveredCount, 2);
    assert.deepEqual(joined.buffer.subarray(HEADROOM_BYTES, HEADROOM_BYTES + length), packet);
    const value = nanosecondsPer(() => joined.pass(packet));
    return { what: `packet of ${length} bytes through two engines`, suite: name, value, unit: "ns" };
  });
}

/** What a packet leaves behind for the garbage collector. */
function measureHeap(): Measurement {
  using joined = new Joined(plainSuite);
  const packet = makePacket(64);
  const packetCount = 200_000;
  const growthBytes = () => {
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < packetCount; i++) joined.pass(packet);
    return (Deno.memoryUsage().heapUsed - before) / packetCount;
  };
  growthBytes();
  const value = growthBytes();
  assert.ok(value < 1, "a packet allocates nothing");
  return { what: "heap per packet", suite: "none", value, unit: "bytes" };
}

function measureHandshake(suite: CryptoSuite): Measurement {
  const packet = makePacket(64);
  const body = () => {
    using joined = new Joined(suite);
    joined.pass(packet);
    assert.equal(joined.deliveredCount, 1);
  };
  for (let i = 0; i < 20; i++) body();
  let best = Infinity;
  for (let i = 0; i < 60; i++) {
    const started = performance.now();
    body();
    best = Math.min(best, (performance.now() - started) * 1e6);
  }
  return { what: "two engines made, handshake, one packet, both sides", suite: suite.name, value: best, unit: "ns" };
}

function measureLookup(peers: number): Measurement {
  const table = new AllowedIps<PrefixOwner>(1_000_000);
  for (let i = 0; i < peers; i++) {
    const owner: PrefixOwner = { ownPrefixes: new Map<string, Prefix>() };
    const number = `${i >>> 8 & 0xff}.${i & 0xff}`;
    table.replace(owner, [prefix(`10.${i >>> 16}.${number}/32`), prefix(`fd00:0:0:${i.toString(16)}::/64`)]);
  }
  const packet = makePacket(64);
  let next = 0;
  let foundCount = 0;
  const body = () => {
    next = (next + 7919) % peers;
    packet[17] = next >>> 16;
    packet[18] = next >>> 8;
    packet[19] = next;
    if (table.ofDestination(packet, 0, 4) !== undefined) foundCount++;
  };
  for (let i = 0; i < 100; i++) body();
  assert.equal(foundCount, 100);
  return { what: `allowed-IP lookup among ${peers} peers`, suite: "", value: nanosecondsPer(body), unit: "ns" };
}

function measureIdleExpire(peers: number): Measurement {
  const random = new SeededRandom(3);
  const engine = new Engine({ privateKey: PrivateKey.generate(random), suite: plainSuite, random, mtu: 1420 });
  const key = new Uint8Array(32);
  for (let i = 0; i < peers; i++) {
    random.fill(key);
    const persistentKeepaliveMs = 25_000 + i;
    engine.upsertPeer(
      { publicKey: PublicKey.of(key), alternateEndpoints: [], allowedIps: [], persistentKeepaliveMs },
      NOW,
    );
  }
  const sink: EngineSink = { toNetwork() {}, toTun() {} };
  // No endpoints, so every peer's keepalive comes due without a handshake: what is timed is finding who is due.
  const now = { nowMs: 0, wallMs: 0 };
  const body = () => {
    now.nowMs = engine.nextDeadlineMs();
    engine.expire(now, sink);
  };
  return { what: `one deadline of ${peers} peers`, suite: "", value: nanosecondsPer(body), unit: "ns" };
}

if (import.meta.main) {
  using best = openCryptoSuite();
  const suites: CryptoSuite[] = best.name === "noble" ? [nobleSuite] : [best, nobleSuite];
  const measurements = [
    ...measurePackets(plainSuite, "none"),
    measureHeap(),
    ...suites.flatMap((suite) => measurePackets(suite, suite.name)),
    ...suites.map(measureHandshake),
    ...[10, 100, 1_000, 10_000].map(measureLookup),
    measureIdleExpire(10_000),
  ];
  if (Deno.args.includes("--json")) {
    console.log(JSON.stringify(measurements, undefined, 2));
  } else {
    console.log(["value".padStart(10), "unit ", "suite".padEnd(9), "what"].join("  "));
    for (const { what, suite, value, unit } of measurements) {
      console.log([value.toFixed(0).padStart(10), unit.padEnd(5), suite.padEnd(9), what].join("  "));
    }
  }
}
