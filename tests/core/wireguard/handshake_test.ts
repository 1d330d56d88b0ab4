import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { DropReason } from "../../../core/wireguard/drop_reason.ts";
import {
  endHandshake,
  finish,
  initiate,
  NO_HANDSHAKE,
  openInitiation,
  proveInitiator,
  respond,
  type SessionKeys,
} from "../../../core/wireguard/handshake.ts";
import { INITIATION, RESPONSE } from "../../../core/wireguard/messages.ts";
import type { KeyPair } from "../../../core/wireguard/noise.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { keyPair, LOW_ORDER_KEYS, partyOf } from "./parties.ts";

const TIMESTAMP = new Uint8Array(12).fill(3);

function assertKeys(keys: SessionKeys | DropReason): asserts keys is SessionKeys {
  assert.notEqual(typeof keys, "string", `refused: ${keys}`);
}

function exchange(initiator: KeyPair, responder: KeyPair, seed: number) {
  const random = new SeededRandom(seed);
  const initiation = new Uint8Array(INITIATION.bytes);
  const response = new Uint8Array(RESPONSE.bytes);
  const toResponder = partyOf(initiator, responder);
  const toInitiator = partyOf(responder, initiator);
  const handshake = initiate(nobleSuite, random, initiator, toResponder, 11, TIMESTAMP, initiation);
  assert.ok(handshake);
  const opened = openInitiation(nobleSuite, responder, initiation);
  assert.ok(typeof opened !== "string");
  assert.deepEqual(proveInitiator(opened, toInitiator, initiation), TIMESTAMP);
  const theirs = respond(nobleSuite, random, opened, toInitiator, 22, initiation, response);
  assertKeys(theirs);
  return { handshake, initiation, response, theirs, toResponder };
}

Deno.test("handshake: both sides agree on crossed keys and each other's index", () => {
  const random = new SeededRandom(1);
  const [initiator, responder] = [keyPair(random), keyPair(random)];
  const { handshake, response, theirs, toResponder } = exchange(initiator, responder, 2);
  const ours = finish(initiator, handshake, toResponder, response);
  assertKeys(ours);
  assert.deepEqual([ours.sendKey, ours.receiveKey], [theirs.receiveKey, theirs.sendKey]);
  assert.deepEqual([ours.localIndex, ours.remoteIndex], [11, 22]);
  assert.deepEqual([theirs.localIndex, theirs.remoteIndex], [22, 11]);
  assert.deepEqual([ours.isInitiator, theirs.isInitiator], [true, false]);
});

Deno.test("handshake: every run has new keys", () => {
  const random = new SeededRandom(1);
  const [initiator, responder] = [keyPair(random), keyPair(random)];
  const first = exchange(initiator, responder, 2).theirs;
  const second = exchange(initiator, responder, 3).theirs;
  assert.notDeepEqual(first.sendKey, second.sendKey);
});

Deno.test("finish: a forged response leaves the handshake able to take the right one", () => {
  const random = new SeededRandom(1);
  const [initiator, responder] = [keyPair(random), keyPair(random)];
  const { handshake, response, toResponder } = exchange(initiator, responder, 2);
  for (let at: number = RESPONSE.ephemeral; at < RESPONSE.mac1; at++) {
    const forged = response.slice();
    forged[at]! ^= 1;
    assert.equal(finish(initiator, handshake, toResponder, forged), "handshake-unauthentic", `byte ${at}`);
  }
  assertKeys(finish(initiator, handshake, toResponder, response));
});

Deno.test("proveInitiator: knowing a public key is not having it", () => {
  const random = new SeededRandom(1);
  const [victim, responder, thief] = [keyPair(random), keyPair(random), keyPair(random)];
  const initiation = new Uint8Array(INITIATION.bytes);
  const claim = { privateKey: thief.privateKey, publicKey: victim.publicKey };
  initiate(nobleSuite, random, claim, partyOf(thief, responder), 1, TIMESTAMP, initiation);
  const opened = openInitiation(nobleSuite, responder, initiation);
  assert.ok(typeof opened !== "string");
  assert.deepEqual(opened.claimedKey, victim.publicKey);
  assert.equal(proveInitiator(opened, partyOf(responder, victim), initiation), "handshake-unauthentic");
});

Deno.test("initiate, openInitiation, respond: keys of low order are refused", () => {
  const random = new SeededRandom(1);
  const [own, other] = [keyPair(random), keyPair(random)];
  for (const text of LOW_ORDER_KEYS) {
    const publicKey = Uint8Array.fromHex(text);
    const remote = { publicKey, staticSecret: new Uint8Array(32), presharedKey: new Uint8Array(32) };
    assert.equal(initiate(nobleSuite, random, own, remote, 1, TIMESTAMP, new Uint8Array(148)), undefined);

    const initiation = new Uint8Array(INITIATION.bytes);
    initiate(nobleSuite, random, own, partyOf(own, other), 1, TIMESTAMP, initiation);
    const opened = openInitiation(nobleSuite, other, initiation);
    assert.ok(typeof opened !== "string");
    proveInitiator(opened, partyOf(other, own), initiation);
    assert.equal(respond(nobleSuite, random, opened, remote, 2, initiation, new Uint8Array(92)), "low-order-key");

    initiation.set(publicKey, INITIATION.ephemeral);
    assert.equal(openInitiation(nobleSuite, other, initiation), "low-order-key");
  }
});

Deno.test("endHandshake: wipes the ephemeral secret", () => {
  const random = new SeededRandom(1);
  const [own, other] = [keyPair(random), keyPair(random)];
  const handshake = initiate(nobleSuite, random, own, partyOf(own, other), 1, TIMESTAMP, new Uint8Array(148));
  assert.ok(handshake);
  endHandshake(handshake);
  assert.deepEqual(handshake.ephemeral.privateKey, new Uint8Array(32));
  endHandshake(NO_HANDSHAKE);
});
