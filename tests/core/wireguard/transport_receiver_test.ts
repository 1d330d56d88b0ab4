import assert from "node:assert/strict";
import { countingSuite } from "./counting_suite.ts";
import { endpointOf, ipv4Packet, ipv6Packet, World } from "./world.ts";

const INITIATION = 1;
const TRANSPORT = 4;

Deno.test("TransportReceiver: a responder sends nothing on a session before its first packet", () => {
  const world = new World();
  const [a, b] = world.addPair();
  // The response arrives, the initiator's first packet does not.
  world.link.passes = (_from, _to, bytes) => bytes[0] !== TRANSPORT;
  a.say("lost", b);
  world.run(100);
  assert.equal(a.peer(b).sessionState(world.clock.now.nowMs), "established");
  assert.equal(b.peer(a).sessionState(world.clock.now.nowMs), "unconfirmed");
  b.say("waits", a);
  world.run(100);
  assert.deepEqual(b.sentOfType(TRANSPORT), []);
  world.link.passes = () => true;
  a.say("confirms", b);
  world.run(100);
  assert.equal(b.peer(a).sessionState(world.clock.now.nowMs), "established");
  assert.deepEqual(a.received, ["waits"]);
});

Deno.test("TransportReceiver: an authentic packet from a source that is not the peer's is dropped", () => {
  const world = new World();
  const [a, b] = world.addPair({ allowedIps: ["10.0.0.1/32", "10.0.0.2/32", "fd00::/8"] });
  a.say("hello", b);
  world.run(100);
  a.sendPacket(ipv4Packet("10.0.0.9", b.ip, new Uint8Array(4)));
  a.sendPacket(ipv6Packet("fe80::1", "fd00::1", new Uint8Array(4)));
  world.run(100);
  assert.equal(b.engine.drops["source-not-allowed"], 2);
  assert.deepEqual(b.received, ["hello"]);
});

Deno.test("TransportReceiver: a more specific prefix moved to another peer takes effect at once, both ways", () => {
  const world = new World();
  const [a, b, c] = [world.addNode(), world.addNode(), world.addNode()];
  for (const other of [b, c]) {
    a.addPeer(other);
    other.addPeer(a, { allowedIps: ["0.0.0.0/0"] });
  }
  a.addPeer(b, { allowedIps: ["10.0.0.2/32", "192.168.0.0/16"] });
  b.say("hello", a);
  c.say("hello", a);
  world.run(100);
  const spoof = (node: typeof b) => node.sendPacket(ipv4Packet("192.168.1.1", a.ip, new Uint8Array(4)));
  const receivedFrom = () => a.packets.splice(0).map(({ peer }) => String(peer.publicKey));

  receivedFrom();
  spoof(b);
  spoof(c);
  world.run(100);
  assert.deepEqual(receivedFrom(), [String(b.publicKey)]);

  a.addPeer(c, { allowedIps: ["10.0.0.3/32", "192.168.1.0/24"] });
  spoof(b);
  spoof(c);
  world.run(100);
  assert.deepEqual(receivedFrom(), [String(c.publicKey)]);
  assert.equal(a.engine.drops["source-not-allowed"], 2);

  a.sendPacket(ipv4Packet(a.ip, "192.168.1.1", new Uint8Array(4)));
  assert.equal(a.sent.at(-1)!.to, c.address);
  a.sendPacket(ipv4Packet(a.ip, "192.168.2.1", new Uint8Array(4)));
  assert.equal(a.sent.at(-1)!.to, b.address);
});

Deno.test("TransportReceiver: a peer is followed to another port, address and family, by authentic packets only", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  for (const address of ["192.0.2.1:9999", "203.0.113.5:9999", "[2001:db8::1]:51820"]) {
    a.moveTo(address);
    assert.notEqual(String(b.peer(a).endpoint), address);
    a.say(`from ${address}`, b);
    world.run(100);
    assert.equal(String(b.peer(a).endpoint), address);
    b.say(`to ${address}`, a);
    world.run(100);
    assert.equal(a.received.at(-1), `to ${address}`);
  }
  const replay = a.sentOfType(TRANSPORT).at(-1)!.bytes;
  const thief = endpointOf("198.51.100.66:6");
  assert.equal(b.arrive(replay, thief), "counter-replayed");
  const forged = replay.slice();
  forged[20]! ^= 1;
  forged[8] = 200;
  assert.equal(b.arrive(forged, thief), "packet-unauthentic");
  assert.equal(String(b.peer(a).endpoint), a.address);
});

Deno.test("TransportReceiver: the sender's own address changes nothing about which address it is answered from", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  const before = b.peer(a).endpoint;
  a.moveTo("192.0.2.1:9999");
  a.say("moved", b);
  world.run(100);
  assert.equal(b.peer(a).endpoint, before, "one live endpoint object");
});

Deno.test("TransportReceiver: packets on sessions of 180 s and more are refused", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.weather = { ...world.link.weather, delayMinMs: 30, delayMaxMs: 30 };
  a.say("hello", b);
  world.run(1000);
  const late = a.sentOfType(TRANSPORT).length;
  world.link.passes = (_from, _to, bytes) => bytes[0] !== TRANSPORT;
  a.say("late", b);
  const message = a.sentOfType(TRANSPORT)[late]!.bytes;
  world.run(178_000);
  world.link.passes = () => true;
  world.run(1_100);
  assert.equal(b.arrive(message, endpointOf(a.address)), "session-expired");
});

Deno.test("TransportReceiver: packets in flight while the session is renewed still arrive", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(120_000);
  for (const node of [a, b]) node.received.length = 0;
  const words = Array.from({ length: 100 }, (_, i) => `${i}`);
  for (const word of words) {
    a.say(word, b);
    b.say(word, a);
    world.run(1);
  }
  world.run(100);
  assert.equal(a.sentOfType(INITIATION).length, 2);
  assert.deepEqual([a.received, b.received], [words, words]);
});

Deno.test("TransportReceiver: what is inside must be a whole IP packet", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  const longer = ipv4Packet(a.ip, b.ip, new Uint8Array(100));
  longer[3] = 200;
  a.sendPacket(longer);
  const tiny = ipv4Packet(a.ip, b.ip, new Uint8Array(0));
  tiny[3] = 19;
  a.sendPacket(tiny);
  world.run(100);
  assert.equal(b.engine.drops["inner-malformed"], 2);
});

Deno.test("TransportReceiver: received data is acknowledged by an empty packet within 10 s, once", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  const keepalives = () => b.sentOfType(TRANSPORT).filter(({ bytes }) => bytes.length === 32);
  world.run(9_800);
  assert.equal(keepalives().length, 0);
  world.run(200);
  assert.equal(keepalives().length, 1);
  world.run(60_000);
  assert.equal(keepalives().length, 1);
  assert.equal(a.sentOfType(TRANSPORT).length, 1, "an empty packet is not answered");
  assert.equal(a.sentOfType(INITIATION).length, 1);
});

Deno.test("TransportReceiver: data that is answered with data needs no empty packet", () => {
  const world = new World();
  const [a, b] = world.addPair();
  for (let i = 0; i < 30; i++) {
    a.say(`${i}`, b);
    world.run(1000);
    b.say(`${i}`, a);
    world.run(1000);
  }
  for (const node of [a, b]) {
    assert.equal(node.sentOfType(TRANSPORT).filter(({ bytes }) => bytes.length === 32).length, 0);
  }
});

Deno.test("TransportReceiver: data without any answer for 15 s asks for a new session", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(20_000);
  const startMs = world.clock.now.nowMs;
  world.link.passes = (from) => String(from) !== b.address;
  a.say("are you there", b);
  world.runUntil(() => a.sentOfType(INITIATION).length === 2, 16_000);
  const tookMs = world.clock.now.nowMs - startMs;
  assert.ok(tookMs >= 15_000 && tookMs <= 15_333, `${tookMs}`);
});

Deno.test("TransportReceiver: an initiator that only receives renews at 165 s, once, before answers are refused", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  const bornMs = world.clock.now.nowMs;
  // Timers stand still: a only listens.
  while (world.clock.now.nowMs < bornMs + 161_000) {
    world.clock.advance(3_000);
    b.say("news", a);
    world.link.deliver();
  }
  assert.equal(a.sentOfType(INITIATION).length, 1);
  world.clock.advanceTo(bornMs + 165_000);
  b.say("news", a);
  b.say("news", a);
  world.clock.advance(10);
  world.link.deliver();
  assert.equal(a.sentOfType(INITIATION).length, 2);
});

Deno.test("TransportReceiver: renewal on receipt is asked for once a session", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(166_000);
  const startMs = world.clock.now.nowMs;
  world.link.passes = (_from, _to, bytes) => bytes[0] === TRANSPORT;
  for (let i = 0; i < 12; i++) {
    b.say("news", a);
    world.run(1000);
  }
  world.run(300_000);
  const lastMs = Math.max(...a.sentOfType(INITIATION).map(({ atMs }) => atMs));
  assert.ok(lastMs > startMs && lastMs - startMs <= 90_000, "received data does not prolong the attempt");
});

Deno.test("TransportReceiver: a responder does not renew on receipt", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(166_000);
  a.say("late news", b);
  world.run(20);
  assert.equal(b.received.at(-1), "late news");
  assert.equal(b.sentOfType(INITIATION).length, 0);
});

Deno.test("TransportReceiver: the next session is renewed on receipt again", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  for (let renewals = 1; renewals <= 3; renewals++) {
    world.run(166_000);
    b.say("news", a);
    world.run(100);
    assert.equal(a.sentOfType(INITIATION).length, 1 + renewals);
  }
});

Deno.test("TransportReceiver: a session confirmed by the peer ends our own attempt at one", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = (from) => String(from) !== a.address;
  a.say("from a", b);
  world.run(100);
  const late = a.sentOfType(INITIATION)[0]!.bytes;
  world.link.passes = () => true;
  b.say("from b", a);
  world.run(100);
  assert.deepEqual([a.received, b.received], [["from b"], ["from a"]]);
  world.run(30_000);
  assert.equal(a.sentOfType(INITIATION).length, 1);
  b.arrive(late, endpointOf(a.address));
  world.run(100);
  assert.equal(a.engine.drops["no-handshake-pending"], 1);
});

Deno.test("TransportReceiver: keys are wiped 540 s after the last renewal", () => {
  const world = new World();
  const suite = countingSuite();
  const [a, b] = [world.addNode({ suite }), world.addNode()];
  a.addPeer(b);
  b.addPeer(a);
  a.say("hello", b);
  world.run(130_000);
  a.say("renew", b);
  world.run(100);
  assert.equal(suite.counts.liveKeys, 4);
  world.run(539_000);
  assert.equal(suite.counts.liveKeys, 4);
  world.run(1_000);
  assert.equal(suite.counts.liveKeys, 0);
  assert.equal(a.peer(b).sessionState(world.clock.now.nowMs), "none");
  a.say("again", b);
  world.run(100);
  assert.equal(b.received.at(-1), "again");
});

Deno.test("TransportReceiver: bytes are counted as on the wire, of authentic messages only", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  const sum = (node: typeof a) => node.sent.reduce((bytes, datagram) => bytes + datagram.bytes.length, 0);
  assert.equal(a.peer(b).txBytes, sum(a));
  assert.equal(b.peer(a).txBytes, sum(b));
  assert.equal(b.peer(a).rxBytes, sum(a));
  assert.equal(a.peer(b).rxBytes, sum(b));
  b.arrive(a.sentOfType(TRANSPORT)[0]!.bytes, endpointOf(a.address));
  assert.equal(b.peer(a).rxBytes, sum(a));
});
