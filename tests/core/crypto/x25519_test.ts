import assert from "node:assert/strict";
import { InvariantError } from "../../../core/assert.ts";
import rfc7748 from "../../vectors/rfc7748.json" with { type: "json" };
import { bytesOf, wycheproof } from "../../vectors/wycheproof.ts";
import { testOnEachSuite } from "./suites.ts";

const fromHex = Uint8Array.fromHex;

testOnEachSuite("X25519.sharedSecret: RFC 7748 §5.2", ({ x25519 }) => {
  for (const { scalar, u, output } of rfc7748.x25519) {
    assert.equal(x25519.sharedSecret(fromHex(scalar), fromHex(u))?.toHex(), output);
  }
});

testOnEachSuite("X25519.sharedSecret: RFC 7748 §5.2, a thousand times on its own output", ({ x25519 }) => {
  const { start, after1, after1000 } = rfc7748.iterated;
  let k = fromHex(start);
  let u = fromHex(start);
  for (let round = 1; round <= 1000; round++) {
    const next = x25519.sharedSecret(k, u);
    assert(next);
    u = k;
    k = Uint8Array.from(next);
    if (round === 1) assert.equal(k.toHex(), after1);
  }
  assert.equal(k.toHex(), after1000);
});

testOnEachSuite("X25519: RFC 7748 §6.1, both sides agree", ({ x25519 }) => {
  const { alicePrivate, alicePublic, bobPrivate, bobPublic, shared } = rfc7748.diffieHellman;
  assert.equal(x25519.publicKey(fromHex(alicePrivate)).toHex(), alicePublic);
  assert.equal(x25519.publicKey(fromHex(bobPrivate)).toHex(), bobPublic);
  assert.equal(x25519.sharedSecret(fromHex(alicePrivate), fromHex(bobPublic))?.toHex(), shared);
  assert.equal(x25519.sharedSecret(fromHex(bobPrivate), fromHex(alicePublic))?.toHex(), shared);
});

const cases = wycheproof("x25519");

testOnEachSuite("X25519.sharedSecret: Wycheproof", ({ x25519 }) => {
  assert(cases);
  const counts = { valid: 0, acceptable: 0, zero: 0 };
  for (const testCase of cases) {
    const { result, flags, tcId } = testCase;
    const shared = x25519.sharedSecret(bytesOf(testCase, "private"), bytesOf(testCase, "public"));
    const expected = flags.includes("ZeroSharedSecret") ? undefined : bytesOf(testCase, "shared").toHex();
    assert.equal(shared?.toHex(), expected, `case ${tcId}`);
    assert(result !== "invalid");
    counts[expected === undefined ? "zero" : result]++;
  }
  assert.deepEqual(counts, { valid: 264, acceptable: 223, zero: 31 });
}, cases === undefined);

testOnEachSuite("X25519: borrows its keys and returns fresh bytes", ({ x25519 }) => {
  const secret = new Uint8Array(32).fill(0xff);
  const point = x25519.publicKey(secret);
  const before = point.slice();
  x25519.publicKey(secret).fill(0);
  x25519.sharedSecret(secret, point)?.fill(0);
  assert.deepEqual(secret, new Uint8Array(32).fill(0xff));
  assert.deepEqual(point, before);
  assert.deepEqual(x25519.publicKey(secret), before);
});

testOnEachSuite("X25519: keys that are not 32 bytes are broken invariants", ({ x25519 }) => {
  const good = new Uint8Array(32).fill(9);
  for (const length of [0, 31, 33]) {
    const bad = new Uint8Array(length);
    assert.throws(() => x25519.publicKey(bad), InvariantError);
    assert.throws(() => x25519.sharedSecret(bad, good), InvariantError);
    assert.throws(() => x25519.sharedSecret(good, bad), InvariantError);
  }
});
