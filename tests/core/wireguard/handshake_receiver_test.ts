import assert from "node:assert/strict";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { PresharedKey } from "../../../core/keys/preshared_key.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { tai64n } from "../../../core/time/tai64n.ts";
import { INITIATION, RESPONSE } from "../../../core/wireguard/messages.ts";
import { countingSuite } from "./counting_suite.ts";
import { forgedInitiation, forgedResponse, withRightMac1 } from "./forgery.ts";
import { LOW_ORDER_KEYS } from "./parties.ts";
import { endpointOf, World, type WorldNode } from "./world.ts";

const ATTACKER = endpointOf("203.0.113.66:6666");

/** `a` with a session to `b`, the initiation that made it, and where it came from. */
function connected(seed = 1) {
  const world = new World(seed);
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  return { world, a, b, initiation: a.sentOfType(1)[0]!.bytes, from: endpointOf(a.address) };
}

/** Sends `count` initiations with right mac1 and random insides, spread over addresses and `ms` of time. */
function flood(world: World, target: WorldNode, count: number, ms: number): void {
  const from = ATTACKER.clone();
  for (let i = 0; i < count; i++) {
    world.random.fill(from.bytes.subarray(4, 8));
    target.arrive(forgedInitiation(world.random, target.publicKey), from);
    world.run(ms / count);
  }
}

Deno.test("HandshakeReceiver: a replayed or older initiation is dropped, also when its insides are right", () => {
  const { world, b, initiation, from } = connected();
  const answers = b.sent.length;
  assert.equal(b.arrive(initiation, from), "timestamp-replayed");
  world.run(60_000);
  assert.equal(b.arrive(initiation, ATTACKER), "timestamp-replayed");
  assert.equal(b.sentOfType(2).length, 1);
  assert.ok(b.sent.length <= answers + 1);
  assert.equal(b.arrive(initiation, from), "timestamp-replayed");
  assert.equal(String(b.peer([...world.nodes][0]!).endpoint), String(from), "a replay does not move the peer");
});

Deno.test("HandshakeReceiver: a peer whose clock went back is refused, and heard again with its timestamp floor", () => {
  const { world, a, b } = connected();
  const floor = a.engine.lastTimestamp;
  world.clock.setWall(Date.UTC(2001, 0, 1));
  const forgetful = world.restart(a);
  forgetful.say("clock lost", b);
  world.run(1000);
  assert.equal(b.engine.drops["timestamp-replayed"], 1);
  assert.deepEqual(b.received, ["hello"]);
  const careful = world.restart(forgetful, { timestampFloor: floor });
  world.run(10_000);
  careful.say("floor kept", b);
  world.run(1000);
  assert.deepEqual(b.received, ["hello", "floor kept"]);
});

Deno.test("HandshakeReceiver: initiations of one peer are accepted 20 ms apart and no closer", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = () => false;
  const initiations: Uint8Array[] = [];
  for (let i = 0; i < 3; i++) {
    a.say("hello", b);
    world.run(10_000);
  }
  for (const { bytes } of a.sentOfType(1)) initiations.push(bytes);
  const from = endpointOf(a.address);
  assert.equal(b.arrive(initiations[0]!, from), undefined);
  world.clock.advance(19.9);
  assert.equal(b.arrive(initiations[1]!, from), "initiation-flood");
  world.clock.advance(0.1);
  assert.equal(b.arrive(initiations[1]!, from), undefined);
});

Deno.test("HandshakeReceiver: another preshared key makes no session, and no noise", () => {
  const world = new World();
  const [a, b] = [world.addNode(), world.addNode()];
  a.addPeer(b, { presharedKey: PresharedKey.generate(world.random) });
  b.addPeer(a, { presharedKey: PresharedKey.generate(world.random) });
  a.say("hello", b);
  world.run(30_000);
  assert.deepEqual(b.received, []);
  assert.equal(a.peer(b).sessionState(world.clock.now.nowMs), "handshaking");
  assert.equal(b.peer(a).sessionState(world.clock.now.nowMs), "unconfirmed");
  assert.ok(a.engine.drops["handshake-unauthentic"] >= 5);
  assert.ok(a.sent.length <= 7 && b.sent.length <= 7);
  assert.equal(b.peer(a).lastHandshakeWallMs, 0);
});

Deno.test("HandshakeReceiver: the same preshared key makes one", () => {
  const world = new World();
  const [a, b] = world.addPair({ presharedKey: PresharedKey.generate(world.random) });
  a.say("hello", b);
  world.run(100);
  assert.deepEqual(b.received, ["hello"]);
});

Deno.test("HandshakeReceiver: both sides initiate at once and settle on the session of the larger key", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const world = new World(seed);
    const [a, b] = world.addPair();
    a.say("from a", b);
    b.say("from b", a);
    world.run(1000);
    assert.deepEqual([a.received, b.received], [["from b"], ["from a"]]);
    assert.deepEqual([a.sentOfType(1).length, b.sentOfType(1).length], [1, 1]);
    const [larger, smaller] = a.publicKey.bytes.toHex() > b.publicKey.bytes.toHex() ? [a, b] : [b, a];
    const indexOf = (node: WorldNode) => node.sentOfType(4).at(-1)!.bytes.subarray(4, 8).toHex();
    a.say("settled", b);
    b.say("settled", a);
    assert.equal(indexOf(smaller), larger.sentOfType(1)[0]!.bytes.subarray(4, 8).toHex(), `seed ${seed}`);
    world.run(100_000);
    // Only the one whose session it is renews it.
    for (let i = 0; i < 40; i++) {
      a.say("more", b);
      b.say("more", a);
      world.run(1000);
    }
    assert.deepEqual([larger.sentOfType(1).length, smaller.sentOfType(1).length], [2, 1], `seed ${seed}`);
    assert.deepEqual([a.received.length, b.received.length], [42, 42]);
  }
});

Deno.test("HandshakeReceiver: a response to an initiation that was replaced or never sent is dropped", () => {
  const { world, a, b } = connected();
  const response = b.sentOfType(2)[0]!.bytes;
  assert.equal(a.arrive(response, endpointOf(b.address)), "no-handshake-pending");
  const stray = forgedResponse(world.random, a.publicKey);
  assert.equal(a.arrive(stray, ATTACKER), "no-handshake-pending");
});

Deno.test("HandshakeReceiver: forged responses do not disturb the handshake they name", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = (from) => String(from) !== b.address;
  a.say("hello", b);
  world.run(100);
  const response = b.sentOfType(2)[0]!.bytes;
  for (let at: number = RESPONSE.receiver; at < RESPONSE.mac1; at++) {
    const forged = response.slice();
    forged[at]! ^= 1;
    const expected = at < RESPONSE.ephemeral ? "no-handshake-pending" : "handshake-unauthentic";
    assert.equal(a.arrive(withRightMac1(forged, a.publicKey), ATTACKER), expected, `byte ${at}`);
  }
  assert.equal(a.arrive(response, endpointOf(b.address)), undefined);
  assert.equal(String(a.peer(b).endpoint), b.address);
});

Deno.test("HandshakeReceiver: a response that names a session costs no key agreement", () => {
  const world = new World();
  const suite = countingSuite();
  const [a, b] = [world.addNode({ suite }), world.addNode()];
  a.addPeer(b);
  b.addPeer(a);
  a.say("hello", b);
  world.run(121_000);
  const session = a.sentOfType(1)[0]!.bytes.subarray(4, 8);
  world.link.passes = () => false;
  a.say("renew", b);
  assert.equal(a.sentOfType(1).length, 2);
  const response = forgedResponse(world.random, a.publicKey);
  response.set(session, RESPONSE.receiver);
  const before = suite.counts.agreements;
  assert.equal(a.arrive(withRightMac1(response, a.publicKey), ATTACKER), "no-handshake-pending");
  assert.equal(suite.counts.agreements, before);
});

Deno.test("HandshakeReceiver: forged responses count as load, honest ones do not", () => {
  const world = new World();
  const hub = world.addNode({ limits: { handshakesPerSecondMax: 5 } });
  const others = Array.from({ length: 10 }, () => world.addNode());
  for (const other of others) {
    hub.addPeer(other, { persistentKeepaliveMs: 25_000 });
    other.addPeer(hub);
  }
  world.run(100);
  assert.equal(hub.engine.drops["under-load"], 0);
  assert.ok(others.every((other) => hub.peer(other).sessionState(world.clock.now.nowMs) === "established"));

  world.link.passes = () => false;
  world.run(130_000);
  const response = forgedResponse(world.random, hub.publicKey);
  response.set(hub.sentOfType(1).at(-1)!.bytes.subarray(4, 8), RESPONSE.receiver);
  const forged = withRightMac1(response, hub.publicKey);
  const reasons = Array.from({ length: 8 }, () => hub.arrive(forged, ATTACKER));
  assert.deepEqual(reasons, [...Array(6).fill("handshake-unauthentic"), "under-load", "under-load"]);
});

Deno.test("HandshakeReceiver: ephemeral keys of low order are refused on both sides", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = () => false;
  a.say("hello", b);
  const initiation = a.sentOfType(1)[0]!.bytes;
  for (const text of LOW_ORDER_KEYS) {
    const changed = initiation.slice();
    changed.set(Uint8Array.fromHex(text), INITIATION.ephemeral);
    world.run(100);
    assert.equal(b.arrive(withRightMac1(changed, b.publicKey), ATTACKER), "low-order-key", text);
  }
  assert.deepEqual(b.sent, []);
  b.arrive(initiation, endpointOf(a.address));
  const response = b.sentOfType(2)[0]!.bytes;
  for (const text of LOW_ORDER_KEYS) {
    const changed = response.slice();
    changed.set(Uint8Array.fromHex(text), RESPONSE.ephemeral);
    assert.equal(a.arrive(withRightMac1(changed, a.publicKey), ATTACKER), "low-order-key", text);
  }
  assert.equal(a.arrive(response, endpointOf(b.address)), undefined);
});

Deno.test("HandshakeReceiver: a stranger who knows our public key gets no answer", () => {
  const world = new World();
  const [stranger, b] = [world.addNode(), world.addNode()];
  stranger.addPeer(b);
  stranger.say("hello", b);
  world.run(60_000);
  assert.ok(b.engine.drops["unknown-peer"] > 5);
  assert.deepEqual(b.sent, []);
});

Deno.test("HandshakeReceiver: a flood with wrong mac1 costs no key agreement and gets no answer", () => {
  const world = new World();
  const suite = countingSuite();
  const [a, b] = [world.addNode(), world.addNode({ suite })];
  a.addPeer(b);
  b.addPeer(a);
  const before = suite.counts.agreements;
  const message = forgedInitiation(world.random, b.publicKey);
  for (let i = 0; i < 2000; i++) {
    const wrong = message.slice();
    wrong[INITIATION.mac1 + i % 16]! ^= 1 + i % 255;
    assert.equal(b.arrive(wrong, ATTACKER), "mac1-invalid");
  }
  assert.equal(suite.counts.agreements, before);
  assert.deepEqual(b.sent, []);
  a.say("hello", b);
  world.run(100);
  assert.deepEqual(b.received, ["hello"], "such a flood is no load");
});

Deno.test("HandshakeReceiver: a flood with right mac1 gets cookies, and an honest peer connects within 3 s", () => {
  const world = new World();
  const suite = countingSuite();
  const [a, b] = [world.addNode(), world.addNode({ suite, limits: { handshakesPerSecondMax: 20 } })];
  a.addPeer(b);
  b.addPeer(a);
  flood(world, b, 200, 1000);
  assert.ok(b.engine.drops["under-load"] >= 170);
  const before = suite.counts.agreements;
  const startMs = world.clock.now.nowMs;
  a.say("through the flood", b);
  while (b.received.length === 0) {
    assert.ok(world.clock.now.nowMs - startMs < 3000, "connected within 3 s");
    flood(world, b, 20, 100);
  }
  assert.equal(suite.counts.agreements - before, 5, "no key agreement but those of the honest peer");
  const answeredBytes = b.sentOfType(3).reduce((sum, { bytes }) => sum + bytes.length, 0);
  assert.ok(answeredBytes < 148 * b.engine.drops["under-load"], "answers are smaller than questions");
  assert.equal(a.sentOfType(1).length, 2);
});

Deno.test("HandshakeReceiver: the driver can declare load, and one source may then send five and twenty a second", () => {
  const world = new World();
  const limits = { handshakesPerSecondMax: 1_000_000 };
  const [a, b] = [world.addNode(), world.addNode({ limits })];
  a.addPeer(b);
  b.addPeer(a);
  b.engine.reportLoad(world.clock.now);
  a.say("hello", b);
  world.run(100);
  assert.equal(b.sentOfType(3).length, 1);
  assert.deepEqual(b.received, []);
  b.engine.reportLoad(world.clock.now);
  world.run(1000);
  b.engine.reportLoad(world.clock.now);
  world.run(100);
  assert.deepEqual(b.received, ["hello"], "the cookie is shown a second later");

  world.run(5000);
  b.engine.reportLoad(world.clock.now);
  const shown = a.sentOfType(1).at(-1)!.bytes;
  const reasons = Array.from({ length: 8 }, () => b.arrive(shown, endpointOf(a.address)));
  const limited = reasons.filter((reason) => reason === "rate-limited").length;
  assert.equal(limited, 3);
  assert.equal(b.arrive(shown, ATTACKER), "under-load", "a cookie is worth nothing from another address");
});

Deno.test("HandshakeReceiver: a cookie is refused once the secret has changed", () => {
  const world = new World();
  const [a, b] = world.addPair();
  b.engine.reportLoad(world.clock.now);
  a.say("hello", b);
  world.run(100);
  b.engine.reportLoad(world.clock.now);
  world.run(1100);
  const shown = a.sentOfType(1).at(-1)!.bytes;
  b.engine.reportLoad(world.clock.now);
  assert.equal(b.arrive(shown, endpointOf(a.address)), "timestamp-replayed", "the gate lets it pass");
  world.run(119_000);
  b.engine.reportLoad(world.clock.now);
  assert.equal(b.arrive(shown, endpointOf(a.address)), "under-load");
});

Deno.test("HandshakeReceiver: responses are gated under load too, and the next one carries the cookie", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  a.engine.reportLoad(world.clock.now);
  world.run(100);
  assert.equal(a.engine.drops["under-load"], 1);
  assert.equal(a.peer(b).sessionState(world.clock.now.nowMs), "handshaking");
  world.run(4_800);
  world.link.passes = (from) => {
    if (String(from) === b.address) a.engine.reportLoad(world.clock.now);
    return true;
  };
  world.run(1000);
  assert.equal(a.engine.drops["under-load"], 1);
  assert.deepEqual(b.received, ["hello"]);
});

Deno.test("HandshakeReceiver: a cookie hastens one initiation in 5 s, however many cookies come", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = (_from, to, bytes) => {
    // Whoever made the cookies changes the secret all the time: none is ever good.
    if (String(to) === b.address && bytes[0] === 1) b.engine.setPrivateKey(b.privateKey);
    b.engine.reportLoad(world.clock.now);
    return true;
  };
  const startMs = world.clock.now.nowMs;
  a.say("hello", b);
  world.run(20_000);
  const times = a.sentOfType(1).map(({ atMs }) => atMs - startMs);
  assert.ok(times.length >= 6 && times.length <= 8, `${times}`);
  for (let i = 2; i < times.length; i++) assert.ok(times[i]! - times[i - 2]! >= 5000, `${times}`);
});

Deno.test("HandshakeReceiver: cookie replies to nobody, twice, or changed are dropped", () => {
  const world = new World();
  const [a, b] = world.addPair();
  b.engine.reportLoad(world.clock.now);
  world.link.passes = (from) => String(from) === a.address;
  a.say("hello", b);
  world.run(100);
  const reply = b.sentOfType(3)[0]!.bytes;
  const changed = reply.slice();
  changed[40]! ^= 1;
  assert.equal(a.arrive(changed, ATTACKER), "cookie-invalid");
  const misdirected = reply.slice();
  misdirected[4]! ^= 1;
  assert.equal(a.arrive(misdirected, ATTACKER), "unknown-receiver");
  assert.equal(a.arrive(reply, ATTACKER), undefined);
  assert.equal(a.arrive(reply, ATTACKER), "cookie-unexpected");
  assert.equal(String(a.peer(b).endpoint), b.address, "a cookie proves no address");
});

Deno.test("HandshakeReceiver: an initiator in the future is believed, and then nothing older", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.clock.setWall(Date.UTC(2100, 0, 1));
  a.say("hello", b);
  world.run(100);
  world.clock.setWall(Date.UTC(2024, 0, 1));
  world.run(200_000);
  a.say("same process, older clock", b);
  world.run(100);
  assert.equal(b.received.length, 2);
  assert.ok(a.engine.lastTimestamp.toHex() > tai64n(Date.UTC(2099, 0, 1)).toHex());
});

Deno.test("HandshakeReceiver: after our key changed, old messages mean nothing and the peer's new ones work", () => {
  const { world, a, b, initiation, from } = connected();
  const oldKey = b.publicKey;
  b.engine.setPrivateKey(PrivateKey.generate(world.random));
  world.run(100);
  assert.equal(b.arrive(initiation, from), "mac1-invalid");
  a.engine.removePeer(oldKey);
  a.addPeer(b);
  a.say("hello, new key", b);
  world.run(100);
  assert.deepEqual(b.received, ["hello", "hello, new key"]);
  assert.equal(Endpoint.parse(b.address)?.equals(a.peer(b).endpoint), true);
});
