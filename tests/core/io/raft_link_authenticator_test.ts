/**
 * MACs and session keys between pairs of nodes, with both crypto suites.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../../core/crypto/suite.ts";
import { openCryptoSuite } from "../../../core/io/crypto_suite.ts";
import { LINK_MAC_BYTES, NodeAuthenticator, PAIR_KEYS_MAX } from "../../../core/io/raft_link_authenticator.ts";
import { FRAME_BYTES_MAX } from "../../../core/io/raft_link_limits.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";

const DATA = new TextEncoder().encode("data");

function node(suite: CryptoSuite = nobleSuite) {
  const key = PrivateKey.generate(systemRandom);
  return { key, publicKey: key.publicKey(suite.x25519), authenticator: new NodeAuthenticator(suite, key) };
}

Deno.test("NodeAuthenticator.mac: both ends of a pair get the same, and nobody else does", () => {
  const [a, b, c] = [node(), node(), node()];
  const mac = a.authenticator.mac(b.publicKey, "hello", DATA);
  assert.equal(mac?.length, LINK_MAC_BYTES);
  assert.deepEqual(b.authenticator.mac(a.publicKey, "hello", DATA), mac);
  assert.notDeepEqual(c.authenticator.mac(a.publicKey, "hello", DATA), mac);
  assert.notDeepEqual(a.authenticator.mac(c.publicKey, "hello", DATA), mac);
  assert.notDeepEqual(a.authenticator.mac(b.publicKey, "welcome", DATA), mac);
  assert.notDeepEqual(a.authenticator.mac(b.publicKey, "hello", DATA.subarray(1)), mac);
});

Deno.test("NodeAuthenticator: libcrypto and noble agree", () => {
  using suite = openCryptoSuite();
  const key = PrivateKey.generate(systemRandom);
  const peer = node();
  const [one, other] = [new NodeAuthenticator(suite, key), new NodeAuthenticator(nobleSuite, key)];
  assert.deepEqual(one.mac(peer.publicKey, "hello", DATA), other.mac(peer.publicKey, "hello", DATA));
  using sealing = one.sessionKey(peer.publicKey, DATA);
  using opening = other.sessionKey(peer.publicKey, DATA);
  const buffer = new Uint8Array(DATA.length + 16);
  buffer.set(DATA);
  sealing?.seal(5, buffer, 0, DATA.length);
  assert.equal(opening?.open(5, buffer, 0, buffer.length), true);
  assert.deepEqual(buffer.subarray(0, DATA.length), DATA);
});

Deno.test("NodeAuthenticator.sessionKey: seals the longest frame, with both suites", () => {
  using libcrypto = openCryptoSuite();
  for (const suite of [libcrypto, nobleSuite]) {
    const [a, b] = [node(suite), node(suite)];
    using sealing = a.authenticator.sessionKey(b.publicKey, DATA);
    using opening = b.authenticator.sessionKey(a.publicKey, DATA);
    const buffer = new Uint8Array(FRAME_BYTES_MAX);
    buffer.set(DATA, buffer.length - 16 - DATA.length);
    sealing?.seal(0, buffer, 0, buffer.length - 16);
    assert.equal(opening?.open(0, buffer, 0, buffer.length), true, suite.name);
    assert.deepEqual(buffer.subarray(-16 - DATA.length, -16), DATA);
  }
});

Deno.test("NodeAuthenticator.sessionKey: another transcript gives another key", () => {
  const [a, b] = [node(), node()];
  const buffer = new Uint8Array(DATA.length + 16);
  a.authenticator.sessionKey(b.publicKey, DATA)?.seal(0, buffer, 0, DATA.length);
  const same = b.authenticator.sessionKey(a.publicKey, DATA);
  const other = b.authenticator.sessionKey(a.publicKey, DATA.subarray(1));
  assert.equal(other?.open(0, buffer.slice(), 0, buffer.length), false);
  assert.equal(same?.open(0, buffer, 0, buffer.length), true);
});

Deno.test("NodeAuthenticator: a key that nobody can hold has no MAC", () => {
  const { authenticator } = node();
  const lowOrder = PublicKey.of(new Uint8Array(32));
  assert.equal(authenticator.mac(lowOrder, "hello", DATA), undefined);
  assert.equal(authenticator.sessionKey(lowOrder, DATA), undefined);
});

Deno.test("PAIR_KEYS_MAX: so many keys are computed once, the one used longest ago is forgotten", () => {
  let countOfComputed = 0;
  const suite: CryptoSuite = {
    ...nobleSuite,
    x25519: {
      ...nobleSuite.x25519,
      sharedSecret: (_, publicKey) => {
        countOfComputed++;
        return publicKey.slice();
      },
    },
  };
  const { authenticator } = node(suite);
  const peers = Array.from({ length: PAIR_KEYS_MAX + 1 }, (_, i) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, i + 1);
    return PublicKey.of(bytes);
  });
  const use = (i: number) => {
    const peer = peers[i];
    assert(peer);
    authenticator.mac(peer, "hello", DATA);
  };
  for (let i = 0; i < PAIR_KEYS_MAX; i++) use(i);
  for (let i = 0; i < PAIR_KEYS_MAX; i++) use(i);
  assert.equal(countOfComputed, PAIR_KEYS_MAX);
  use(0);
  use(PAIR_KEYS_MAX);
  use(0);
  assert.equal(countOfComputed, PAIR_KEYS_MAX + 1, "0 was used a moment ago");
  use(1);
  assert.equal(countOfComputed, PAIR_KEYS_MAX + 2, "1 had to go");
});
