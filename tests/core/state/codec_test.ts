import { strict as assert } from "node:assert";
import fc from "fast-check";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  RaftCommandType,
  RaftLogEntrySchema,
  type SQLParameter,
  SQLParameterType,
} from "../../../proto/gen/v1/node_raft_pb.ts";
import { LogEnvelopeSchema } from "../../../proto/gen/weft/v1/log_pb.ts";
import { InvariantError } from "../../../core/assert.ts";
import {
  type DecodedEntry,
  decodeEntry,
  encodeCheckpoint,
  encodeClaim,
  encodeEntry,
  entryResponse,
  executionEntry,
  executionResponse,
  queryEntry,
  queryResponse,
  responseError,
  responseRows,
  sqlErrorResponse,
} from "../../../core/state/codec.ts";
import { ENTRY_BYTES_MAX, PARAMETER_COUNT_MAX, PARAMETER_UNITS_MAX } from "../../../core/state/limits.ts";

function decodeParameters(...parameters: Partial<Omit<SQLParameter, "$typeName" | "$unknown">>[]): DecodedEntry {
  const statement = { sql: "SELECT 1", parameters };
  return decodeEntry(toBinary(
    RaftLogEntrySchema,
    create(RaftLogEntrySchema, { type: RaftCommandType.QUERY, sqlQuery: { statement } }),
  ));
}

function why(entry: DecodedEntry): string | undefined {
  return entry.kind === "undecodable" ? entry.why : undefined;
}

Deno.test("encodeEntry, decodeEntry: what goes in comes out", () => {
  const parameters = { n: -(2 ** 53 - 1), s: "ä'\0", z: null, b: new Uint8Array([1, 0]), e: "", zero: 0 };
  const query = decodeEntry(encodeEntry(queryEntry("SELECT :n", parameters)));
  assert(query.kind === "query");
  assert.deepEqual([query.sql, { ...query.parameters }], ["SELECT :n", parameters]);
  assert.equal(decodeEntry(encodeEntry(executionEntry("DELETE FROM t", {}))).kind, "execution");
});

Deno.test("queryEntry, executionEntry: one transaction, one command", () => {
  const query = queryEntry("SELECT 1", {});
  assert.deepEqual([query.type, query.sqlQuery?.transaction, query.sqlExec], [RaftCommandType.QUERY, true, undefined]);
  const execution = executionEntry("SELECT 1", {});
  assert.deepEqual([execution.type, execution.sqlExec?.transaction, execution.sqlQuery], [
    RaftCommandType.EXECUTE,
    true,
    undefined,
  ]);
});

Deno.test("decodeEntry: the greatest entry, and one byte more", () => {
  const entry = (sqlBytes: number) => toBinary(RaftLogEntrySchema, executionEntry("x".repeat(sqlBytes), {}));
  const overhead = entry(200_000).length - 200_000;
  assert.equal(entry(ENTRY_BYTES_MAX - overhead).length, ENTRY_BYTES_MAX);
  assert.equal(decodeEntry(entry(ENTRY_BYTES_MAX - overhead)).kind, "execution");
  assert.equal(why(decodeEntry(entry(ENTRY_BYTES_MAX - overhead + 1))), "Entry is too long");
});

Deno.test("decodeEntry: the most parameters, and one more", () => {
  const parameters = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ name: `p${n}`, type: SQLParameterType.SQL_PARAM_NULL }));
  assert.equal(decodeParameters(...parameters(PARAMETER_COUNT_MAX)).kind, "query");
  assert.equal(why(decodeParameters(...parameters(PARAMETER_COUNT_MAX + 1))), "Entry has too many parameters");
});

Deno.test("decodeEntry: the longest text and bytes, and one more", () => {
  const type = SQLParameterType.SQL_PARAM_STRING;
  assert.equal(decodeParameters({ name: "p", type, str: "x".repeat(PARAMETER_UNITS_MAX) }).kind, "query");
  assert.notEqual(why(decodeParameters({ name: "p", type, str: "x".repeat(PARAMETER_UNITS_MAX + 1) })), undefined);
  const bytes = SQLParameterType.SQL_PARAM_BYTES;
  assert.equal(decodeParameters({ name: "p", type: bytes, bytes: new Uint8Array(PARAMETER_UNITS_MAX) }).kind, "query");
  assert.notEqual(
    why(decodeParameters({ name: "p", type: bytes, bytes: new Uint8Array(PARAMETER_UNITS_MAX + 1) })),
    undefined,
  );
});

Deno.test("decodeEntry: integers are safe, booleans are integers", () => {
  const type = SQLParameterType.SQL_PARAM_INT64;
  const entry = decodeParameters({ name: "n", type, int64: 2n ** 53n - 1n }, {
    name: "b",
    type: SQLParameterType.SQL_PARAM_BOOL,
    bool: true,
  });
  assert(entry.kind === "query");
  assert.deepEqual({ ...entry.parameters }, { n: 2 ** 53 - 1, b: 1 });
  assert.notEqual(why(decodeParameters({ name: "n", type, int64: 2n ** 53n })), undefined);
  assert.notEqual(why(decodeParameters({ name: "n", type, int64: -(2n ** 63n) })), undefined);
});

Deno.test("decodeEntry: refuses types that replicated tables do not hold", () => {
  const { SQL_PARAM_DOUBLE, SQL_PARAM_TIME, SQL_PARAM_UNKNOWN } = SQLParameterType;
  for (const type of [SQL_PARAM_DOUBLE, SQL_PARAM_TIME, SQL_PARAM_UNKNOWN]) {
    assert.notEqual(why(decodeParameters({ name: "p", type, double: 0.5 })), undefined);
  }
});

Deno.test("decodeEntry: parameters have names of their own", () => {
  const type = SQLParameterType.SQL_PARAM_NULL;
  assert.notEqual(why(decodeParameters({ name: "", type })), undefined);
  assert.notEqual(why(decodeParameters({ name: "a", type }, { name: "a", type })), undefined);
  const entry = decodeParameters({ name: "__proto__", type: SQLParameterType.SQL_PARAM_STRING, str: "x" });
  assert(entry.kind === "query");
  assert.deepEqual(Object.keys(entry.parameters), ["__proto__"]);
});

Deno.test("decodeEntry: an entry has the statement that its type promises", () => {
  const statement = { sql: "SELECT 1" };
  const encode = (type: RaftCommandType, message: MessageInitShape<typeof RaftLogEntrySchema>) =>
    toBinary(RaftLogEntrySchema, create(RaftLogEntrySchema, { ...message, type }));
  const typeThree = [0x08, 0x03];
  for (
    const data of [
      encode(RaftCommandType.UNKNOWN, { sqlQuery: { statement } }),
      encode(RaftCommandType.QUERY, { sqlExec: { statement } }),
      encode(RaftCommandType.EXECUTE, { sqlQuery: { statement } }),
      encode(RaftCommandType.QUERY, { sqlQuery: {} }),
      encode(RaftCommandType.QUERY, {}),
      new Uint8Array([...encode(RaftCommandType.EXECUTE, { sqlExec: { statement } }), ...typeThree]),
    ]
  ) assert.equal(why(decodeEntry(data)), "Entry has no statement");
});

Deno.test("decodeEntry: hostile bytes never throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    decodeEntry(bytes);
  }));
  const entry = encodeEntry(queryEntry("SELECT :a", { a: "text", b: 7 }));
  for (let length = 0; length < entry.length; length++) decodeEntry(entry.subarray(0, length));
  for (let at = 0; at < entry.length; at++) {
    for (const bit of [1, 8, 128]) decodeEntry(entry.with(at, (entry[at] ?? 0) ^ bit));
  }
});

Deno.test("encodeEntry: refuses to propose what replicas would refuse", () => {
  assert.throws(() => encodeEntry(queryEntry("SELECT 1", { p: "x".repeat(PARAMETER_UNITS_MAX + 1) })), InvariantError);
  assert.throws(() => queryEntry("SELECT 1", { p: 0.5 }), InvariantError);
});

Deno.test("queryResponse, responseRows: rows come back", () => {
  const rows = { columns: ["a", "b", "c"], rows: [[null, "x", null], [7, "", null]] };
  const response = queryResponse(rows);
  assert.deepEqual(responseRows(response), rows);
  assert.deepEqual(response.queryResult?.types, ["INTEGER", "TEXT", "NULL"]);
  assert.equal(responseError(response), undefined);
});

Deno.test("executionResponse: a count and no rows", () => {
  const response = executionResponse(3);
  assert.equal(response.execResult?.rowsAffected, 3n);
  assert.deepEqual(responseRows(response), { columns: [], rows: [] });
  assert.equal(responseError(response), undefined);
});

Deno.test("sqlErrorResponse, entryResponse: errors stand where the kind of entry says", () => {
  assert.equal(sqlErrorResponse("query", "no").queryResult?.error, "no");
  assert.equal(sqlErrorResponse("execution", "no").execResult?.error, "no");
  assert.equal(entryResponse("no").error, "no");
  assert.equal(responseError(entryResponse()), undefined);
  for (const response of [sqlErrorResponse("query", "no"), sqlErrorResponse("execution", "no"), entryResponse("no")]) {
    assert.equal(responseError(response), "no");
  }
});

Deno.test("encodeEntry: a reader of v1 sees the entry and nothing of its session", () => {
  const entry = queryEntry("SELECT :a", { a: 1 });
  const bytes = encodeEntry(entry, { clientId: "client", sequence: 7 });
  const { $unknown, ...seen } = fromBinary(RaftLogEntrySchema, bytes);
  assert.deepEqual(seen, { ...entry });
  assert.equal($unknown?.length, 1);
  const decoded = decodeEntry(bytes);
  assert(decoded.kind === "query");
  assert.deepEqual(decoded.session, { clientId: "client", sequence: 7 });
  const plain = decodeEntry(encodeEntry(entry));
  assert.equal(plain.kind === "query" && plain.session, undefined);
});

Deno.test("decodeEntry: a session that is none makes no entry", () => {
  const entry = toBinary(RaftLogEntrySchema, queryEntry("SELECT 1", {}));
  const withSession = (clientId: string, sequence: bigint) =>
    new Uint8Array([
      ...entry,
      ...toBinary(LogEnvelopeSchema, create(LogEnvelopeSchema, { session: { clientId, sequence } })),
    ]);
  assert.equal(decodeEntry(withSession("a", 1n)).kind, "query");
  for (const [clientId, sequence] of [["", 1n], ["a b", 1n], ["a", 0n], ["a", 2n ** 53n]] as const) {
    assert.notEqual(why(decodeEntry(withSession(clientId, sequence))), undefined);
  }
  assert.equal(
    why(decodeEntry(new Uint8Array([...entry, 0xca, 0x3e, 0x02, 0xff, 0xff]))),
    "Entry has an envelope that cannot be read",
  );
});

Deno.test("encodeCheckpoint, encodeClaim: come back, and ask nothing of a reader of v1", () => {
  const claim = { index: 2 ** 40, hash: "ab".repeat(32), member: 3 };
  assert.deepEqual(decodeEntry(encodeCheckpoint()), { kind: "checkpoint" });
  assert.deepEqual(decodeEntry(encodeClaim(claim)), { kind: "claim", claim });
  for (const bytes of [encodeCheckpoint(), encodeClaim(claim)]) {
    assert.equal(fromBinary(RaftLogEntrySchema, bytes).type, RaftCommandType.UNKNOWN);
  }
  assert.notEqual(why(decodeEntry(encodeClaim({ ...claim, hash: "ab" }))), undefined);
});
