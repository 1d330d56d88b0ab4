/**
 * Records: round trip of every kind, and hostile bytes.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import {
  chainRecords,
  decodeRecord,
  encodeRecords,
  extendChain,
  SNAPSHOTS_KEPT_MAX,
  type WalRecord,
} from "../../../core/io/wal_record.ts";

const number = fc.maxSafeNat();
const data = fc.uint8Array({ maxLength: 100 });
const mark = fc.record({
  index: number,
  term: number,
  id: number,
  manifestDigest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});

const record: fc.Arbitrary<WalRecord> = fc.oneof(
  fc.record({
    kind: fc.constant("entry" as const),
    entry: fc.record({
      term: number,
      index: number,
      type: fc.constantFrom("normal" as const, "conf-change" as const, "conf-change-v2" as const),
      data,
    }),
  }),
  fc.record({
    kind: fc.constant("hard-state" as const),
    hardState: fc.record({ term: number, vote: number, commit: number }),
  }),
  fc.record({ kind: fc.constant("truncate" as const), fromIndex: number }),
  fc.record({ kind: fc.constantFrom("snapshot-saved" as const, "snapshot-installed" as const), mark }),
  fc.record({ kind: fc.constant("snapshots-kept" as const), marks: fc.array(mark, { maxLength: 2 }) }),
  fc.record({
    kind: fc.constant("commit" as const),
    lastIndex: number,
    recordsCount: fc.nat(0xffffffff),
    chain: fc.nat(0xffffffff),
  }),
);

/** All records in `content`, or what is wrong. */
function decodeAll(content: Uint8Array): WalRecord[] | string {
  const records: WalRecord[] = [];
  for (let offset = 0; offset < content.length;) {
    const decoded = decodeRecord(content, offset);
    if (typeof decoded === "string") return decoded;
    records.push(decoded.record);
    offset = decoded.end;
  }
  return records;
}

Deno.test("decodeRecord: reads what encodeRecords wrote, all kinds in any order", () => {
  fc.assert(fc.property(fc.array(record, { maxLength: 6 }), (records) => {
    const bytes = encodeRecords(records);
    assert.equal(bytes.length % 8, 0);
    assert.deepEqual(decodeAll(bytes), structuredClone(records));
  }));
});

Deno.test("decodeRecord: the data of an entry are a view, everything else is a copy", () => {
  const mark = { index: 1, term: 1, id: 1, manifestDigest: new Uint8Array(32).fill(7) };
  const bytes = encodeRecords([
    { kind: "entry", entry: { term: 1, index: 1, type: "normal", data: Uint8Array.of(1) } },
    { kind: "snapshot-saved", mark },
  ]);
  const entry = decodeRecord(bytes, 0);
  assert(typeof entry !== "string" && entry.record.kind === "entry");
  assert.equal(entry.record.entry.data.buffer, bytes.buffer);
  const saved = decodeRecord(bytes, entry.end);
  assert(typeof saved !== "string");
  bytes.fill(0xaa);
  assert.deepEqual(saved.record, { kind: "snapshot-saved", mark });
});

Deno.test("decodeRecord: every flipped bit is found", () => {
  fc.assert(
    fc.property(record, fc.nat(), (record, position) => {
      const bytes = encodeRecords([record]);
      const bit = position % (bytes.length * 8);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(typeof decodeRecord(bytes, 0), "string");
    }),
    { numRuns: 500 },
  );
});

Deno.test("decodeRecord: never throws, whatever the bytes, and says what is wrong", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.equal(typeof decodeRecord(bytes, 0), "string");
  }));
  assert.equal(decodeRecord(new Uint8Array(7), 0), "a record starts too close to the end of its batch");
  const length = new Uint8Array(64);
  length.fill(0xff, 4, 8);
  assert.match(String(decodeRecord(length, 0)), /is longer than its batch/);
  assert.equal(decodeRecord(new Uint8Array(64), 0), "a record's checksum is wrong");
});

Deno.test("chainRecords: counts records and chains their checksums", () => {
  const bytes = encodeRecords([{ kind: "truncate", fromIndex: 1 }, { kind: "truncate", fromIndex: 2 }]);
  const first = decodeRecord(bytes, 0);
  const second = decodeRecord(bytes, 32);
  assert(typeof first !== "string" && typeof second !== "string");
  const chain = extendChain(extendChain(9, first.checksum), second.checksum);
  assert.deepEqual(chainRecords(bytes, 9), { recordsCount: 2, chain });
  assert.notEqual(chainRecords(bytes.subarray(32), 9).chain, chainRecords(bytes.subarray(0, 32), 9).chain);
});

Deno.test("encodeRecords: one snapshot more than are kept is a broken invariant", () => {
  const marks = Array.from({ length: SNAPSHOTS_KEPT_MAX + 1 }, () => ({
    ...{ index: 1, term: 1, id: 1 },
    manifestDigest: new Uint8Array(32),
  }));
  assert.throws(() => encodeRecords([{ kind: "snapshots-kept", marks }]), InvariantError);
  assert.ok(encodeRecords([{ kind: "snapshots-kept", marks: marks.slice(1) }]).length > 0);
});
