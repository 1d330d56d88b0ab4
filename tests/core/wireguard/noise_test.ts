import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import {
  ephemeralOf,
  type KeyPair,
  NoiseState,
  readInitiator,
  readResponse,
  readTimestamp,
  writeInitiation,
  writeResponse,
} from "../../../core/wireguard/noise.ts";
import { INITIATION, RESPONSE } from "../../../core/wireguard/messages.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { keyPair, LOW_ORDER_KEYS } from "./parties.ts";

const TIMESTAMP = new Uint8Array(12).fill(7);

interface Conversation {
  readonly initiator: KeyPair;
  readonly responder: KeyPair;
  readonly staticSecret: Uint8Array;
  readonly initiatorEphemeral: KeyPair;
  readonly initiatorNoise: NoiseState;
  readonly initiation: Uint8Array;
}

function initiated(): Conversation {
  const random = new SeededRandom(1);
  const [initiator, responder, initiatorEphemeral] = [keyPair(random), keyPair(random), keyPair(random)];
  const staticSecret = nobleSuite.x25519.sharedSecret(initiator.privateKey, responder.publicKey)!;
  const initiation = new Uint8Array(INITIATION.bytes);
  const initiatorNoise = NoiseState.start(nobleSuite, responder.publicKey);
  const isWritten = writeInitiation(
    initiatorNoise,
    initiator,
    initiatorEphemeral,
    responder.publicKey,
    staticSecret,
    TIMESTAMP,
    initiation,
  );
  assert.ok(isWritten);
  return { initiator, responder, staticSecret, initiatorEphemeral, initiatorNoise, initiation };
}

/** The responder's part; returns its state. */
function answer(conversation: Conversation, presharedKey: Uint8Array, response: Uint8Array): NoiseState {
  const { responder, initiation, staticSecret } = conversation;
  const noise = NoiseState.start(nobleSuite, responder.publicKey);
  const claimed = readInitiator(noise, responder, initiation);
  assert.deepEqual(claimed, conversation.initiator.publicKey);
  assert.deepEqual(readTimestamp(noise, staticSecret, initiation), TIMESTAMP);
  const ephemeral = keyPair(new SeededRandom(2));
  const theirEphemeral = ephemeralOf(initiation, INITIATION.ephemeral);
  assert.ok(writeResponse(noise, ephemeral, theirEphemeral, conversation.initiator.publicKey, presharedKey, response));
  return noise;
}

Deno.test("noise: both sides end with the same keys", () => {
  const conversation = initiated();
  const response = new Uint8Array(RESPONSE.bytes);
  const psk = new Uint8Array(32).fill(9);
  const responderNoise = answer(conversation, psk, response);
  const noise = conversation.initiatorNoise.fork();
  assert.equal(readResponse(noise, conversation.initiator, conversation.initiatorEphemeral, psk, response), undefined);
  assert.deepEqual(noise.split(), responderNoise.split());
  const [there, back] = noise.split();
  assert.notDeepEqual(there, back);
});

Deno.test("readResponse: another preshared key does not decrypt, and the fork leaves the original usable", () => {
  const conversation = initiated();
  const response = new Uint8Array(RESPONSE.bytes);
  const psk = new Uint8Array(32).fill(9);
  answer(conversation, psk, response);
  const { initiator, initiatorEphemeral, initiatorNoise } = conversation;
  const wrong = readResponse(initiatorNoise.fork(), initiator, initiatorEphemeral, new Uint8Array(32), response);
  assert.equal(wrong, "handshake-unauthentic");
  assert.equal(readResponse(initiatorNoise.fork(), initiator, initiatorEphemeral, psk, response), undefined);
});

Deno.test("readInitiator, readTimestamp: a flipped bit in any encrypted field does not decrypt", () => {
  const { responder, initiation, staticSecret } = initiated();
  for (let at: number = INITIATION.ephemeral; at < INITIATION.mac1; at++) {
    const changed = initiation.slice();
    changed[at]! ^= 0x10;
    const noise = NoiseState.start(nobleSuite, responder.publicKey);
    const claimed = readInitiator(noise, responder, changed);
    if (at < INITIATION.timestamp) assert.equal(claimed, "handshake-unauthentic", `byte ${at}`);
    else assert.equal(readTimestamp(noise, staticSecret, changed), "handshake-unauthentic", `byte ${at}`);
  }
});

Deno.test("readInitiator, writeInitiation, readResponse: keys of low order are refused", () => {
  const { responder, initiator, initiatorEphemeral, initiatorNoise, initiation, staticSecret } = initiated();
  for (const text of LOW_ORDER_KEYS) {
    const lowOrder = Uint8Array.fromHex(text);
    const changed = initiation.slice();
    changed.set(lowOrder, INITIATION.ephemeral);
    assert.equal(readInitiator(NoiseState.start(nobleSuite, responder.publicKey), responder, changed), "low-order-key");

    const noise = NoiseState.start(nobleSuite, lowOrder);
    const isWritten = writeInitiation(
      noise,
      initiator,
      initiatorEphemeral,
      lowOrder,
      staticSecret,
      TIMESTAMP,
      new Uint8Array(148),
    );
    assert.equal(isWritten, false);

    const response = new Uint8Array(RESPONSE.bytes);
    response.set(lowOrder, RESPONSE.ephemeral);
    const refusal = readResponse(initiatorNoise.fork(), initiator, initiatorEphemeral, new Uint8Array(32), response);
    assert.equal(refusal, "low-order-key");
  }
});

Deno.test("NoiseState: disposing wipes what split would have used", () => {
  const { initiatorNoise } = initiated();
  const before = initiatorNoise.split();
  initiatorNoise[Symbol.dispose]();
  assert.notDeepEqual(initiatorNoise.split(), before);
});

Deno.test("NoiseState.seal: a key is never used twice", () => {
  const noise = NoiseState.start(nobleSuite, new Uint8Array(32));
  assert.throws(() => noise.seal(new Uint8Array(0)));
  noise.mixKey(new Uint8Array(32));
  noise.seal(new Uint8Array(0));
  assert.throws(() => noise.seal(new Uint8Array(0)));
});
