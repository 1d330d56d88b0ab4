import assert from "node:assert/strict";
import { noHandshakes } from "../../../core/wireguard/handshake_counts.ts";
import { World } from "./world.ts";

Deno.test("HandshakeCounts: a handshake is counted on both sides, when it gave a session", () => {
  const world = new World();
  const [a, b] = world.addPair();
  assert.deepEqual(a.engine.handshakeCounts, noHandshakes());
  a.say("hello", b);
  world.run(100);
  assert.deepEqual(a.engine.handshakeCounts, { ...noHandshakes(), initiationsSent: 1, completedAsInitiator: 1 });
  assert.deepEqual(b.engine.handshakeCounts, { ...noHandshakes(), responsesSent: 1, completedAsResponder: 1 });
});

Deno.test("HandshakeCounts: a response that is lost completes nothing; silence is given up once", () => {
  const world = new World();
  const [a, b] = world.addPair();
  world.link.passes = (from) => String(from) === a.address;
  a.say("hello?", b);
  world.run(300_000);
  const { initiationsSent, givenUp, completedAsInitiator } = a.engine.handshakeCounts;
  assert.equal(initiationsSent, a.sentOfType(1).length);
  assert.deepEqual([givenUp, completedAsInitiator], [1, 0]);
  const { responsesSent, completedAsResponder } = b.engine.handshakeCounts;
  assert.deepEqual([responsesSent, completedAsResponder], [b.sentOfType(2).length, 0]);
});

Deno.test("HandshakeCounts: cookies are counted by who sends and who gets them, and load is seen", () => {
  const world = new World();
  const [a, b] = world.addPair();
  assert.equal(b.engine.isUnderLoad(world.clock.now.nowMs), false);
  b.engine.reportLoad(world.clock.now);
  assert.equal(b.engine.isUnderLoad(world.clock.now.nowMs), true);
  a.say("hello", b);
  world.run(100);
  assert.equal(b.engine.handshakeCounts.cookiesSent, 1);
  assert.equal(a.engine.handshakeCounts.cookiesReceived, 1);
  world.run(10_000);
  assert.deepEqual(b.received, ["hello"]);
  assert.equal(b.engine.isUnderLoad(world.clock.now.nowMs), false);
});
