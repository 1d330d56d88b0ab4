/**
 * Segment headers and names.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  identityChecksum,
  segmentName,
  segmentNumber,
  WAL_FORMAT_VERSION,
} from "../../../core/io/wal_segment.ts";

const HEADER = {
  version: WAL_FORMAT_VERSION,
  identity: identityChecksum("mesh/node"),
  segment: 3,
  sectors: 16384,
  firstBatch: Number.MAX_SAFE_INTEGER,
  firstIndex: 12,
  chain: 0xffffffff,
};

Deno.test("decodeSegmentHeader: reads what encodeSegmentHeader wrote", () => {
  assert.deepEqual(decodeSegmentHeader(encodeSegmentHeader(HEADER)), HEADER);
});

Deno.test("decodeSegmentHeader: every flipped bit is found, and so is a short file", () => {
  const sector = encodeSegmentHeader(HEADER);
  for (let bit = 0; bit < sector.length * 8; bit++) {
    const damaged = sector.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(decodeSegmentHeader(damaged), undefined, `bit ${bit}`);
  }
  assert.equal(decodeSegmentHeader(sector.subarray(0, 511)), undefined);
  assert.equal(decodeSegmentHeader(new Uint8Array()), undefined);
});

Deno.test("segmentName: sorts by number and is read back; other files are not segments", () => {
  assert.equal(segmentName(42, 7), "0000000000000042-0000000000000007.wal");
  assert(segmentName(9, 99) < segmentName(10, 1));
  assert.equal(segmentNumber(segmentName(42, 7)), 42);
  for (const name of ["spare.tmp", "LOCK", "42-7.wal", `${segmentName(1, 1)}.bak`]) {
    assert.equal(segmentNumber(name), undefined, name);
  }
});

Deno.test("identityChecksum: differs by owner", () => {
  assert.notEqual(identityChecksum("mesh/a"), identityChecksum("mesh/b"));
});
