import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { PresharedKey } from "../../../core/keys/preshared_key.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";
import { Engine } from "../../../core/wireguard/engine.ts";
import type { PeerConfig } from "../../../core/wireguard/peer.ts";
import type { EngineSink } from "../../../core/wireguard/sink.ts";
import { PACKET_BYTES_MAX } from "../../../core/wireguard/sender.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { countingSuite } from "./counting_suite.ts";
import { endpointOf, ipv4Packet, ipv6Packet, prefixOf, World } from "./world.ts";

const INITIATION = 1;

Deno.test("Engine: the first packet starts a handshake and arrives after it, and the answer needs none", () => {
  const world = new World();
  const [a, b] = world.addPair();
  assert.equal(a.say("hello", b), undefined);
  world.run(100);
  assert.deepEqual(b.received, ["hello"]);
  assert.equal(b.say("and hello", a), undefined);
  world.run(100);
  assert.deepEqual(a.received, ["and hello"]);
  assert.deepEqual([a.sentOfType(INITIATION).length, b.sentOfType(INITIATION).length], [1, 0]);
  for (const [node, other] of [[a, b], [b, a]] as const) {
    assert.equal(node.peer(other).sessionState(world.clock.now.nowMs), "established");
    assert.ok(Math.abs(node.peer(other).lastHandshakeWallMs - world.clock.now.wallMs) < 1000);
  }
});

Deno.test("Engine: IPv6 inside and outside", () => {
  const world = new World();
  const [a, b] = [world.addNode(), world.addNode()];
  b.moveTo("[2001:db8::b]:51820");
  a.addPeer(b, { allowedIps: ["fd00::b/128"] });
  b.addPeer(a, { allowedIps: ["fd00::a/128"] });
  a.sendPacket(ipv6Packet("fd00::a", "fd00::b", new TextEncoder().encode("six")));
  world.run(100);
  assert.deepEqual(b.received, ["six"]);
});

Deno.test("Engine.fromTun: what is no packet, has no peer or is too long is dropped and counted", () => {
  const world = new World();
  const [a, b] = world.addPair({ allowedIps: ["10.0.0.0/24"] });
  assert.equal(a.sendPacket(new Uint8Array(0)), "packet-malformed");
  assert.equal(a.sendPacket(new Uint8Array(19).fill(0x45)), "packet-malformed");
  assert.equal(a.sendPacket(new Uint8Array(60).fill(0x55)), "packet-malformed");
  assert.equal(a.sendPacket(ipv4Packet(a.ip, "10.1.0.1", new Uint8Array(4))), "no-peer-for-destination");
  const long = ipv4Packet(a.ip, b.ip, new Uint8Array(PACKET_BYTES_MAX - 20));
  assert.equal(a.sendPacket(long), undefined);
  assert.equal(a.sendPacket(ipv4Packet(a.ip, b.ip, new Uint8Array(PACKET_BYTES_MAX - 19))), "packet-too-long");
  world.run(100);
  assert.deepEqual(b.packets.at(-1)?.bytes, long);
  assert.equal(a.engine.drops["packet-malformed"], 3);
  assert.equal(a.engine.drops["no-peer-for-destination"], 1);
  assert.equal(a.engine.drops["packet-too-long"], 1);
});

Deno.test("Engine.fromTun: a packet without the promised room around it is a bug", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  const packet = ipv4Packet(a.ip, b.ip, new Uint8Array(13));
  const send = (room: number, offset: number) => {
    const buffer = new Uint8Array(room);
    buffer.set(packet, offset);
    a.engine.fromTun(buffer, offset, packet.length, world.clock.now, a);
  };
  send(16 + 48 + 16, 16);
  assert.throws(() => send(16 + 48 + 15, 16));
  assert.throws(() => send(16 + 48 + 16, 15));
});

Deno.test("Engine.upsertPeer: the same again changes nothing and keeps the session", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  const peer = a.peer(b);
  for (let i = 0; i < 3; i++) assert.equal(a.addPeer(b), peer);
  a.say("still", b);
  world.run(100);
  assert.deepEqual(b.received, ["hello", "still"]);
  assert.equal(a.sentOfType(INITIATION).length, 1);
  assert.equal([...a.engine.peers()].length, 1);
});

Deno.test("Engine.upsertPeer: endpoints, allowed IPs and preshared keys change under a living session", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  b.moveTo("198.51.100.2:1000");
  a.addPeer(b, {
    endpoint: b.address,
    allowedIps: ["10.0.0.2/32", "10.7.0.0/16"],
    presharedKey: PresharedKey.generate(world.random),
  });
  a.say("moved", b);
  world.run(100);
  assert.deepEqual(b.received, ["hello", "moved"]);
  assert.deepEqual(a.peer(b).allowedIps.map(String), ["10.0.0.2/32", "10.7.0.0/16"]);
  assert.equal(a.sentOfType(INITIATION).length, 1);
});

Deno.test("Engine.upsertPeer: a persistent keepalive starts the handshake at once and holds it up", () => {
  const world = new World();
  const [a, b] = [world.addNode(), world.addNode()];
  b.addPeer(a, { endpoint: null });
  a.addPeer(b, { persistentKeepaliveMs: 25_000 });
  assert.ok(a.engine.nextDeadlineMs() <= world.clock.now.nowMs);
  world.run(100);
  assert.equal(a.peer(b).sessionState(world.clock.now.nowMs), "established");
  b.say("reaches behind the translator", a);
  world.run(100);
  assert.equal(a.received.length, 1);
  const startMs = world.clock.now.nowMs;
  world.run(600_000);
  const silences = a.sent.filter(({ atMs }) => atMs > startMs).map(({ atMs }) => atMs);
  for (let i = 1; i < silences.length; i++) assert.ok(silences[i]! - silences[i - 1]! <= 25_000);
  assert.equal(a.peer(b).sessionState(world.clock.now.nowMs), "established");
});

Deno.test("Engine.upsertPeer: a persistent keepalive goes on trying while the peer is away", () => {
  const world = new World();
  const [a, b] = [world.addNode(), world.addNode()];
  b.addPeer(a);
  world.link.passes = () => false;
  a.addPeer(b, { persistentKeepaliveMs: 25_000 });
  world.run(3_600_000);
  world.link.passes = () => true;
  world.runUntil(() => a.peer(b).sessionState(world.clock.now.nowMs) === "established", 130_000);
});

Deno.test("Engine.upsertPeer: one peer or prefix past the limit, ourselves, or no interval is refused whole", () => {
  const world = new World();
  const a = world.addNode({ limits: { peersMax: 2, allowedIpsMax: 3 } });
  const [b, c, d] = [world.addNode(), world.addNode(), world.addNode()];
  a.addPeer(b);
  a.addPeer(c);
  assert.throws(() => a.addPeer(d), RangeError);
  a.addPeer(c, { allowedIps: ["10.0.0.3/32", "10.3.0.0/16"] });
  assert.throws(() => a.addPeer(c, { allowedIps: ["10.0.0.3/32", "10.3.0.0/16", "10.4.0.0/16"] }), RangeError);
  assert.throws(() => a.addPeer(a), RangeError);
  for (const persistentKeepaliveMs of [-1, 0.5, NaN, Infinity]) {
    assert.throws(() => a.addPeer(b, { persistentKeepaliveMs }), RangeError);
  }
  assert.deepEqual([...a.engine.peers()].map(({ publicKey }) => publicKey), [b.publicKey, c.publicKey]);
  assert.deepEqual(a.peer(c).allowedIps.map(String), ["10.0.0.3/32", "10.3.0.0/16"]);
  a.engine.checkInvariants();
  a.engine.removePeer(b.publicKey);
  a.addPeer(d);
});

Deno.test("Engine.removePeer: nothing is left of it", () => {
  const world = new World();
  const suite = countingSuite();
  const [a, b] = [world.addNode({ suite }), world.addNode()];
  a.addPeer(b);
  b.addPeer(a);
  a.say("hello", b);
  world.run(100);
  assert.equal(suite.counts.liveKeys, 2);
  assert.ok(a.engine.removePeer(b.publicKey));
  assert.equal(a.engine.removePeer(b.publicKey), false);
  assert.equal(suite.counts.liveKeys, 0);
  assert.equal(a.engine.peer(b.publicKey), undefined);
  assert.equal(a.engine.nextDeadlineMs(), Infinity);
  assert.equal(a.say("gone", b), "no-peer-for-destination");
  b.say("gone", a);
  world.run(100);
  assert.equal(a.engine.drops["unknown-receiver"], 1);
  assert.deepEqual(a.received, []);
  a.engine.checkInvariants();
});

Deno.test("Engine.setPrivateKey: sessions end, a peer of that key is forgotten, keepalives start again", () => {
  const world = new World();
  const suite = countingSuite();
  const [a, b, c] = [world.addNode({ suite }), world.addNode(), world.addNode()];
  a.addPeer(b, { persistentKeepaliveMs: 25_000 });
  a.addPeer(c);
  b.addPeer(a);
  world.run(100);
  a.say("waits", c);
  assert.equal(suite.counts.liveKeys, 2);
  a.engine.setPrivateKey(c.privateKey);
  assert.equal(suite.counts.liveKeys, 0);
  assert.ok(a.engine.publicKey.equals(c.publicKey));
  assert.deepEqual([...a.engine.peers()].map(({ publicKey }) => publicKey), [b.publicKey]);
  a.engine.checkInvariants();
  b.addPeer(a, { allowedIps: ["10.0.0.1/32"] });
  world.run(100);
  b.say("new name", a);
  world.run(100);
  assert.deepEqual(a.received, ["new name"]);
});

Deno.test("Engine.moveEndpoint: overrides what was learned, even back to what was configured", () => {
  const world = new World();
  const [a, b] = world.addPair();
  const home = b.address;
  b.say("hello", a);
  world.run(100);
  b.moveTo("192.0.2.99:7");
  b.say("moved", a);
  world.run(100);
  assert.equal(String(a.peer(b).endpoint), "192.0.2.99:7");
  a.addPeer(b, { endpoint: home });
  assert.equal(String(a.peer(b).endpoint), "192.0.2.99:7", "the same configuration again is no news");
  const endpoint = endpointOf(home);
  assert.equal(a.engine.moveEndpoint(b.publicKey, endpoint), true);
  endpoint.bytes.fill(0);
  assert.equal(String(a.peer(b).endpoint), home);
  assert.equal(a.engine.moveEndpoint(world.addNode().publicKey, endpoint), false);
});

Deno.test("Engine.pause: sessions end and nothing is sent until resume, then keepalives go out at once", () => {
  const world = new World();
  const suite = countingSuite();
  const [a, b] = [world.addNode({ suite }), world.addNode()];
  a.addPeer(b, { persistentKeepaliveMs: 25_000 });
  b.addPeer(a);
  world.run(100);
  a.say("hello", b);
  world.run(100);
  const { txBytes, lastHandshakeWallMs } = a.peer(b);
  a.engine.pause();
  assert.equal(suite.counts.liveKeys, 0);
  assert.equal(a.engine.nextDeadlineMs(), Infinity);
  a.addPeer(b, { persistentKeepaliveMs: 10_000 });
  assert.equal(a.engine.nextDeadlineMs(), Infinity, "settings may change meanwhile");
  world.run(60_000);
  assert.equal(a.peer(b).txBytes, txBytes);
  assert.equal(a.peer(b).lastHandshakeWallMs, lastHandshakeWallMs, "what was stays known");
  a.engine.resume();
  world.run(100);
  assert.equal(a.peer(b).sessionState(world.clock.now.nowMs), "established");
  assert.ok(a.peer(b).lastHandshakeWallMs > lastHandshakeWallMs);
});

Deno.test("Engine.pause: waiting packets are lost and counted", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("waits", b);
  a.engine.pause();
  assert.equal(a.engine.drops["handshake-gave-up"], 1);
  a.engine.checkInvariants();
  a.engine.resume();
  world.run(10_000);
  assert.deepEqual(b.received, []);
  a.say("after", b);
  world.run(100);
  assert.deepEqual(b.received, ["after"]);
});

Deno.test("Engine: disposing wipes all sessions and waiting packets", () => {
  const world = new World();
  const suite = countingSuite();
  const [a, b, c] = [world.addNode({ suite }), world.addNode(), world.addNode()];
  for (const other of [b, c]) {
    a.addPeer(other);
    other.addPeer(a);
  }
  a.say("hello", b);
  world.run(100);
  a.say("waits", c);
  a.engine[Symbol.dispose]();
  assert.equal(suite.counts.liveKeys, 0);
  assert.equal(a.engine.nextDeadlineMs(), Infinity);
  a.engine.checkInvariants();
});

Deno.test("Engine.lastTimestamp: the floor until an initiation is sent, then that one's", () => {
  const world = new World();
  const floor = Uint8Array.fromHex("40000000ffffffff00000001");
  const [a, b] = [world.addNode({ timestampFloor: floor }), world.addNode()];
  a.addPeer(b);
  assert.deepEqual(a.engine.lastTimestamp, floor);
  a.say("hello", b);
  assert.equal(a.engine.lastTimestamp.toHex(), "40000000ffffffff00000002");
});

Deno.test("Engine.expire: sends a limited number of initiations a call and goes on when asked again", () => {
  const world = new World();
  const hub = world.addNode({ limits: { initiationsPerExpireMax: 3 } });
  for (let i = 0; i < 8; i++) hub.addPeer(world.addNode(), { persistentKeepaliveMs: 25_000 });
  const counts = [];
  while (hub.engine.nextDeadlineMs() <= world.clock.now.nowMs) {
    hub.engine.expire(world.clock.now, hub);
    counts.push(hub.sent.length);
  }
  assert.deepEqual(counts.slice(0, 3), [3, 6, 8]);
});

Deno.test("Engine: a restart of either side is noticed and healed without waiting for keys to age", () => {
  for (const who of ["initiator", "responder"]) {
    for (const speaker of ["restarted", "other"]) {
      const world = new World();
      const [a, b] = world.addPair();
      a.say("hello", b);
      world.run(30_000);
      const [lost, other] = who === "initiator" ? [a, b] : [b, a];
      const fresh = world.restart(lost);
      const [from, to] = speaker === "restarted" ? [fresh, other] : [other, fresh];
      from.say("hello again", to);
      if (speaker === "other") {
        world.run(16_000);
        from.say("hello again", to);
      }
      world.run(1000);
      assert.equal(to.received.at(-1), "hello again", `${who} restarted, ${speaker} speaks`);
    }
  }
});

Deno.test("Engine: after total loss and under heavy loss a session comes about", () => {
  const world = new World(3);
  const [a, b] = world.addPair({ persistentKeepaliveMs: 5_000 });
  world.link.weather = { ...world.link.weather, lossFraction: 1 };
  world.run(60_000);
  world.link.weather = { ...world.link.weather, lossFraction: 0.3 };
  let sentCount = 0;
  world.runUntil(() => {
    a.say(`${sentCount++}`, b);
    return b.received.length > 0;
  }, 40_000);
});

Deno.test("Engine: indices that collide are drawn again", () => {
  const world = new World();
  const [a, b, c] = [world.addNode(), world.addNode(), world.addNode()];
  // A random source with one good number in four: collisions everywhere.
  const random = new SeededRandom(5);
  const numbers = [7, 7, 7];
  const u32 = () => {
    numbers.push(numbers.length % 4 === 3 ? random.u32() : 7);
    return numbers[numbers.length - 1]!;
  };
  const engine = new Engine({
    privateKey: a.privateKey,
    suite: nobleSuite,
    mtu: 1420,
    random: { u32, fill: (target) => random.fill(target) },
  });
  for (const other of [b, c]) {
    other.addPeer(a);
    engine.upsertPeer({
      publicKey: other.publicKey,
      endpoint: endpointOf(other.address),
      alternateEndpoints: [],
      allowedIps: [prefixOf(`${other.ip}/32`)],
      persistentKeepaliveMs: 1000,
    }, world.clock.now);
  }
  engine.expire(world.clock.now, a);
  engine.checkInvariants();
  const senders = a.sentOfType(INITIATION).map(({ bytes }) => bytes.subarray(4, 8).toHex());
  assert.equal(new Set(senders).size, 2);
});

function manyPeers(engine: Engine, count: number): PeerConfig[] {
  const random = new SeededRandom(1);
  const configs: PeerConfig[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array(32);
    random.fill(bytes);
    const config: PeerConfig = {
      publicKey: PublicKey.of(bytes),
      alternateEndpoints: [],
      allowedIps: [prefixOf(`10.${i >>> 16}.${i >>> 8 & 0xff}.${i & 0xff}/32`)],
      persistentKeepaliveMs: 0,
    };
    engine.upsertPeer(config, { nowMs: 0, wallMs: 0 });
    configs.push(config);
  }
  return configs;
}

Deno.test("Engine: 65,536 peers fit, one more does not, and each is found by its prefix", () => {
  const privateKey = PrivateKey.generate(new SeededRandom(2));
  const engine = new Engine({ privateKey, suite: nobleSuite, random: new SeededRandom(3), mtu: 1420 });
  const configs = manyPeers(engine, 65_536);
  assert.throws(() => manyPeersOneMore(engine, configs), RangeError);
  const sink = { toNetwork() {}, toTun() {} };
  for (const i of [0, 1, 255, 256, 65_535]) {
    const packet = ipv4Packet("10.9.9.9", String(configs[i]!.allowedIps[0]!.address), new Uint8Array(4));
    assert.equal(engine.fromTun(packet, 0, packet.length, { nowMs: 0, wallMs: 0 }, sink), "no-endpoint");
  }
  assert.equal(engine.nextDeadlineMs(), Infinity);
});

function manyPeersOneMore(engine: Engine, configs: readonly PeerConfig[]): void {
  const publicKey = PublicKey.of(new Uint8Array(32).fill(77));
  engine.upsertPeer({ ...configs[0]!, publicKey, allowedIps: [] }, { nowMs: 0, wallMs: 0 });
}

Deno.test("Engine: the sink is told which peer a datagram is for, and nobody for cookies", () => {
  const world = new World();
  const [a, b] = world.addPair();
  const told: (string | undefined)[] = [];
  const sink: EngineSink = {
    toTun() {},
    toNetwork: (_buffer, _offset, _length, _endpoint, peer) => void told.push(peer && String(peer.publicKey)),
  };
  const from = endpointOf(a.address);
  a.say("hello", b);
  const initiation = a.sentOfType(INITIATION)[0]!.bytes;
  b.engine.fromNetwork(initiation.slice(), 0, initiation.length, from, world.clock.now, sink);
  b.engine.reportLoad(world.clock.now);
  b.engine.fromNetwork(initiation.slice(), 0, initiation.length, from, world.clock.now, sink);
  assert.deepEqual(told, [String(a.publicKey), undefined]);
});
