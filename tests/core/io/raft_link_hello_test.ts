/**
 * The bytes of the handshake: round trip, limits, and what strangers send.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import {
  decodeGreeting,
  decodeHello,
  encodeGreeting,
  encodeHello,
  GREETING_BYTES,
  transcriptOf,
} from "../../../core/io/raft_link_hello.ts";
import {
  HELLO_BYTES_MAX,
  LINK_ADDRESSES_MAX,
  LINK_HOST_BYTES_MAX,
  LINK_VERSION,
  MESH_ID_BYTES_MAX,
} from "../../../core/io/raft_link_limits.ts";

const NONCE = new Uint8Array(32).fill(7);
const MAC = new Uint8Array(32).fill(9);
const HELLO = { meshId: "mesh-1", from: 1, to: 2, nonce: NONCE, addresses: [] };

Deno.test("decodeGreeting: reads what encodeGreeting wrote, and tells other protocols and versions", () => {
  const greeting = encodeGreeting(NONCE);
  assert.equal(greeting.length, GREETING_BYTES);
  assert.deepEqual(decodeGreeting(greeting), NONCE);
  assert.equal(decodeGreeting(greeting.subarray(1)), "handshake-malformed");
  assert.equal(decodeGreeting(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2".padEnd(42))), "handshake-malformed");
  greeting[8] = LINK_VERSION + 1;
  assert.equal(decodeGreeting(greeting), "wrong-version");
});

Deno.test("decodeHello: reads what encodeHello wrote", () => {
  const hello = fc.record({
    meshId: fc.string({ maxLength: 60, unit: "grapheme" }),
    from: fc.maxSafeNat(),
    to: fc.maxSafeNat(),
    nonce: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    addresses: fc.array(
      fc.record({ host: fc.string({ minLength: 1, maxLength: 60 }), port: fc.integer({ min: 1, max: 65535 }) }),
      { maxLength: LINK_ADDRESSES_MAX },
    ),
  });
  fc.assert(fc.property(hello, (hello) => {
    const body = encodeHello(hello);
    assert.deepEqual(decodeHello(transcriptOf(body, MAC)), { hello: structuredClone(hello), body, mac: MAC });
  }));
});

Deno.test("decodeHello: never throws, and refuses what is cut, too long, or without a usable address", () => {
  const whole = transcriptOf(encodeHello({ ...HELLO, addresses: [{ host: "a", port: 1 }] }), MAC);
  for (let length = 2; length < whole.length; length++) {
    assert.equal(decodeHello(whole.slice(0, length)), "handshake-malformed");
  }
  assert.equal(decodeHello(transcriptOf(whole, Uint8Array.of(0))), "handshake-malformed");
  assert.equal(decodeHello(new Uint8Array()), "wrong-version");
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    decodeHello(bytes);
    decodeHello(Uint8Array.of(LINK_VERSION, 0, ...bytes));
  }));
  const portZero = transcriptOf(encodeHello({ ...HELLO, addresses: [{ host: "a", port: 0 }] }), MAC);
  assert.equal(decodeHello(portZero), "handshake-malformed");
  const noHost = transcriptOf(encodeHello({ ...HELLO, addresses: [{ host: "", port: 1 }] }), MAC);
  assert.equal(decodeHello(noHost), "handshake-malformed");
});

Deno.test("LINK_ADDRESSES_MAX, LINK_HOST_BYTES_MAX, MESH_ID_BYTES_MAX: the largest hello passes, a larger one does not", () => {
  const address = { host: "x".repeat(LINK_HOST_BYTES_MAX), port: 65535 };
  const addresses = Array.from({ length: LINK_ADDRESSES_MAX }, () => address);
  const largest = { ...HELLO, meshId: "m".repeat(MESH_ID_BYTES_MAX), addresses };
  const body = encodeHello(largest);
  assert(body.length + MAC.length <= HELLO_BYTES_MAX);
  assert.notEqual(typeof decodeHello(transcriptOf(body, MAC)), "string");
  assert.throws(() => encodeHello({ ...largest, meshId: `${largest.meshId}m` }), InvariantError);
  assert.throws(
    () => encodeHello({ ...largest, addresses: [{ ...address, host: `${address.host}x` }] }),
    InvariantError,
  );
  assert.throws(() => encodeHello({ ...largest, addresses: [...addresses, address] }), InvariantError);
  const count = encodeHello(HELLO);
  count[count.length - 1] = LINK_ADDRESSES_MAX + 1;
  assert.equal(decodeHello(transcriptOf(count, new Uint8Array(20_000))), "handshake-malformed");
});
