import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../../core/crypto/suite.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import type { Endpoint } from "../../../core/ip/endpoint.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";
import { REKEY_TIMEOUT_MS } from "../../../core/wireguard/constants.ts";
import type { Peer } from "../../../core/wireguard/peer.ts";
import { paddedLength } from "../../../core/wireguard/sender.ts";
import { LOW_ORDER_KEYS } from "./parties.ts";
import { endpointOf, ipv4Packet, prefixOf, World } from "./world.ts";

const INITIATION = 1;
const TRANSPORT = 4;

Deno.test("paddedLength: up to sixteen, never beyond the MTU, longer packets as they are", () => {
  for (
    const [length, mtu, expected] of [
      [0, 1420, 0],
      [1, 1420, 16],
      [16, 1420, 16],
      [17, 1420, 32],
      [1408, 1420, 1408],
      [1409, 1420, 1420],
      [1420, 1420, 1420],
      [1421, 1420, 1421],
      [5, 10, 10],
    ] as const
  ) assert.equal(paddedLength(length, mtu), expected, `${length} of ${mtu}`);
});

Deno.test("Sender: packets are padded on the wire and delivered without padding", () => {
  const world = new World();
  const [a, b] = world.addPair();
  for (const length of [20, 21, 36, 1400, 1409, 1419, 1420]) {
    const packet = ipv4Packet(a.ip, b.ip, new Uint8Array(length - 20).fill(7));
    a.sendPacket(packet);
    world.run(50);
    assert.equal(a.sentOfType(TRANSPORT).at(-1)!.bytes.length, 32 + paddedLength(length, 1420), `${length}`);
    assert.deepEqual(b.packets.at(-1)!.bytes, packet);
  }
});

Deno.test("Sender: padding does not go beyond what the path to the peer carries", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.peer(b).path.packetBytesMax = 1350;
  for (const [length, expected] of [[1340, 1344], [1345, 1350], [1350, 1350], [1400, 1400]] as const) {
    a.sendPacket(ipv4Packet(a.ip, b.ip, new Uint8Array(length - 20)));
    world.run(50);
    assert.equal(a.sentOfType(TRANSPORT).at(-1)!.bytes.length, 32 + expected, `${length}`);
  }
});

Deno.test("Engine.setMtu: padding follows", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.engine.setMtu(1282);
  a.sendPacket(ipv4Packet(a.ip, b.ip, new Uint8Array(1281 - 20)));
  world.run(50);
  assert.equal(a.sentOfType(TRANSPORT).at(-1)!.bytes.length, 32 + 1282);
});

Deno.test("EngineSink.admit: sees a packet with its peer before it is sealed, may change it, and may refuse it", () => {
  const world = new World();
  const [a, b] = world.addPair();
  const seen: string[] = [];
  Object.assign(a, {
    admit(buffer: Uint8Array, offset: number, length: number, peer: Peer): boolean {
      seen.push(`${length} ${peer.publicKey.equals(b.publicKey)}`);
      if (buffer[offset + 20] === 0x6e) return false;
      buffer[offset + 20] = 0x59;
      return true;
    },
  });
  assert.equal(a.say("yes", b), undefined);
  assert.equal(a.say("no", b), "too-big-for-path");
  world.run(50);
  assert.equal(a.say("yes", b), undefined);
  world.run(50);
  assert.deepEqual(b.received, ["Yes", "Yes"]);
  assert.deepEqual(seen, ["23 true", "22 true", "23 true"]);
  assert.equal(a.engine.drops["too-big-for-path"], 1);
});

/** A datagram's sender that reached this host at one of its addresses. */
function arrivedAt(from: string, local: string): Endpoint {
  const endpoint = endpointOf(from);
  endpoint.local.set(IpAddress.parse(local)!.toBytes());
  return endpoint;
}

Deno.test("Sender: answers leave from the address that was asked, until the host moves or nothing comes back", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = () => false;
  const localOf = () => b.peer(a).endpoint.local.subarray(0, 4).join(".");
  a.say("hello", b);
  b.arrive(a.sentOfType(INITIATION)[0]!.bytes, arrivedAt(a.address, "198.51.100.1"));
  assert.equal(localOf(), "198.51.100.1");
  a.arrive(b.sentOfType(2)[0]!.bytes, endpointOf(b.address));
  const changeCount = b.peer(a).endpointChangeCount;
  b.arrive(a.sentOfType(TRANSPORT)[0]!.bytes, arrivedAt(a.address, "198.51.100.2"));
  assert.equal(localOf(), "198.51.100.2", "the latest counts");
  assert.equal(b.peer(a).endpointChangeCount, changeCount, "the peer is where it was");
  b.engine.underlayChanged(false, world.clock.now, b);
  assert.equal(localOf(), "198.51.100.2");
  b.engine.underlayChanged(true, world.clock.now, b);
  assert.equal(localOf(), "0.0.0.0");

  b.peer(a).endpoint.local.fill(9);
  b.say("anybody there?", a);
  world.run(14_000);
  assert.equal(localOf(), "9.9.9.9");
  world.run(2_000);
  assert.equal(localOf(), "0.0.0.0", "after 15 s of silence");
});

Deno.test("Engine.underlayChanged: peers with a session learn the new address from one packet", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  a.moveTo("192.0.2.77:7");
  a.sent.length = 0;
  a.engine.underlayChanged(false, world.clock.now, a);
  world.run(100);
  assert.deepEqual(a.sent.map(({ bytes }) => [bytes[0], bytes.length]), [[TRANSPORT, 32]]);
  assert.equal(String(b.peer(a).endpoint), "192.0.2.77:7");
});

Deno.test("Engine.underlayChanged: a peer without session or attempt hears nothing", () => {
  const world = new World();
  const [a] = world.addPair();
  a.engine.underlayChanged(false, world.clock.now, a);
  world.run(10_000);
  assert.deepEqual(a.sent, []);
});

Deno.test("Engine.underlayChanged: an initiation without answer goes again soon, once per Rekey-Timeout", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = () => false;
  a.say("hello", b);
  world.run(400);
  world.link.passes = () => true;
  for (let i = 0; i < 10; i++) a.engine.underlayChanged(false, world.clock.now, a);
  assert.ok(world.runUntil(() => b.received.length > 0, 2_000) <= 700, "a second after the first initiation");
  assert.equal(a.sentOfType(INITIATION).length, 2);
});

Deno.test("Sender: padding is zeros, whatever the buffer held", () => {
  const world = new World();
  const suite: CryptoSuite = {
    ...nobleSuite,
    aeadKey: () => ({ seal() {}, open: () => true, [Symbol.dispose]() {} }),
  };
  const [a, b] = [world.addNode({ suite }), world.addNode({ suite })];
  a.addPeer(b);
  b.addPeer(a);
  const packet = ipv4Packet(a.ip, b.ip, new Uint8Array(5).fill(7));
  for (const how of ["queued", "at once"]) {
    a.sendPacket(packet);
    world.run(100);
    const { bytes } = a.sentOfType(TRANSPORT).at(-1)!;
    assert.deepEqual(bytes.subarray(16, 16 + 32), Uint8Array.from([...packet, ...new Uint8Array(7)]), how);
  }
});

Deno.test("Sender: a wrong new endpoint under a living session is left after 15 s without an answer", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(20_000);
  a.addPeer(b, { endpoint: "198.51.100.1:1", alternateEndpoints: [b.address] });
  a.say("lost", b);
  world.run(15_400);
  a.say("found", b);
  world.run(100);
  assert.equal(b.received.at(-1), "found");
});

Deno.test("Sender: without an address of the peer packets are dropped and nothing starts", () => {
  const world = new World();
  const [a, b] = [world.addNode(), world.addNode()];
  a.addPeer(b, { endpoint: null });
  assert.equal(a.say("hello", b), "no-endpoint");
  world.run(10_000);
  assert.deepEqual(a.sent, []);
});

Deno.test("Sender: a packet past the queue's limit pushes the oldest out, counted", () => {
  const world = new World();
  const [a, b] = [world.addNode({ limits: { queuedPacketsPerPeerMax: 3 } }), world.addNode()];
  a.addPeer(b);
  b.addPeer(a);
  for (const text of ["1", "2", "3", "4", "5"]) assert.equal(a.say(text, b), undefined);
  assert.equal(a.engine.drops["send-queue-full"], 2);
  assert.equal(a.sentOfType(INITIATION).length, 1);
  world.run(100);
  assert.deepEqual(b.received, ["3", "4", "5"]);
});

Deno.test("Sender: all queues together are bounded", () => {
  const world = new World();
  const hub = world.addNode({ limits: { queuedPacketsMax: 10 } });
  const others = Array.from({ length: 20 }, () => world.addNode());
  for (const other of others) {
    hub.addPeer(other);
    hub.say("hello", other);
  }
  hub.engine.checkInvariants();
  assert.equal(hub.engine.drops["send-queue-full"], 10);
});

Deno.test("Sender: the initiator renews a session of 120 s when it sends, the responder does not", () => {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("first", b);
  world.run(100);
  const count = () => [a.sentOfType(INITIATION).length, b.sentOfType(INITIATION).length];
  world.run(119_500);
  a.say("still fresh", b);
  world.run(100);
  assert.deepEqual(count(), [1, 0]);
  world.run(500);
  b.say("responders do not", a);
  world.run(100);
  assert.deepEqual(count(), [1, 0]);
  a.say("initiators do", b);
  world.run(100);
  assert.deepEqual(count(), [2, 0]);
  assert.deepEqual(b.received, ["first", "still fresh", "initiators do"]);
});

Deno.test("Sender: from 180 s on packets wait for a new session, whoever sends", () => {
  for (const sender of ["initiator", "responder"]) {
    const world = new World();
    const [a, b] = world.addPair();
    a.say("first", b);
    world.run(180_100);
    const [from, to] = sender === "initiator" ? [a, b] : [b, a];
    const sentBefore = from.sentOfType(TRANSPORT).length;
    from.say("later", to);
    assert.equal(from.sentOfType(TRANSPORT).length, sentBefore);
    assert.equal(from.sentOfType(INITIATION).length, sender === "initiator" ? 2 : 1);
    world.run(100);
    assert.equal(to.received.at(-1), "later");
  }
});

Deno.test("Sender: a session used up is renewed by either side, and not used past its end", () => {
  const world = new World();
  const limits = { rekeyAfterCount: 10, rejectAfterCount: 12 };
  const [a, b] = [world.addNode(), world.addNode({ limits })];
  a.addPeer(b);
  b.addPeer(a);
  a.say("hello", b);
  world.run(6_000);
  for (let i = 0; i < 9; i++) b.say(`${i}`, a);
  assert.equal(b.sentOfType(INITIATION).length, 0);
  b.say("ten", a);
  assert.equal(b.sentOfType(INITIATION).length, 1);
  for (const text of ["eleven", "twelve", "waits"]) b.say(text, a);
  world.run(100);
  assert.deepEqual(a.received.slice(9), ["ten", "eleven", "twelve", "waits"]);
  assert.ok(b.sentOfType(TRANSPORT).every(({ bytes }) => bytes[8]! < 12));
});

Deno.test("Sender: an unanswered initiation is repeated every 5 s and some jitter, for 90 s", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = () => false;
  const startMs = world.clock.now.nowMs;
  a.say("hello?", b);
  world.run(300_000);
  const times = a.sentOfType(INITIATION).map(({ atMs }) => atMs - startMs);
  for (let i = 1; i < times.length; i++) {
    const waitedMs = times[i]! - times[i - 1]!;
    assert.ok(waitedMs >= 5000 && waitedMs <= 5333, `${waitedMs}`);
  }
  assert.ok(times.at(-1)! <= 90_000 && times.at(-1)! > 80_000, `last at ${times.at(-1)}`);
  assert.equal(new Set(times.map((time) => time % 5000)).size, times.length, "jitter differs");
  assert.equal(a.engine.drops["handshake-gave-up"], 1);
  assert.equal(a.peer(b).sessionState(world.clock.now.nowMs), "none");
  assert.equal(a.engine.nextDeadlineMs(), Infinity);
});

Deno.test("Sender: after giving up a new packet starts anew", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = () => false;
  a.say("hello?", b);
  world.run(120_000);
  world.link.passes = () => true;
  a.say("hello!", b);
  world.run(100);
  assert.deepEqual(b.received, ["hello!"]);
});

Deno.test("Sender: packets do not make initiations more frequent than one in 5 s", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = () => false;
  for (let i = 0; i < 200; i++) {
    a.say("hello?", b);
    world.run(100);
  }
  const times = a.sentOfType(INITIATION).map(({ atMs }) => atMs);
  assert.ok(times.length >= 4);
  for (let i = 1; i < times.length; i++) assert.ok(times[i]! - times[i - 1]! >= REKEY_TIMEOUT_MS);
});

Deno.test("Sender: a packet that has to wait for Rekey-Timeout is not forgotten", () => {
  const world = new World();
  const [a, b] = world.addPair();
  // b answers a's initiation, and the answer and all further initiations of a are lost.
  world.link.passes = (from) => String(from) === a.address && a.sent.length < 2;
  a.say("lost", b);
  world.run(100);
  world.link.passes = (from) => String(from) === b.address || b.sentOfType(INITIATION).length > 0;
  b.say("waits", a);
  assert.equal(b.sentOfType(INITIATION).length, 0);
  world.runUntil(() => a.received.includes("waits"), 6_000);
});

Deno.test("Sender: alternate endpoints are tried in turn until the peer answers from one", () => {
  const world = new World();
  const [a, b] = [world.addNode(), world.addNode()];
  const candidates = ["198.51.100.1:1", "198.51.100.2:1", b.address];
  a.addPeer(b, { endpoint: candidates[0]!, alternateEndpoints: candidates.slice(1) });
  b.addPeer(a, { endpoint: null });
  a.say("hello", b);
  const tookMs = world.runUntil(() => b.received.length > 0, 12_000);
  assert.ok(tookMs > 10_000);
  assert.deepEqual(a.sentOfType(INITIATION).map(({ to }) => to), candidates);
  assert.equal(String(a.peer(b).endpoint), b.address);

  world.link.passes = () => false;
  a.say("hello?", b);
  world.run(60_000);
  assert.ok(a.sent.slice(4).every(({ to }) => to === b.address), "a proved endpoint stays");
});

Deno.test("Sender: packets that keep coming do not keep alternates from their turn, nor retries from their jitter", () => {
  const world = new World();
  const [a, b] = [world.addNode(), world.addNode()];
  const candidates = ["198.51.100.1:1", "198.51.100.2:1", b.address];
  a.addPeer(b, { endpoint: candidates[0]!, alternateEndpoints: candidates.slice(1) });
  b.addPeer(a, { endpoint: null });
  for (let i = 0; i < 120 && b.received.length === 0; i++) {
    a.say(`${i}`, b);
    world.run(100);
  }
  const initiations = a.sentOfType(INITIATION);
  assert.deepEqual(initiations.map(({ to }) => to), candidates);
  assert.ok(initiations.every(({ atMs }, i) => i === 0 || atMs % 100 !== initiations[0]!.atMs % 100));
  assert.ok(b.received.length > 0);
});

Deno.test("Sender: no initiation goes to a key of low order", () => {
  for (const text of LOW_ORDER_KEYS) {
    const world = new World();
    const a = world.addNode();
    const peer = a.engine.upsertPeer({
      publicKey: PublicKey.of(Uint8Array.fromHex(text)),
      endpoint: endpointOf("192.0.2.9:1"),
      alternateEndpoints: [],
      allowedIps: [prefixOf("10.0.0.9/32")],
      persistentKeepaliveMs: 0,
    }, world.clock.now);
    a.sendPacket(ipv4Packet(a.ip, "10.0.0.9", new Uint8Array(4)));
    world.run(1000);
    assert.deepEqual(a.sent, []);
    assert.equal(a.engine.drops["low-order-key"], 1);
    assert.equal(peer.sessionState(world.clock.now.nowMs), "none");
  }
});

Deno.test("Sender: the table never runs out of indices for as many peers as there may be", () => {
  const world = new World();
  const [a, b] = [world.addNode({ limits: { peersMax: 1 } }), world.addNode()];
  a.addPeer(b);
  b.addPeer(a);
  for (let i = 0; i < 10; i++) {
    a.say(`${i}`, b);
    world.run(100);
    world.run(185_000);
  }
  assert.equal(b.received.length, 10);
  assert.equal(a.engine.drops["index-table-full"], 0);
});
