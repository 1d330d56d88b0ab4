/**
 * Tests for `core/rpc/hpack.ts`, with the examples of RFC 7541 Appendix C.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DYNAMIC_TABLE_BYTES_MAX, encodeFields, type HeaderField, HpackDecoder } from "../../../core/rpc/hpack.ts";

const LIST_BYTES_MAX = 1000;

function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(" ", ""));
}

const REQUEST: readonly HeaderField[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const SECOND: readonly HeaderField[] = [...REQUEST, ["cache-control", "no-cache"]];
const THIRD: readonly HeaderField[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
  ["custom-key", "custom-value"],
];

/** Appendix C.2. */
const SINGLE: readonly (readonly [block: string, fields: readonly HeaderField[]])[] = [
  ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", [["custom-key", "custom-header"]]],
  ["040c 2f73 616d 706c 652f 7061 7468", [[":path", "/sample/path"]]],
  ["1008 7061 7373 776f 7264 0673 6563 7265 74", [["password", "secret"]]],
  ["82", [[":method", "GET"]]],
];

for (const [block, fields] of SINGLE) {
  Deno.test(`HpackDecoder: ${fields[0]?.join(": ")} (C.2)`, () => {
    assert.deepEqual(new HpackDecoder(LIST_BYTES_MAX).decode(hex(block)), fields);
  });
}

Deno.test("HpackDecoder: three requests on one connection, plain and Huffman-coded (C.3, C.4)", () => {
  const sequences = [
    [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
    [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
  ];
  for (const blocks of sequences) {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    assert.deepEqual(blocks.map((block) => decoder.decode(hex(block))), [REQUEST, SECOND, THIRD]);
  }
});

Deno.test("HpackDecoder: a table of 256 bytes lets go of its oldest fields (C.5, C.6)", () => {
  const decoder = new HpackDecoder(LIST_BYTES_MAX);
  const first = "3fe1 01" +
    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
  assert.deepEqual(decoder.decode(hex(first)), [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ]);
  // The first field goes when this one comes.
  assert.deepEqual(decoder.decode(hex("4883 640e ffc1 c0bf")), [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ]);
  assert.equal(decoder.decode(hex("c2")), "malformed");
});

/** Blocks that contradict the format. */
const MALFORMED: Readonly<Record<string, string>> = {
  "index 0": "80",
  "an index that is nowhere": "be",
  "a name index that is nowhere": "7e01 61",
  "an integer without end": "ff",
  "an integer beyond every length": "ffff ffff ffff ff7f",
  "a text that is cut": "0003 6162",
  "a text without length": "00",
  "a table larger than allowed": "3fe2 1f",
  "a size of the table behind a field": "8220",
  "Huffman padding of a whole byte": "0001 6182 1fff",
  "Huffman padding with a zero": "0001 6181 18",
  "the end mark within a text": "0001 6184 ffff ffff",
};

for (const [name, block] of Object.entries(MALFORMED)) {
  Deno.test(`HpackDecoder: ${name} is malformed`, () => {
    assert.equal(new HpackDecoder(LIST_BYTES_MAX).decode(hex(block)), "malformed");
  });
}

Deno.test("HpackDecoder: a list at the limit is taken, one byte more is not, however little it takes on the wire", () => {
  const field: HeaderField = ["x", "y".repeat(100 - 33)];
  const decoder = new HpackDecoder(10 * 100);
  // Kept by the receiver, and without the size that would empty the table.
  const block = encodeFields([field]).subarray(1);
  block[0] = 0x40;
  assert.deepEqual(decoder.decode(block), [field]);
  const indexed = (count: number) => new Uint8Array(count).fill(0xbe);
  assert.equal(decoder.decode(indexed(10)).length, 10);
  assert.equal(decoder.decode(indexed(11)), "too-large");
});

Deno.test("HpackDecoder: the table never holds more than its limit", () => {
  const decoder = new HpackDecoder(1 << 20);
  const field = (i: number): HeaderField => [`n${i}`.padEnd(10), "v".repeat(58)];
  const count = DYNAMIC_TABLE_BYTES_MAX / 100 + 10;
  for (let i = 0; i < count; i++) {
    const block = encodeFields([field(i)]);
    // Kept by the receiver, and without the size that would empty the table.
    block[1] = 0x40;
    decoder.decode(block.subarray(1));
  }
  assert.equal(decoder.decode(Uint8Array.of(0x80 | 62 + 40 - 1)).length, 1);
  assert.equal(decoder.decode(Uint8Array.of(0x80 | 62 + 40)), "malformed");
});

Deno.test("encodeFields: what is encoded is decoded, of any length", () => {
  const text = fc.string({ unit: "grapheme-ascii", maxLength: 300 });
  fc.assert(fc.property(fc.array(fc.tuple(text, text), { maxLength: 5 }), (fields) => {
    assert.deepEqual(new HpackDecoder(1 << 20).decode(encodeFields(fields)), fields);
  }));
  assert.deepEqual(encodeFields([[":status", "200"]]), Uint8Array.of(0x20, 0x88));
});

Deno.test("HpackDecoder: any bytes give fields or a problem", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }), (blocks) => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    for (const block of blocks) decoder.decode(block);
  }));
});
