/**
 * Tests for `core/state/entry_writer.ts`: the same bytes as the generated codec's, or none.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  RaftCommandType,
  type RaftLogEntry,
  RaftLogEntrySchema,
  SQLParameterType,
} from "../../../proto/gen/v1/node_raft_pb.ts";
import { decodeEntry, executionEntry, queryEntry } from "../../../core/state/codec.ts";
import { EntryWriter } from "../../../core/state/entry_writer.ts";
import { ENTRY_BYTES_MAX, PARAMETER_COUNT_MAX, PARAMETER_UNITS_MAX } from "../../../core/state/limits.ts";

Deno.test("EntryWriter: writes what commands make, as the generated codec does", () => {
  const writer = new EntryWriter();
  for (const make of [queryEntry, executionEntry]) {
    for (
      const parameters of [{}, { key: "k", value: "é".repeat(5000), n: -7, zero: 0, none: "", large: 0x3fff_ffff }]
    ) {
      const entry = make("INSERT INTO t VALUES (:key)", parameters);
      assert.deepEqual(writer.write(entry), toBinary(RaftLogEntrySchema, entry));
    }
  }
});

Deno.test("EntryWriter: what it writes is what the generated codec writes, and can be read, whatever the entry", () => {
  const writer = new EntryWriter();
  const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: "binary", maxLength: 5 }));
  const value = fc.oneof(text, fc.integer(), fc.maxSafeInteger(), fc.constant(null), fc.uint8Array({ maxLength: 4 }));
  let writtenCount = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(queryEntry, executionEntry),
      text,
      fc.dictionary(text, value, { maxKeys: 5 }),
      fc.boolean(),
      (make, sql, parameters, transaction) => {
        const entry = make(sql, parameters);
        for (const command of [entry.sqlQuery, entry.sqlExec]) if (command) command.transaction = transaction;
        const written = writer.write(entry);
        if (!written) return;
        writtenCount++;
        assert.deepEqual(written, toBinary(RaftLogEntrySchema, entry));
        assert.notEqual(decodeEntry(written).kind, "undecodable");
      },
    ),
    { numRuns: 3000 },
  );
  assert(writtenCount > 500, `${writtenCount} entries were written quickly`);
});

Deno.test("EntryWriter: limits are left to the codec, which says what is wrong", () => {
  const writer = new EntryWriter();
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, i]));
  const writes = (entry: RaftLogEntry) => writer.write(entry) !== undefined;
  assert.equal(writes(executionEntry("x", many(PARAMETER_COUNT_MAX))), true);
  assert.equal(writes(executionEntry("x", many(PARAMETER_COUNT_MAX + 1))), false);
  assert.equal(writes(executionEntry("x", { p: "v".repeat(PARAMETER_UNITS_MAX) })), true);
  assert.equal(writes(executionEntry("x", { p: "v".repeat(PARAMETER_UNITS_MAX + 1) })), false);
  assert.equal(writes(executionEntry("x", { p: 0x4000_0000 })), false);
  // What is around the text takes 16 bytes.
  assert.equal(writer.write(executionEntry("x".repeat(ENTRY_BYTES_MAX - 16), {}))?.length, ENTRY_BYTES_MAX);
  assert.equal(writes(executionEntry("x".repeat(ENTRY_BYTES_MAX - 15), {})), false);
});

/** Entries of other shapes, which only the generated codec can write. */
const OTHERS: Readonly<Record<string, RaftLogEntry>> = {
  "without a type": create(RaftLogEntrySchema, { sqlExec: { statement: { sql: "x" } } }),
  "without a statement": create(RaftLogEntrySchema, { type: RaftCommandType.EXECUTE, sqlExec: {} }),
  "without SQL": executionEntry("", {}),
  "with both": create(RaftLogEntrySchema, {
    type: RaftCommandType.EXECUTE,
    sqlExec: { statement: { sql: "x" } },
    sqlQuery: { statement: { sql: "x" } },
  }),
  "of the other": create(RaftLogEntrySchema, { type: RaftCommandType.QUERY, sqlExec: { statement: { sql: "x" } } }),
  "with a broken text": executionEntry("\ud800", {}),
  "with a broken value": executionEntry("x", { a: "\ud800" }),
  "with a nameless parameter": executionEntry("x", { "": 1 }),
  "with one name twice": create(RaftLogEntrySchema, {
    type: RaftCommandType.EXECUTE,
    sqlExec: {
      statement: {
        sql: "x",
        parameters: [1, 2].map(() => ({ name: "a", type: SQLParameterType.SQL_PARAM_STRING, str: "b" })),
      },
    },
  }),
  "with two values": create(RaftLogEntrySchema, {
    type: RaftCommandType.EXECUTE,
    sqlExec: {
      statement: {
        sql: "x",
        parameters: [{ name: "a", type: SQLParameterType.SQL_PARAM_STRING, str: "b", int64: 1n }],
      },
    },
  }),
  "with bytes": executionEntry("x", { a: new Uint8Array(1) }),
};

for (const [name, entry] of Object.entries(OTHERS)) {
  Deno.test(`EntryWriter: an entry ${name} is not written quickly`, () => {
    assert.equal(new EntryWriter().write(entry), undefined);
  });
}
