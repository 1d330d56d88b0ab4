/**
 * Sectors of a batch: round trip, and what each kind of damage looks like.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { InvariantError } from "../../../core/assert.ts";
import { Slab } from "../../../core/bytes/slab.ts";
import {
  BATCH_SECTORS_MAX,
  packBatch,
  readTrailer,
  SECTOR_BYTES,
  SECTOR_CONTENT_BYTES,
  sectorsFor,
  unpackBatch,
} from "../../../core/io/wal_layout.ts";

const PLACE = { segment: 7, sector: 1, batch: 0x1_0000_0005 };

/** A file of four sectors with one batch of two from sector 1 on. */
function fileWithBatch(content: Uint8Array): Uint8Array {
  const file = new Uint8Array(4 * SECTOR_BYTES);
  packBatch(content, PLACE, file.subarray(SECTOR_BYTES, 3 * SECTOR_BYTES));
  return file;
}

const CONTENT = Uint8Array.from({ length: SECTOR_CONTENT_BYTES + 8 }, (_, i) => i & 0xff);

Deno.test("packBatch: what it lays out is read back, with zeros behind it", () => {
  const file = fileWithBatch(CONTENT);
  const padded = new Uint8Array(2 * SECTOR_CONTENT_BYTES);
  padded.set(CONTENT);
  assert.deepEqual(unpackBatch(file, 1, 2, new Slab()), padded);
  assert.deepEqual(readTrailer(file, 7, 1), { kind: "written", batch: PLACE.batch, sectorsLeft: 2 });
  assert.deepEqual(readTrailer(file, 7, 2), { kind: "written", batch: PLACE.batch, sectorsLeft: 1 });
  assert.deepEqual(readTrailer(file, 7, 3), { kind: "unwritten" });
});

Deno.test("packBatch: clears what was in its buffer before", () => {
  const target = new Uint8Array(SECTOR_BYTES).fill(0xee);
  packBatch(Uint8Array.of(1), PLACE, target);
  assert(target.subarray(1, SECTOR_CONTENT_BYTES).every((byte) => byte === 0));
});

Deno.test("readTrailer: a sector torn anywhere is unwritten, whatever the content", () => {
  for (const fill of [0x00, 0xff]) {
    const whole = fileWithBatch(new Uint8Array(2 * SECTOR_CONTENT_BYTES).fill(fill));
    for (let keptBytes = 0; keptBytes < SECTOR_BYTES; keptBytes++) {
      const torn = whole.slice();
      torn.fill(0, SECTOR_BYTES + keptBytes, 2 * SECTOR_BYTES);
      assert.equal(readTrailer(torn, 7, 1).kind, "unwritten", `${keptBytes} bytes`);
    }
  }
});

Deno.test("readTrailer: every flipped bit of a trailer is damage", () => {
  const whole = fileWithBatch(CONTENT);
  for (let bit = 0; bit < 16 * 8; bit++) {
    const damaged = whole.slice();
    const at = SECTOR_BYTES + SECTOR_CONTENT_BYTES + (bit >> 3);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (bit & 7));
    assert.equal(readTrailer(damaged, 7, 1).kind, "damaged", `bit ${bit}`);
  }
});

Deno.test("readTrailer: a sector in the wrong place or segment is damage", () => {
  const file = fileWithBatch(CONTENT);
  assert.equal(readTrailer(file, 8, 1).kind, "damaged");
  file.copyWithin(3 * SECTOR_BYTES, SECTOR_BYTES, 2 * SECTOR_BYTES);
  assert.equal(readTrailer(file, 7, 3).kind, "damaged");
});

Deno.test("BATCH_SECTORS_MAX: a batch of so many sectors is laid out, a larger one is a bug", () => {
  const target = new Uint8Array(BATCH_SECTORS_MAX * SECTOR_BYTES);
  packBatch(new Uint8Array(BATCH_SECTORS_MAX * SECTOR_CONTENT_BYTES), { ...PLACE, sector: 0 }, target);
  assert.deepEqual(readTrailer(target, 7, 0), { kind: "written", batch: PLACE.batch, sectorsLeft: BATCH_SECTORS_MAX });
  const tooLarge = new Uint8Array(BATCH_SECTORS_MAX * SECTOR_CONTENT_BYTES + 1);
  const sectors = new Uint8Array(sectorsFor(tooLarge.length) * SECTOR_BYTES);
  assert.throws(() => packBatch(tooLarge, PLACE, sectors), InvariantError);
});
