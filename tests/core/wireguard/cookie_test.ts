import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { COOKIE_LIFE_MS } from "../../../core/wireguard/constants.ts";
import { CookieChecker, MacWriter } from "../../../core/wireguard/cookie.ts";
import { COOKIE_REPLY, INITIATION, RESPONSE, writeIndex } from "../../../core/wireguard/messages.ts";
import vector from "../../vectors/wireguard_handshake.json" with { type: "json" };
import { SeededRandom } from "../../twins/seeded_random.ts";
import { keyPair, ScriptedRandom } from "./parties.ts";

const HERE = Endpoint.parse("192.0.2.1:51820")!;
const OTHER_PORT = Endpoint.parse("192.0.2.1:51821")!;
const OTHER_ADDRESS = Endpoint.parse("192.0.2.2:51820")!;

/** A message with random insides, and both ends of its MACs. */
function setUp(messageBytes: number = INITIATION.bytes) {
  const random = new SeededRandom(1);
  const responder = keyPair(random);
  const message = new Uint8Array(messageBytes);
  random.fill(message);
  return {
    message,
    reply: new Uint8Array(COOKIE_REPLY.bytes),
    writer: new MacWriter(nobleSuite, responder.publicKey),
    checker: new CookieChecker(nobleSuite, random, responder.publicKey),
  };
}

Deno.test("CookieChecker.hasValidMac1: any changed byte in front of mac2 is noticed", () => {
  for (const bytes of [INITIATION.bytes, RESPONSE.bytes]) {
    const { message, writer, checker } = setUp(bytes);
    writer.write(message, 0);
    assert.ok(checker.hasValidMac1(message));
    for (let at = 0; at < bytes - 16; at++) {
      const changed = message.slice();
      changed[at]! ^= 1;
      assert.equal(checker.hasValidMac1(changed), false, `byte ${at}`);
    }
  }
});

Deno.test("MacWriter.write: without a cookie mac2 is zero, and that is not valid", () => {
  const { message, writer, checker } = setUp();
  writer.write(message, 0);
  assert.deepEqual(message.subarray(INITIATION.mac2), new Uint8Array(16));
  assert.equal(checker.hasValidMac2(message, HERE, 0), false);
});

Deno.test("cookies: a reply lets the next message prove its address, that one only", () => {
  const { message, reply, writer, checker } = setUp();
  writer.write(message, 0);
  checker.writeReply(message, HERE, 0, reply);
  assert.equal(writer.readReply(reply, 10), undefined);
  writer.write(message, 20);
  assert.ok(checker.hasValidMac1(message));
  assert.ok(checker.hasValidMac2(message, HERE, 20));
  assert.equal(checker.hasValidMac2(message, OTHER_PORT, 20), false);
  assert.equal(checker.hasValidMac2(message, OTHER_ADDRESS, 20), false);
  message[50]! ^= 1;
  assert.equal(checker.hasValidMac2(message, HERE, 20), false);
});

Deno.test("cookies: the secret changes after 120 s and a cookie is used for 120 s", () => {
  const { message, reply, writer, checker } = setUp();
  writer.write(message, 0);
  checker.writeReply(message, HERE, 0, reply);
  writer.readReply(reply, 0);
  writer.write(message, COOKIE_LIFE_MS - 1);
  assert.ok(checker.hasValidMac2(message, HERE, COOKIE_LIFE_MS - 1));
  assert.equal(checker.hasValidMac2(message, HERE, COOKIE_LIFE_MS), false);
  writer.write(message, COOKIE_LIFE_MS);
  assert.deepEqual(message.subarray(INITIATION.mac2), new Uint8Array(16));
});

Deno.test("MacWriter.readReply: once per message, only to the last one, and only unchanged", () => {
  const { message, reply, writer, checker } = setUp();
  assert.equal(writer.readReply(reply, 0), "cookie-unexpected");
  writer.write(message, 0);
  checker.writeReply(message, HERE, 0, reply);
  for (let at: number = COOKIE_REPLY.nonce; at < COOKIE_REPLY.bytes; at++) {
    const changed = reply.slice();
    changed[at]! ^= 1;
    assert.equal(writer.readReply(changed, 0), "cookie-invalid", `byte ${at}`);
  }
  assert.equal(writer.readReply(reply, 0), undefined);
  assert.equal(writer.readReply(reply, 0), "cookie-unexpected");

  writer.write(message, 0);
  const stale = reply.slice();
  writeIndex(message, 4, 1234);
  writer.write(message, 0);
  assert.equal(writer.readReply(stale, 0), "cookie-invalid");
});

Deno.test("CookieChecker.writeReply: replies name the sender and never repeat a nonce", () => {
  const { message, reply, checker } = setUp();
  checker.writeReply(message, HERE, 0, reply);
  const first = reply.slice();
  checker.writeReply(message, HERE, 0, reply);
  assert.deepEqual(reply.subarray(0, 8), Uint8Array.of(3, 0, 0, 0, ...message.subarray(4, 8)));
  assert.notDeepEqual(reply.subarray(8, 32), first.subarray(8, 32));
});

Deno.test("cookies: disposing forgets them", () => {
  const { message, reply, writer, checker } = setUp();
  writer.write(message, 0);
  checker.writeReply(message, HERE, 0, reply);
  writer.readReply(reply, 0);
  writer[Symbol.dispose]();
  writer.write(message, 1);
  assert.deepEqual(message.subarray(INITIATION.mac2), new Uint8Array(16));
  writer.write(message, 1);
  checker.writeReply(message, HERE, 1, reply);
  writer.readReply(reply, 1);
  writer.write(message, 2);
  assert.ok(checker.hasValidMac2(message, HERE, 2));
  checker[Symbol.dispose]();
  assert.equal(checker.hasValidMac2(message, HERE, 2), false);
});

Deno.test("cookie vector: reply and mac2 are what the page of the paper gives", () => {
  const { input, output } = vector;
  const responder = nobleSuite.x25519.publicKey(Uint8Array.fromHex(input.responderPrivate));
  const random = new ScriptedRandom(0, Uint8Array.fromHex(input.cookieSecret), Uint8Array.fromHex(input.cookieNonce));
  const checker = new CookieChecker(nobleSuite, random, responder);
  const writer = new MacWriter(nobleSuite, responder);
  const from = Endpoint.parse("192.0.2.1:51820")!;
  assert.equal(from.bytes.toHex(), input.initiatorAddress);

  const message = Uint8Array.fromHex(output.initiation);
  const reply = new Uint8Array(COOKIE_REPLY.bytes);
  checker.writeReply(message, from, 0, reply);
  assert.equal(reply.toHex(), output.cookieReply);
  writer.write(message, 0);
  assert.equal(message.toHex(), output.initiation);
  assert.equal(writer.readReply(reply, 0), undefined);
  writer.write(message, 0);
  assert.equal(message.subarray(INITIATION.mac2).toHex(), output.mac2);
});
