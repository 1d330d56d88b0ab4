/**
 * A few known answers that a crypto library must give before a node trusts it: guards against a build without an
 * algorithm and against an ABI that is not what it looks like, not against subtle errors, which are the tests' business.
 *
 * @module
 */
import { type AeadKey, type CryptoSuite, TAG_BYTES } from "../crypto/suite.ts";

const fromHex = Uint8Array.fromHex;
const text = (characters: string): Uint8Array => new TextEncoder().encode(characters);

/** True if every primitive of `suite` gives its known answer. A suite that throws fails. */
export function passesCryptoSelfCheck(suite: CryptoSuite): boolean {
  try {
    return x25519Agrees(suite) && blake2sAgrees(suite) && aeadsAgree(suite) && packetKeyAgrees(suite);
  } catch {
    return false;
  }
}

/** RFC 7748 §6.1, and the refusal of a point of low order. */
function x25519Agrees({ x25519 }: CryptoSuite): boolean {
  const alice = fromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const bob = fromHex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  return isHex(x25519.publicKey(alice), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a") &&
    isHex(x25519.sharedSecret(alice, bob), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742") &&
    x25519.sharedSecret(alice, new Uint8Array(32)) === undefined;
}

/** RFC 7693 appendix B; the reference implementation's second keyed answer; the first of WireGuard's for its KDF. */
function blake2sAgrees({ blake2s }: CryptoSuite): boolean {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index);
  const extracted = blake2s.hmac(text("test-key"), text("test-input"));
  return isHex(blake2s.hash(text("abc")), "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982") &&
    isHex(
      blake2s.mac(key, Uint8Array.of(0), 32),
      "40d15fee7c328830166ac3f918650f807e7e01e177258cdc0a39b11f598066f1",
    ) &&
    blake2s.mac(key, Uint8Array.of(0), 16).length === 16 &&
    isHex(
      blake2s.hmac(extracted, Uint8Array.of(1)),
      "6f0e5ad38daba1bea8a0d213688736f19763239305e0f58aba697f9ffc41c633",
    );
}

/** Tags of RFC 8439 §2.8.2 and of draft-irtf-cfrg-xchacha-03 A.3.1, which share key, text and associated data. */
function aeadsAgree({ chacha20Poly1305, xchacha20Poly1305 }: CryptoSuite): boolean {
  const key = Uint8Array.from({ length: 32 }, (_, index) => 0x80 + index);
  const data = fromHex("50515253c0c1c2c3c4c5c6c7");
  const sunscreen = text(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const nonce = fromHex("070000004041424344454647");
  const sealed = chacha20Poly1305.seal(key, nonce, data, sunscreen);
  const longNonce = Uint8Array.from({ length: 24 }, (_, index) => 0x40 + index);
  const longSealed = xchacha20Poly1305.seal(key, longNonce, data, sunscreen);
  return isHex(sealed.subarray(-TAG_BYTES), "1ae10b594f09e26a7e902ecbd0600691") &&
    isHex(longSealed.subarray(-TAG_BYTES), "c0875924c1c7987947deafd8780acf49") &&
    isHex(chacha20Poly1305.open(key, nonce, data, sealed), sunscreen.toHex()) &&
    isHex(xchacha20Poly1305.open(key, longNonce, data, longSealed), sunscreen.toHex()) &&
    chacha20Poly1305.open(key, nonce, text("other data"), sealed) === undefined;
}

/**
 * A packet key does in place what the one-shot form does, and refuses what was changed: a text of whole pieces, which
 * short packets are, and another one.
 */
function packetKeyAgrees(suite: CryptoSuite): boolean {
  const secret = new Uint8Array(32).fill(7);
  using key = suite.aeadKey(secret);
  return [text("sixteen in front"), text("seventeen in front")].every((plaintext) =>
    textAgrees(suite, secret, key, plaintext)
  );
}

function textAgrees(suite: CryptoSuite, secret: Uint8Array, key: AeadKey, plaintext: Uint8Array): boolean {
  const buffer = new Uint8Array(16 + plaintext.length + TAG_BYTES);
  buffer.set(plaintext, 16);
  key.seal(0x1_0000_0002, buffer, 16, plaintext.length);
  const expected = suite.chacha20Poly1305.seal(
    secret,
    fromHex("000000000200000001000000"),
    new Uint8Array(),
    plaintext,
  );
  const sealed = buffer.slice();
  const isSame = isHex(buffer.subarray(16), expected.toHex());
  const opens = key.open(0x1_0000_0002, buffer, 16, plaintext.length + TAG_BYTES);
  sealed[20] = sealed[20]! ^ 1;
  return isSame && opens && isHex(buffer.subarray(16, 16 + plaintext.length), plaintext.toHex()) &&
    !key.open(0x1_0000_0002, sealed, 16, plaintext.length + TAG_BYTES);
}

function isHex(bytes: Uint8Array | undefined, hex: string): boolean {
  return bytes?.toHex() === hex;
}
