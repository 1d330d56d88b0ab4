/**
 * What the primitives cost in both suites: `deno run -A tests/bench/crypto_bench.ts [--json]`.
 *
 * Every result is compared with noble's before anything is timed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { nobleSuite } from "../../core/crypto/noble_suite.ts";
import { type CryptoSuite, TAG_BYTES } from "../../core/crypto/suite.ts";
import { LibcryptoSuite } from "../../core/io/libcrypto_suite.ts";

/** A full packet at the usual MTU of a tunnel. */
const PACKET_BYTES = 1420;
/** Where the payload starts behind a transport header. */
const OFFSET = 16;
const ROUND_MS = 30;
const ROUND_COUNT = 9;

interface Measurement {
  readonly suite: string;
  readonly what: string;
  readonly microseconds: number;
}

/** The quickest of several rounds: on a shared machine everything slower is somebody else's work. */
function microsecondsPer(body: () => void): number {
  for (let i = 0; i < 50; i++) body();
  let best = Infinity;
  for (let round = 0; round < ROUND_COUNT; round++) {
    const started = performance.now();
    let count = 0;
    do {
      for (let i = 0; i < 20; i++) body();
      count += 20;
    } while (performance.now() - started < ROUND_MS);
    best = Math.min(best, (performance.now() - started) * 1000 / count);
  }
  return best;
}

function verify(suite: CryptoSuite): void {
  const key = new Uint8Array(32).fill(1);
  const other = nobleSuite.x25519.publicKey(new Uint8Array(32).fill(2));
  assert.deepEqual(suite.x25519.publicKey(key), nobleSuite.x25519.publicKey(key));
  assert.deepEqual(suite.x25519.sharedSecret(key, other), nobleSuite.x25519.sharedSecret(key, other));
  assert.deepEqual(suite.blake2s.hmac(key, other), nobleSuite.blake2s.hmac(key, other));
  assert.deepEqual(suite.blake2s.mac(key, other, 16), nobleSuite.blake2s.mac(key, other, 16));
  using mine = suite.aeadKey(key);
  using theirs = nobleSuite.aeadKey(key);
  const a = new Uint8Array(OFFSET + PACKET_BYTES + TAG_BYTES).fill(3);
  const b = a.slice();
  mine.seal(7, a, OFFSET, PACKET_BYTES);
  theirs.seal(7, b, OFFSET, PACKET_BYTES);
  assert.deepEqual(a, b);
  assert(mine.open(7, a, OFFSET, PACKET_BYTES + TAG_BYTES));
}

function measure(suite: CryptoSuite): Measurement[] {
  const secret = new Uint8Array(32).fill(1);
  const peer = nobleSuite.x25519.publicKey(new Uint8Array(32).fill(2));
  const nonce = new Uint8Array(12);
  const initiation = new Uint8Array(116);
  const buffer = new Uint8Array(OFFSET + PACKET_BYTES + TAG_BYTES);
  const sealed = buffer.slice();
  using key = suite.aeadKey(secret);
  key.seal(0, sealed, OFFSET, PACKET_BYTES);
  let counter = 0;
  const bodies: [string, () => void][] = [
    [`seal ${PACKET_BYTES} bytes`, () => key.seal(counter++, buffer, OFFSET, PACKET_BYTES)],
    [`copy and open ${PACKET_BYTES} bytes`, () => {
      buffer.set(sealed);
      key.open(0, buffer, OFFSET, PACKET_BYTES + TAG_BYTES);
    }],
    ["seal keepalive", () => key.seal(counter++, buffer, OFFSET, 0)],
    ["X25519 public key", () => suite.x25519.publicKey(secret)],
    ["X25519 shared secret", () => suite.x25519.sharedSecret(secret, peer)],
    ["BLAKE2s of two times 32 bytes", () => suite.blake2s.hash(secret, peer)],
    ["keyed BLAKE2s of 116 bytes", () => suite.blake2s.mac(secret, initiation, 16)],
    ["HMAC-BLAKE2s of 32 bytes", () => suite.blake2s.hmac(secret, peer)],
    ["one-shot seal 32 bytes", () => suite.chacha20Poly1305.seal(secret, nonce, peer, peer)],
    ["make and dispose a packet key", () => suite.aeadKey(secret)[Symbol.dispose]()],
  ];
  return bodies.map(([what, body]) => ({ suite: suite.name, what, microseconds: microsecondsPer(body) }));
}

if (import.meta.main) {
  using libcrypto = LibcryptoSuite.open();
  if (!libcrypto) console.error("libcrypto does not load: noble alone");
  const suites: CryptoSuite[] = libcrypto ? [libcrypto, nobleSuite] : [nobleSuite];
  suites.forEach(verify);
  const measurements = suites.flatMap(measure);
  if (Deno.args.includes("--json")) {
    console.log(JSON.stringify(measurements, undefined, 2));
  } else {
    console.log(["µs".padStart(9), "suite".padEnd(9), "what"].join("  "));
    for (const { suite, what, microseconds } of measurements) {
      console.log([microseconds.toFixed(2).padStart(9), suite.padEnd(9), what].join("  "));
    }
  }
}
