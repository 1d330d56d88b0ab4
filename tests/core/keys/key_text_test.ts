import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeKey } from "../../../core/keys/key_text.ts";

const ZERO = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

Deno.test("decodeKey: round trip of any 32 bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
    assert.deepEqual(decodeKey(Uint8Array.from(bytes).toBase64()), Uint8Array.from(bytes));
  }));
});

Deno.test("decodeKey: refuses everything but canonical text", () => {
  const refused = [
    "",
    ZERO.slice(0, 43),
    ZERO + "=",
    ZERO + "\n",
    " " + ZERO,
    ZERO.slice(0, 20) + " " + ZERO.slice(21),
    ZERO.slice(0, 20) + "-" + ZERO.slice(21),
    ZERO.slice(0, 20) + "_" + ZERO.slice(21),
    ZERO.slice(0, 42) + "B=", // the same 32 bytes with stray low bits
    ZERO.slice(0, 42) + "==",
    "A".repeat(44),
    "é".repeat(44),
  ];
  for (const text of refused) assert.equal(decodeKey(text), undefined, JSON.stringify(text));
});

Deno.test("decodeKey: whatever decodes encodes to the same text", () => {
  const character = fc.constantFrom(..."AEIMQUYcgkosw048Bz+/=- ");
  fc.assert(fc.property(fc.array(character, { minLength: 43, maxLength: 45 }), (characters) => {
    const text = characters.join("");
    const bytes = decodeKey(text);
    if (bytes) assert.equal(bytes.toBase64(), text);
  }));
});
