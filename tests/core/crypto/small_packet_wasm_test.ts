import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  PIECE_BYTES,
  PLACES,
  SMALL_TEXT_BYTES_MAX,
  type SmallPacketExports,
  smallPacketModule,
} from "../../../core/crypto/small_packet_wasm.ts";
import { TAG_BYTES } from "../../../core/crypto/suite.ts";

function instantiate(): { bytes: Uint8Array<ArrayBuffer>; functions: SmallPacketExports } {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(smallPacketModule()), { packets: { memory } });
  const functions = {
    seal: exports["seal"] as SmallPacketExports["seal"],
    open: exports["open"] as SmallPacketExports["open"],
    authenticate: exports["authenticate"] as SmallPacketExports["authenticate"],
  };
  return { bytes: new Uint8Array(memory.buffer as ArrayBuffer), functions };
}

Deno.test("smallPacketModule: is valid, and a page of code", () => {
  const code = smallPacketModule();
  assert.ok(WebAssembly.validate(code));
  assert.ok(code.length <= 4096);
});

Deno.test("smallPacketModule: places do not overlap, and a text has room for a piece behind", () => {
  assert.ok(
    PLACES.nonce >= PLACES.key + 32 && PLACES.tag >= PLACES.nonce + 12 && PLACES.text >= PLACES.tag + TAG_BYTES,
  );
  assert.ok(PLACES.keyStream >= PLACES.text + SMALL_TEXT_BYTES_MAX + PIECE_BYTES);
});

Deno.test("smallPacketModule: the key stream is that of RFC 8439 §2.4.2", () => {
  const { bytes, functions } = instantiate();
  bytes.set(Uint8Array.from({ length: 32 }, (_, index) => index), PLACES.key);
  bytes.set(Uint8Array.fromHex("000000000000004a00000000"), PLACES.nonce);
  bytes.set(
    new TextEncoder().encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    ),
    PLACES.text,
  );
  functions.seal(112);
  assert.equal(
    bytes.subarray(PLACES.text, PLACES.text + 112).toHex(),
    "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b357" +
      "1639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736" +
      "5af90bbf74a35be6b40b8eedf2785e42",
  );
});

/*
 * Bytes that make limbs full, sums carry all the way, and the last difference zero: what random keys hardly ever do.
 * RFC 8439 A.3 has vectors 7 to 11 of this kind; noble passes them.
 */
const extremes = fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff);
const pieces = (count: number) =>
  fc.array(
    fc.oneof(
      extremes.map((byte) => new Uint8Array(PIECE_BYTES).fill(byte)),
      fc.uint8Array({ minLength: PIECE_BYTES, maxLength: PIECE_BYTES }),
      fc.tuple(extremes, extremes).map(([first, rest]) => new Uint8Array(PIECE_BYTES).fill(rest).fill(first, 0, 1)),
    ),
    { minLength: count, maxLength: count },
  );

Deno.test("authenticate: is Poly1305 of the text and its length, also where carries are rare", () => {
  const { bytes, functions } = instantiate();
  const inputs = fc.nat(SMALL_TEXT_BYTES_MAX / PIECE_BYTES).chain((count) => fc.tuple(pieces(2), pieces(count)));
  fc.assert(
    fc.property(inputs, ([key, text]) => {
      const textBytes = text.length * PIECE_BYTES;
      const length = new Uint8Array(PIECE_BYTES);
      new DataView(length.buffer).setUint32(8, textBytes, true);
      key.forEach((piece, index) => bytes.set(piece, PLACES.keyStream + PIECE_BYTES * index));
      text.forEach((piece, index) => bytes.set(piece, PLACES.text + PIECE_BYTES * index));
      functions.authenticate(textBytes);
      const oneTimeKey = Uint8Array.from(key.flatMap((piece) => [...piece]));
      const expected = poly1305(Uint8Array.from([...text.flatMap((piece) => [...piece]), ...length]), oneTimeKey);
      assert.equal(bytes.subarray(PLACES.tag, PLACES.tag + TAG_BYTES).toHex(), expected.toHex());
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("authenticate: a sum just below the prime, the prime itself, and just above", () => {
  const { bytes, functions } = instantiate();
  // r = 1 and s = 0, so that the sum is that of the pieces, each with 2^128: two of text, and the length, 32 * 2^64.
  const one = new Uint8Array(2 * PIECE_BYTES);
  one[0] = 1;
  const length = new Uint8Array(PIECE_BYTES);
  length[8] = 2 * PIECE_BYTES;
  const first = 2n ** 128n - 32n * 2n ** 64n - 256n;
  const sums = [];
  for (let second = 0n; second < 512n; second++) {
    const text = new Uint8Array(2 * PIECE_BYTES);
    const view = new DataView(text.buffer);
    view.setBigUint64(0, first, true);
    view.setBigUint64(8, first >> 64n, true);
    view.setBigUint64(16, second, true);
    bytes.set(one, PLACES.keyStream);
    bytes.set(text, PLACES.text);
    functions.authenticate(text.length);
    const expected = poly1305(Uint8Array.from([...text, ...length]), one);
    assert.equal(bytes.subarray(PLACES.tag, PLACES.tag + TAG_BYTES).toHex(), expected.toHex());
    sums.push(first + second + 3n * 2n ** 128n + 32n * 2n ** 64n);
  }
  assert.ok(sums.includes(2n ** 130n - 5n));
});
