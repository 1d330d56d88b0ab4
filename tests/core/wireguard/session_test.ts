import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { AeadKey, CryptoSuite } from "../../../core/crypto/suite.ts";
import { REJECT_AFTER_COUNT, REJECT_AFTER_TIME_MS } from "../../../core/wireguard/constants.ts";
import { DEFAULT_LIMITS } from "../../../core/wireguard/limits.ts";
import { TRANSPORT, writeCounter } from "../../../core/wireguard/messages.ts";
import { Session } from "../../../core/wireguard/session.ts";

const TEXT = new TextEncoder().encode("sixteen bytes ok");

function keys(sendByte: number, receiveByte: number) {
  return {
    isInitiator: true,
    localIndex: 0x11,
    remoteIndex: 0x22334455,
    sendKey: new Uint8Array(32).fill(sendByte),
    receiveKey: new Uint8Array(32).fill(receiveByte),
  };
}

function pair(limits = DEFAULT_LIMITS): [Session, Session] {
  return [new Session(nobleSuite, keys(1, 2), limits, 0), new Session(nobleSuite, keys(2, 1), limits, 0)];
}

/** A sealed message: header, text and tag from the first byte on. */
function sealed(session: Session): Uint8Array {
  const buffer = new Uint8Array(TRANSPORT.packet + TEXT.length + 16);
  buffer.set(TEXT, TRANSPORT.packet);
  session.seal(buffer, TRANSPORT.packet, TEXT.length);
  return buffer;
}

Deno.test("Session.seal: header in front, counters from zero, text encrypted in place", () => {
  const [a, b] = pair();
  for (let counter = 0; counter < 3; counter++) {
    const message = sealed(a);
    assert.equal(
      message.subarray(0, 16).toHex(),
      `0400000055443322${counter.toString().padStart(2, "0")}00000000000000`,
    );
    assert.notDeepEqual(message.subarray(16, 32), TEXT);
    assert.equal(b.open(message, 0, message.length), undefined);
    assert.deepEqual(message.subarray(16, 32), TEXT);
  }
});

Deno.test("Session.open: refuses replays, wrong tags and changed counters, and a forgery does not move the window", () => {
  const [a, b] = pair();
  const message = sealed(a);
  const copy = message.slice();
  for (const at of [8, 9, 13, 16, 31, 32, 47]) {
    const forged = message.slice();
    forged[at]! ^= 1;
    assert.equal(b.open(forged, 0, forged.length), "packet-unauthentic", `byte ${at}`);
  }
  assert.equal(b.open(message, 0, message.length), undefined);
  assert.equal(b.open(copy, 0, copy.length), "counter-replayed");
});

Deno.test("Session.open: refuses counters at and past the end, whatever the tag", () => {
  const [a, b] = pair();
  const message = sealed(a);
  for (const counter of [REJECT_AFTER_COUNT, 2 ** 53 - 1]) {
    writeCounter(message, TRANSPORT.counter, counter);
    assert.equal(b.open(message, 0, message.length), "counter-too-large");
  }
  for (const counter of [2n ** 53n, 2n ** 60n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    new DataView(message.buffer).setBigUint64(TRANSPORT.counter, counter, true);
    assert.equal(b.open(message, 0, message.length), "counter-too-large", String(counter));
  }
  writeCounter(message, TRANSPORT.counter, REJECT_AFTER_COUNT - 1);
  assert.equal(b.open(message, 0, message.length), "packet-unauthentic");
});

Deno.test("Session.maySend: until Reject-After-Time and Reject-After-Messages", () => {
  const [a] = pair({ ...DEFAULT_LIMITS, rejectAfterCount: 2 });
  assert.ok(a.maySend(REJECT_AFTER_TIME_MS - 1));
  assert.equal(a.maySend(REJECT_AFTER_TIME_MS), false);
  assert.equal(a.isExpired(REJECT_AFTER_TIME_MS - 1), false);
  assert.ok(a.isExpired(REJECT_AFTER_TIME_MS));
  sealed(a);
  sealed(a);
  assert.equal(a.maySend(0), false);
  assert.throws(() => sealed(a));
});

Deno.test("Session: takes its keys and wipes them, and disposes of what it made of them", () => {
  let disposedCount = 0;
  const suite: CryptoSuite = {
    ...nobleSuite,
    aeadKey: (): AeadKey => ({ seal() {}, open: () => true, [Symbol.dispose]: () => void disposedCount++ }),
  };
  const given = keys(1, 2);
  const session = new Session(suite, given, DEFAULT_LIMITS, 0);
  assert.deepEqual([given.sendKey, given.receiveKey], [new Uint8Array(32), new Uint8Array(32)]);
  session[Symbol.dispose]();
  assert.equal(disposedCount, 2);
});
