import assert from "node:assert/strict";
import fc from "fast-check";
import { DROP_REASONS } from "../../../core/wireguard/drop_reason.ts";
import { MAC_BYTES } from "../../../core/wireguard/messages.ts";
import { withRightMac1 } from "./forgery.ts";
import { endpointOf, World } from "./world.ts";

const ATTACKER = endpointOf("203.0.113.66:6666");
/** Lengths around every boundary of the four messages. */
const LENGTHS = [
  0,
  1,
  3,
  4,
  5,
  8,
  15,
  16,
  31,
  32,
  33,
  47,
  48,
  63,
  64,
  65,
  91,
  92,
  93,
  147,
  148,
  149,
  1500,
  2048,
  65_507,
];

/** Two nodes with a session; `b` keeps quiet from here on unless it is made to answer. */
function connected() {
  const world = new World();
  const [a, b] = world.addPair();
  a.say("hello", b);
  world.run(100);
  b.say("hello", a);
  world.run(100);
  a.sent.length = 0;
  b.sent.length = 0;
  return { world, a, b };
}

Deno.test("Engine.fromNetwork: nothing is answered to any first byte at any length", () => {
  const { world, b } = connected();
  for (let first = 0; first < 256; first++) {
    for (const length of LENGTHS) {
      for (const fill of ["zero", "random"]) {
        const bytes = new Uint8Array(length);
        if (fill === "random") world.random.fill(bytes);
        if (length > 0) bytes[0] = first;
        bytes.fill(0, 1, 4);
        const reason = b.arrive(bytes, ATTACKER);
        assert.ok(reason !== undefined && DROP_REASONS.includes(reason), `type ${first}, ${length} bytes: ${reason}`);
      }
    }
  }
  assert.deepEqual(b.sent, []);
  assert.equal(String(b.peer(world.nodes[0]!).endpoint), world.nodes[0]!.address);
  b.engine.checkInvariants();
});

Deno.test("Engine.fromNetwork: any bytes are dropped with a reason", () => {
  const { b } = connected();
  const shaped = fc.tuple(
    fc.constantFrom(...LENGTHS.slice(0, -1)),
    fc.integer({ min: 0, max: 5 }),
    fc.uint8Array({ minLength: 40, maxLength: 40 }),
  )
    .map(([length, type, seed]) => {
      const bytes = Uint8Array.from({ length }, (_, i) => seed[i % 40]! ^ i);
      bytes.set(Uint8Array.of(type, 0, 0, 0).subarray(0, length));
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), shaped), (bytes) => {
      assert.ok(DROP_REASONS.includes(b.arrive(bytes, ATTACKER)!));
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(b.sent, []);
});

Deno.test("Engine.fromTun: any bytes are dropped with a reason or taken as a packet", () => {
  const { a, world } = connected();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    const reason = a.sendPacket(bytes);
    assert.ok(reason === undefined || DROP_REASONS.includes(reason));
  }));
  a.engine.checkInvariants();
  world.run(100);
});

Deno.test("Engine.fromNetwork: real messages with any one bit changed, cut or extended do nothing", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = () => false;
  const from = endpointOf(a.address);
  a.say("hello", b);
  const initiation = a.sentOfType(1)[0]!.bytes;

  /** Tries all damaged forms of `message` on `target`, then the message itself. mac2 counts under load only. */
  const damage = (message: Uint8Array, target: typeof a, sender: typeof b) => {
    const sentBefore = target.sent.length;
    const { endpoint } = target.peer(sender);
    const before = String(endpoint);
    for (let bit = 0; bit < (message.length - MAC_BYTES) * 8; bit++) {
      const changed = message.slice();
      changed[bit >>> 3]! ^= 1 << (bit & 7);
      assert.notEqual(target.arrive(changed, ATTACKER), undefined, `bit ${bit} of type ${message[0]}`);
    }
    for (const length of [message.length - 1, message.length - 16, 4]) {
      assert.notEqual(target.arrive(message.subarray(0, length), ATTACKER), undefined);
    }
    const longer = new Uint8Array(message.length + 1);
    longer.set(message);
    assert.notEqual(target.arrive(longer, ATTACKER), undefined);
    assert.equal(target.sent.length, sentBefore);
    assert.equal(String(endpoint), before);
    assert.deepEqual(target.received, []);
    assert.equal(target.arrive(message, endpointOf(sender.address)), undefined, `type ${message[0]} itself`);
    target.engine.checkInvariants();
  };

  damage(initiation, b, a);
  damage(b.sentOfType(2)[0]!.bytes, a, b);
  const packet = a.sentOfType(4)[0]!.bytes;
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const changed = packet.slice();
    changed[bit >>> 3]! ^= 1 << (bit & 7);
    assert.notEqual(b.arrive(changed, from), undefined, `bit ${bit}`);
  }
  assert.equal(b.arrive(packet, from), undefined);
  assert.deepEqual(b.received, ["hello"]);
});

Deno.test("Engine.fromNetwork: changed initiations whose mac1 was made to fit do nothing either", () => {
  const world = new World();
  const [a, b] = world.addPair();
  b.engine.upsertPeer({
    publicKey: a.publicKey,
    alternateEndpoints: [],
    allowedIps: [],
    persistentKeepaliveMs: 0,
  }, world.clock.now);
  world.link.passes = () => false;
  a.say("hello", b);
  const initiation = a.sentOfType(1)[0]!.bytes;
  for (let at = 8; at < 116; at++) {
    const changed = initiation.slice();
    changed[at]! ^= 0x20;
    world.clock.advance(50);
    assert.equal(b.arrive(withRightMac1(changed, b.publicKey), ATTACKER), "handshake-unauthentic", `byte ${at}`);
  }
  assert.deepEqual(b.sent, []);
});

Deno.test("Engine.fromNetwork: a datagram that is said to end outside its buffer is a bug", () => {
  const { world, b } = connected();
  assert.throws(() => b.engine.fromNetwork(new Uint8Array(100), 0, 101, ATTACKER, world.clock.now, b));
  assert.throws(() => b.engine.fromNetwork(new Uint8Array(100), -1, 50, ATTACKER, world.clock.now, b));
});
