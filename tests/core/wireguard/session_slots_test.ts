import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { DEFAULT_LIMITS } from "../../../core/wireguard/limits.ts";
import { Session } from "../../../core/wireguard/session.ts";
import { SessionSlots } from "../../../core/wireguard/session_slots.ts";

function setUp() {
  const freed: number[] = [];
  const slots = new SessionSlots({ free: (index) => void freed.push(index) });
  const session = (localIndex: number) => {
    const [sendKey, receiveKey] = [new Uint8Array(32), new Uint8Array(32)];
    const keys = { isInitiator: true, localIndex, remoteIndex: 0, sendKey, receiveKey };
    return new Session(nobleSuite, keys, DEFAULT_LIMITS, 0);
  };
  const indices = () => [slots.previous, slots.current, slots.next].map((each) => each?.localIndex);
  return { slots, freed, session, indices };
}

Deno.test("SessionSlots.installInitiated: current at once, the one before stays to receive", () => {
  const { slots, freed, session, indices } = setUp();
  slots.installInitiated(session(1), true);
  assert.deepEqual(indices(), [undefined, 1, undefined]);
  slots.installInitiated(session(2), true);
  assert.deepEqual(indices(), [1, 2, undefined]);
  slots.installInitiated(session(3), true);
  assert.deepEqual(indices(), [2, 3, undefined]);
  assert.deepEqual(freed, [1]);
});

Deno.test("SessionSlots.confirm: a responder's session is current with its first packet", () => {
  const { slots, freed, session, indices } = setUp();
  const [first, second] = [session(1), session(2)];
  slots.installResponded(first);
  assert.deepEqual(indices(), [undefined, undefined, 1]);
  assert.ok(slots.confirm(first));
  assert.deepEqual(indices(), [undefined, 1, undefined]);
  assert.equal(slots.confirm(first), false);
  slots.installResponded(second);
  assert.ok(slots.confirm(second));
  assert.deepEqual(indices(), [1, 2, undefined]);
  assert.equal(slots.confirm(first), false, "a late packet on the previous session changes nothing");
  assert.deepEqual(freed, []);
});

Deno.test("SessionSlots.installResponded: a newer unconfirmed session replaces the older, the others stay", () => {
  const { slots, freed, session, indices } = setUp();
  slots.installInitiated(session(1), true);
  slots.installInitiated(session(2), true);
  slots.installResponded(session(3));
  slots.installResponded(session(4));
  assert.deepEqual(indices(), [1, 2, 4]);
  assert.deepEqual(freed, [3]);
});

Deno.test("SessionSlots: when both initiated at once, both settle on the session of the larger key", () => {
  // Session 1 was initiated by the larger key, session 2 by the smaller one.
  const larger = setUp();
  larger.slots.installResponded(larger.session(2));
  larger.slots.installInitiated(larger.session(1), true);
  assert.deepEqual(larger.indices(), [2, 1, undefined]);

  const smaller = setUp();
  const theirs = smaller.session(1);
  smaller.slots.installResponded(theirs);
  smaller.slots.installInitiated(smaller.session(2), false);
  assert.deepEqual(smaller.indices(), [undefined, 2, 1]);
  assert.ok(smaller.slots.confirm(theirs));
  assert.deepEqual(smaller.indices(), [2, 1, undefined]);
});

Deno.test("SessionSlots.clear: every index is given back once", () => {
  const { slots, freed, session, indices } = setUp();
  slots.installInitiated(session(1), true);
  slots.installInitiated(session(2), true);
  slots.installResponded(session(3));
  slots.clear();
  slots.clear();
  assert.deepEqual(indices(), [undefined, undefined, undefined]);
  assert.deepEqual(freed.sort(), [1, 2, 3]);
});

Deno.test("SessionSlots: a session that leaves can no longer be used", () => {
  const { slots, session } = setUp();
  const left = session(1);
  slots.installResponded(left);
  slots.clear();
  assert.throws(() => left.seal(new Uint8Array(48), 16, 16));
});
