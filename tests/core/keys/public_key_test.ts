import assert from "node:assert/strict";
import { InvariantError } from "../../../core/assert.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";

const BYTES = Uint8Array.from({ length: 32 }, (_, index) => index * 7);

Deno.test("PublicKey: base64 there and back", () => {
  const key = PublicKey.of(BYTES);
  assert.equal(key.toString().length, 44);
  assert.deepEqual(PublicKey.fromBase64(`${key}`)?.bytes, BYTES);
  assert.equal(PublicKey.fromBase64("no key"), undefined);
});

Deno.test("PublicKey: prints its text everywhere", () => {
  const key = PublicKey.of(BYTES);
  const text = BYTES.toBase64();
  assert.equal(`${key}`, text);
  assert.equal(JSON.stringify(key), JSON.stringify(text));
  assert.equal(Deno.inspect(key), text);
});

Deno.test("PublicKey.equals: every byte counts", () => {
  const key = PublicKey.of(BYTES);
  assert(key.equals(PublicKey.of(BYTES)));
  for (let i = 0; i < 32; i++) assert(!key.equals(PublicKey.of(BYTES.with(i, 0xfe))), `byte ${i}`);
});

Deno.test("PublicKey.toString: serves as map key", () => {
  const peers = new Map([[PublicKey.of(BYTES).toString(), "peer"]]);
  assert.equal(peers.get(`${PublicKey.of(BYTES)}`), "peer");
});

Deno.test("PublicKey.bytes: neither side can change the key", () => {
  const bytes = BYTES.slice();
  const key = PublicKey.of(bytes);
  bytes.fill(0);
  key.bytes.fill(0);
  assert.deepEqual(key.bytes, BYTES);
});

Deno.test("PublicKey: other lengths are undefined from outside, a broken invariant from inside", () => {
  for (const length of [0, 31, 33]) {
    assert.equal(PublicKey.fromBytes(new Uint8Array(length)), undefined);
    assert.throws(() => PublicKey.of(new Uint8Array(length)), InvariantError);
  }
});
