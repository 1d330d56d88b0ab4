import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  decodeHave,
  decodeOffer,
  decodePart,
  encodeHave,
  encodeOffer,
  encodePart,
} from "../../../core/io/raft_link_snapshot.ts";

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });

Deno.test("raft_link_snapshot: what is encoded is decoded", () => {
  fc.assert(fc.property(digest, number, fc.uint8Array(), (digest, bytes, rest) => {
    const offer = { digest, dataBytes: bytes, head: rest };
    assert.deepEqual(decodeOffer(encodeOffer(offer)), offer);
    assert.deepEqual(decodeHave(encodeHave({ digest, bytes })), { digest, bytes });
    assert.deepEqual(decodePart(encodePart({ offset: bytes, bytes: rest })), { offset: bytes, bytes: rest });
  }));
});

Deno.test("raft_link_snapshot: what is cut, or has too large a number, is refused", () => {
  const full = { digest: new Uint8Array(32), bytes: 1 };
  for (let length = 0; length < 40; length++) {
    const cut = encodeHave(full).subarray(0, length);
    assert.deepEqual([decodeOffer(cut), decodeHave(cut)], [undefined, undefined]);
    if (length < 8) assert.equal(decodePart(cut), undefined);
  }
  assert.equal(decodeHave(new Uint8Array(41)), undefined);
  const large = encodeHave(full);
  large[39] = 0xff;
  assert.deepEqual([decodeHave(large), decodeOffer(large), decodePart(large.subarray(32))], [
    undefined,
    undefined,
    undefined,
  ]);
});
