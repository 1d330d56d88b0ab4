import assert from "node:assert/strict";
import { PeerTimers } from "../../../core/wireguard/timers.ts";

/** What is due at `nowMs`, in order. */
function dueAt(timers: PeerTimers, nowMs: number): string[] {
  const due: string[] = [];
  for (let kind = timers.takeDue(nowMs); kind !== undefined; kind = timers.takeDue(nowMs)) due.push(kind);
  return due;
}

Deno.test("PeerTimers: nothing is due without a reason", () => {
  assert.equal(new PeerTimers().nextMs(), Infinity);
  assert.deepEqual(dueAt(new PeerTimers(), 1e12), []);
});

Deno.test("PeerTimers: an initiation waits 5 s and its jitter", () => {
  const timers = new PeerTimers();
  timers.handshakeInitiated(1000, 333);
  assert.ok(timers.isHandshakeExpected);
  assert.equal(timers.nextMs(), 6333);
  assert.deepEqual(dueAt(timers, 6332), []);
  assert.deepEqual(dueAt(timers, 6333), ["retransmit-handshake"]);
  assert.equal(timers.isHandshakeExpected, false);
  timers.handshakeInitiated(1000, 0);
  timers.handshakeComplete();
  assert.equal(timers.nextMs(), Infinity);
});

Deno.test("PeerTimers: received data is answered within 10 s of the first, unless something is sent", () => {
  const timers = new PeerTimers();
  timers.dataReceived(1000);
  timers.dataReceived(9000);
  assert.deepEqual(dueAt(timers, 10_999), []);
  assert.deepEqual(dueAt(timers, 11_000), ["send-keepalive"]);
  timers.dataReceived(20_000);
  timers.anySent(25_000);
  assert.equal(timers.nextMs(), Infinity);
  timers.dataReceived(26_000);
  assert.equal(timers.nextMs(), 36_000);
});

Deno.test("PeerTimers: sent data that nothing answers for 15 s and the jitter asks for a handshake", () => {
  const timers = new PeerTimers();
  timers.handshakeInitiated(0, 100);
  timers.handshakeComplete();
  timers.dataSent(1000);
  timers.dataSent(9000);
  assert.deepEqual(dueAt(timers, 16_099), []);
  assert.deepEqual(dueAt(timers, 16_100), ["new-handshake"]);
  timers.dataSent(20_000);
  timers.anyReceived(21_000);
  assert.equal(timers.nextMs(), Infinity);
});

Deno.test("PeerTimers: keys live for 540 s past the last ones derived", () => {
  const timers = new PeerTimers();
  timers.sessionDerived(0);
  timers.sessionDerived(120_000);
  assert.deepEqual(dueAt(timers, 659_999), []);
  assert.deepEqual(dueAt(timers, 660_000), ["zero-keys"]);
});

Deno.test("PeerTimers: a persistent keepalive is due at once, and then so long after any packet", () => {
  const timers = new PeerTimers();
  timers.setPersistentKeepalive(25_000, 1000);
  assert.deepEqual(dueAt(timers, 1000), ["persistent-keepalive"]);
  assert.equal(timers.nextMs(), 26_000);
  timers.anySent(2000);
  assert.equal(timers.nextMs(), 27_000);
  timers.anyReceived(3000);
  assert.equal(timers.nextMs(), 28_000);
  assert.deepEqual(dueAt(timers, 28_000), ["persistent-keepalive"]);
  assert.deepEqual(dueAt(timers, 28_000 + 25_000), ["persistent-keepalive"]);
  timers.setPersistentKeepalive(0, 60_000);
  timers.anySent(61_000);
  assert.equal(timers.nextMs(), Infinity);
});

Deno.test("PeerTimers.handshakeWanted: brings an initiation forward and never puts it off", () => {
  const timers = new PeerTimers();
  timers.handshakeWanted(500);
  timers.handshakeWanted(900);
  assert.equal(timers.nextMs(), 500);
  timers.handshakeInitiated(500, 0);
  timers.handshakeWanted(1500);
  assert.equal(timers.nextMs(), 1500);
});

Deno.test("PeerTimers.handshakeGivenUp, reset: only what does not depend on keys goes on", () => {
  const timers = new PeerTimers();
  timers.setPersistentKeepalive(25_000, 0);
  timers.dataSent(0);
  timers.dataReceived(0);
  timers.sessionDerived(0);
  timers.handshakeInitiated(0, 0);
  timers.handshakeGivenUp();
  assert.deepEqual(dueAt(timers, 20_000), ["persistent-keepalive"]);
  timers.reset();
  assert.deepEqual(dueAt(timers, 600_000), ["persistent-keepalive"]);
  timers.setPersistentKeepalive(0, 0);
  timers.reset();
  assert.equal(timers.nextMs(), Infinity);
});

Deno.test("PeerTimers.takeDue: after a long sleep keys are wiped before anything is sent", () => {
  const timers = new PeerTimers();
  timers.setPersistentKeepalive(25_000, 0);
  timers.sessionDerived(0);
  timers.dataReceived(0);
  timers.dataSent(0);
  assert.equal(dueAt(timers, 3_600_000)[0], "zero-keys");
});
