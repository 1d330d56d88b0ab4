import { strict as assert } from "node:assert";
import fc from "fast-check";
import { create, toBinary } from "@bufbuild/protobuf";
import { RaftCommandType, RaftLogEntrySchema, SQLParameterType } from "../../../proto/gen/v1/node_raft_pb.ts";
import { decodeEntry, executionEntry, queryEntry } from "../../../core/state/codec.ts";
import { EntryReader } from "../../../core/state/entry_reader.ts";
import { ENTRY_BYTES_MAX, PARAMETER_COUNT_MAX, PARAMETER_UNITS_MAX } from "../../../core/state/limits.ts";
import { type SqlArguments, type SqlParameters, SqlText } from "../../../core/seams/sql_database.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The same with texts as the codec gives them. */
function decoded<Entry extends { readonly parameters: SqlArguments }>(entry: Entry | undefined): Entry | undefined {
  if (!entry) return undefined;
  const parameters = Object.create(null);
  for (const [name, value] of Object.entries(entry.parameters)) {
    parameters[name] = value instanceof SqlText ? decoder.decode(value.utf8) : value;
  }
  return { ...entry, parameters };
}

function bytesOf(kind: "query" | "execution", sql: string, parameters: SqlParameters): Uint8Array {
  return toBinary(RaftLogEntrySchema, (kind === "query" ? queryEntry : executionEntry)(sql, parameters));
}

Deno.test("EntryReader: reads what commands make, as the generated codec does", () => {
  const reader = new EntryReader();
  for (const kind of ["query", "execution"] as const) {
    for (const parameters of [{}, { key: "k", value: "v".repeat(5000), n: -7, zero: 0, none: "" }]) {
      const data = bytesOf(kind, "INSERT INTO t VALUES (:key)", parameters);
      assert.deepEqual(decoded(reader.read(data)), decodeEntry(data));
      assert.notEqual(reader.read(data), undefined);
    }
  }
});

Deno.test("EntryReader: what it reads is what the generated codec reads, whatever the entry", () => {
  const reader = new EntryReader();
  const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: "grapheme", maxLength: 5 }));
  const value = fc.oneof(text, fc.integer(), fc.maxSafeInteger(), fc.constant(null), fc.uint8Array({ maxLength: 4 }));
  const parameters = fc.dictionary(text, value, { maxKeys: 5 });
  let readCount = 0;
  fc.assert(
    fc.property(
      fc.constantFrom("query", "execution"),
      text,
      parameters,
      fc.nat(),
      fc.nat(255),
      (kind, sql, some, at, byte) => {
        const data = bytesOf(kind, sql, some);
        const broken = data.slice();
        broken[at % broken.length] = byte;
        for (const bytes of [data, broken, data.subarray(0, at % data.length)]) {
          const quick = reader.read(bytes);
          if (!quick) continue;
          readCount++;
          assert.deepEqual(decoded(quick), decodeEntry(bytes));
        }
      },
    ),
    { numRuns: 3000 },
  );
  assert(readCount > 100, `${readCount} entries were read quickly`);
});

Deno.test("EntryReader: limits are left to the codec, which says what is wrong", () => {
  const reader = new EntryReader();
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, i]));
  const read = (sql: string, parameters: SqlParameters) =>
    reader.read(bytesOf("execution", sql, parameters)) !== undefined;
  assert.equal(read("x", many(PARAMETER_COUNT_MAX)), true);
  assert.equal(read("x", many(PARAMETER_COUNT_MAX + 1)), false);
  assert.equal(read("x", { a: "y".repeat(PARAMETER_UNITS_MAX) }), true);
  assert.equal(read("x", { a: "y".repeat(PARAMETER_UNITS_MAX + 1) }), false);
  assert.equal(read("x".repeat(ENTRY_BYTES_MAX), {}), false);
});

Deno.test("EntryReader: other shapes are not read", () => {
  const statement = { sql: "SELECT 1" };
  const entries = [
    create(RaftLogEntrySchema, {}),
    create(RaftLogEntrySchema, { type: RaftCommandType.QUERY }),
    create(RaftLogEntrySchema, { type: RaftCommandType.QUERY, sqlExec: { statement } }),
    create(RaftLogEntrySchema, { type: RaftCommandType.QUERY, sqlQuery: { statement }, sqlExec: { statement } }),
    create(RaftLogEntrySchema, {
      type: RaftCommandType.QUERY,
      sqlQuery: { statement: { ...statement, parameters: [{ name: "a", type: SQLParameterType.SQL_PARAM_BOOL }] } },
    }),
  ];
  for (const entry of entries) assert.equal(new EntryReader().read(toBinary(RaftLogEntrySchema, entry)), undefined);
});
