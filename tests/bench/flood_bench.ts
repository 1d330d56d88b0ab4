/**
 * What strangers cost: `deno task bench:flood [--json] [--initiations=1000000]`.
 *
 * Handshakes that one processor answers in a second; messages with a wrong mac1, which cost no key agreement; and a flood of
 * initiations with a right mac1 from spoofed addresses, during which the memory is looked at and an honest peer connects. The
 * clock is simulated; what is timed is the work.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { CryptoSuite } from "../../core/crypto/suite.ts";
import { openCryptoSuite } from "../../core/io/crypto_suite.ts";
import { Endpoint } from "../../core/ip/endpoint.ts";
import { Prefix } from "../../core/ip/prefix.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import type { PublicKey } from "../../core/keys/public_key.ts";
import { Engine } from "../../core/wireguard/engine.ts";
import type { EngineLimits } from "../../core/wireguard/limits.ts";
import type { PeerConfig } from "../../core/wireguard/peer.ts";
import type { EngineSink } from "../../core/wireguard/sink.ts";
import { forgedInitiation } from "../core/wireguard/forgery.ts";
import { SeededRandom } from "../twins/seeded_random.ts";

const HANDSHAKES = 2_000;
const BAD_MESSAGES = 200_000;
const DEFAULT_INITIATIONS = 1_000_000;
/** Of the flood, in simulated time. */
const INITIATIONS_PER_SECOND = 100_000;
const ONE_WAY_MS = 10;
const WALL_MS = 1_704_067_200_000;
const HEADROOM_BYTES = 16;

function parsed<T>(value: T | undefined): T {
  assert.ok(value);
  return value;
}

function endpoint(text: string): Endpoint {
  return parsed(Endpoint.parse(text));
}

function makeEngine(suite: CryptoSuite, random: SeededRandom, limits: Partial<EngineLimits> = {}): Engine {
  return new Engine({ privateKey: PrivateKey.generate(random), suite, random, mtu: 1420, limits });
}

function peerOf(publicKey: PublicKey, ip: string, at?: Endpoint): PeerConfig {
  return {
    publicKey,
    ...(at && { endpoint: at }),
    alternateEndpoints: [],
    allowedIps: [parsed(Prefix.parse(`${ip}/32`))],
    persistentKeepaliveMs: 0,
  };
}

/** A packet of 64 bytes to `to`, four bytes. */
function packetTo(to: readonly number[]): Uint8Array {
  const buffer = new Uint8Array(256);
  buffer.set([0x45, 0, 0, 64], HEADROOM_BYTES);
  buffer.set([10, 9, 9, 9, ...to], HEADROOM_BYTES + 12);
  return buffer;
}

function heapBytes(): number {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** First messages of as many strangers who are peers. */
function initiations(suite: CryptoSuite, responder: Engine, count: number, random: SeededRandom): Uint8Array[] {
  const at = endpoint("192.0.2.1:51820");
  const now = { nowMs: 0, wallMs: WALL_MS };
  return Array.from({ length: count }, (_, i) => {
    using initiator = makeEngine(suite, random);
    responder.upsertPeer(peerOf(initiator.publicKey, `10.${i >>> 16}.${i >>> 8 & 0xff}.${i & 0xff}`), now);
    initiator.upsertPeer(peerOf(responder.publicKey, "10.200.0.1", at), now);
    let message: Uint8Array | undefined;
    const sink: EngineSink = {
      toNetwork: (buffer, offset, length) => message = buffer.slice(offset, offset + length),
      toTun: () => {},
    };
    initiator.fromTun(packetTo([10, 200, 0, 1]), HEADROOM_BYTES, 64, now, sink);
    return parsed(message);
  });
}

function handshakesPerSecond(suite: CryptoSuite): number {
  const random = new SeededRandom(1);
  using responder = makeEngine(suite, random, { handshakesPerSecondMax: Infinity });
  const messages = initiations(suite, responder, HANDSHAKES, random);
  let answeredCount = 0;
  const sink: EngineSink = { toNetwork: () => answeredCount++, toTun: () => {} };
  const now = { nowMs: 1_000, wallMs: WALL_MS };
  const from = endpoint("198.51.100.1:1");
  const started = performance.now();
  for (const message of messages) responder.fromNetwork(message, 0, message.length, from, now, sink);
  const seconds = (performance.now() - started) / 1_000;
  assert.equal(answeredCount, HANDSHAKES);
  return HANDSHAKES / seconds;
}

/** Also proves that no key agreement is done: the suite's own would be called. */
function badMessagesPerSecond(suite: CountedSuite): number {
  const random = new SeededRandom(2);
  using responder = makeEngine(suite, random);
  const message = forgedInitiation(random, responder.publicKey);
  message[message.length - 20]! ^= 1;
  const agreementsBefore = suite.counts.agreements;
  const sink: EngineSink = { toNetwork: () => assert.fail("no answer"), toTun: () => {} };
  const now = { nowMs: 1_000, wallMs: WALL_MS };
  const from = endpoint("198.51.100.1:1");
  const started = performance.now();
  for (let i = 0; i < BAD_MESSAGES; i++) responder.fromNetwork(message, 0, message.length, from, now, sink);
  const seconds = (performance.now() - started) / 1_000;
  assert.equal(responder.drops["mac1-invalid"], BAD_MESSAGES);
  assert.equal(suite.counts.agreements, agreementsBefore);
  return BAD_MESSAGES / seconds;
}

/** A suite that counts key agreements. */
interface CountedSuite extends CryptoSuite {
  readonly counts: { agreements: number };
}

function counted(suite: CryptoSuite): CountedSuite {
  const counts = { agreements: 0 };
  return {
    name: suite.name,
    aeadKey: (key) => suite.aeadKey(key),
    chacha20Poly1305: suite.chacha20Poly1305,
    xchacha20Poly1305: suite.xchacha20Poly1305,
    blake2s: suite.blake2s,
    x25519: {
      publicKey: (privateKey) => suite.x25519.publicKey(privateKey),
      sharedSecret(privateKey, publicKey) {
        counts.agreements++;
        return suite.x25519.sharedSecret(privateKey, publicKey);
      },
    },
    counts,
  };
}

/** What a flood did. */
interface Flood {
  readonly initiations: number;
  readonly perSecond: number;
  readonly keyAgreements: number;
  readonly grownBytes: number;
  /** Simulated, from the honest peer's first message to its first packet that arrived. */
  readonly honestMs: number;
}

function flood(suite: CountedSuite, count: number): Flood {
  const random = new SeededRandom(3);
  const [victim, honest] = [makeEngine(suite, random), makeEngine(suite, random)];
  const [atVictim, atHonest] = [endpoint("192.0.2.1:51820"), endpoint("192.0.2.2:51820")];
  const now = { nowMs: 1_000, wallMs: WALL_MS };
  victim.upsertPeer(peerOf(honest.publicKey, "10.9.9.9"), now);
  honest.upsertPeer(peerOf(victim.publicKey, "10.200.0.1", atVictim), now);

  /** What flies between the two honest ones. */
  const flights: { readonly atMs: number; readonly arrive: () => void }[] = [];
  let arrivedMs = Infinity;
  const fly =
    (to: Engine, from: Endpoint, sink: () => EngineSink) => (buffer: Uint8Array, offset: number, length: number) => {
      const bytes = buffer.slice(offset, offset + length);
      flights.push({
        atMs: now.nowMs + ONE_WAY_MS,
        arrive: () => void to.fromNetwork(bytes, 0, length, from, now, sink()),
      });
    };
  const toHonest = fly(honest, atVictim, () => honestSink);
  const victimSink: EngineSink = {
    // Cookie replies to spoofed addresses go nowhere.
    toNetwork: (buffer, offset, length, to) => to.equals(atHonest) ? toHonest(buffer, offset, length) : undefined,
    toTun: () => arrivedMs = Math.min(arrivedMs, now.nowMs),
  };
  const honestSink: EngineSink = { toNetwork: fly(victim, atHonest, () => victimSink), toTun: () => {} };

  const forged = forgedInitiation(random, victim.publicKey);
  const spoofed = endpoint("203.0.113.1:1");
  const agreementsBefore = suite.counts.agreements;
  const heapBefore = heapBytes();
  const startMs = now.nowMs;
  let askedMs = Infinity;
  let workMs = 0;
  for (let i = 0; i < count; i++) {
    now.nowMs = startMs + i * 1_000 / INITIATIONS_PER_SECOND;
    now.wallMs = WALL_MS + now.nowMs;
    random.fill(spoofed.bytes.subarray(4, 8));
    const started = performance.now();
    victim.fromNetwork(forged, 0, forged.length, spoofed, now, victimSink);
    workMs += performance.now() - started;
    if (i === Math.floor(count / 10)) {
      askedMs = now.nowMs;
      honest.fromTun(packetTo([10, 200, 0, 1]), HEADROOM_BYTES, 64, now, honestSink);
    }
    while (flights[0] && flights[0].atMs <= now.nowMs) flights.shift()?.arrive();
    if (honest.nextDeadlineMs() <= now.nowMs) honest.expire(now, honestSink);
    if (victim.nextDeadlineMs() <= now.nowMs) victim.expire(now, victimSink);
  }
  const grownBytes = heapBytes() - heapBefore;
  const result = {
    initiations: count,
    perSecond: count / (workMs / 1_000),
    keyAgreements: suite.counts.agreements - agreementsBefore,
    grownBytes,
    honestMs: arrivedMs - askedMs,
  };
  assert.ok(result.honestMs < 3_000, `an honest peer connects within 3 s, not ${result.honestMs} ms`);
  victim[Symbol.dispose]();
  honest[Symbol.dispose]();
  return result;
}

if (import.meta.main) {
  using best = openCryptoSuite();
  const suite = counted(best);
  const asked = Deno.args.find((arg) => arg.startsWith("--initiations="))?.slice("--initiations=".length);
  const results = {
    suite: suite.name,
    handshakesPerSecond: handshakesPerSecond(suite),
    badMac1PerSecond: badMessagesPerSecond(suite),
    flood: flood(suite, Number(asked ?? DEFAULT_INITIATIONS)),
  };
  if (Deno.args.includes("--json")) {
    console.log(JSON.stringify(results, undefined, 2));
  } else {
    const { initiations, perSecond, keyAgreements, grownBytes, honestMs } = results.flood;
    console.log(`${results.handshakesPerSecond.toFixed(0)} handshakes a second answered (${suite.name})`);
    console.log(`${results.badMac1PerSecond.toFixed(0)} messages a second with a wrong mac1 refused, no key agreement`);
    console.log(
      `${initiations} spoofed initiations with a right mac1: ${perSecond.toFixed(0)} a second, ` +
        `${keyAgreements} key agreements, heap ${(grownBytes / 1024).toFixed(0)} KiB more, ` +
        `an honest peer connected after ${honestMs.toFixed(0)} ms`,
    );
  }
}
