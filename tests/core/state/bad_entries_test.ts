/** Entries that a log must not hold: an error that says so, nothing half done, and replicas that stay equal. */
import { strict as assert } from "node:assert";
import { create, toBinary } from "@bufbuild/protobuf";
import { RaftCommandType, RaftLogEntrySchema } from "../../../proto/gen/v1/node_raft_pb.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { responseError } from "../../../core/state/codec.ts";
import { refusalIn } from "../../../core/state/refusal.ts";
import { newMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();

/** As another program would write it: nothing is checked. */
function raw(sql: string, transaction = true): Uint8Array {
  const statement = { sql };
  return toBinary(
    RaftLogEntrySchema,
    create(RaftLogEntrySchema, { type: RaftCommandType.EXECUTE, sqlExec: { transaction, statement } }),
  );
}

const WRITE = "INSERT INTO mesh_state (key, value) VALUES ('bad', 'x')";

const BAD: Readonly<Record<string, Uint8Array>> = {
  "random()": raw("INSERT INTO mesh_state (key, value) VALUES ('bad', random())"),
  "random() behind a good statement": raw(`${WRITE}; SELECT random()`),
  "datetime('now')": raw("INSERT INTO mesh_state (key, value) VALUES ('bad', datetime('now'))"),
  "CURRENT_TIMESTAMP": raw("INSERT INTO mesh_state (key, value) VALUES ('bad', CURRENT_TIMESTAMP)"),
  "ATTACH": raw("ATTACH 'x.db' AS x"),
  "PRAGMA": raw("PRAGMA foreign_keys = off"),
  "PRAGMA behind a good statement": raw(`${WRITE}; PRAGMA user_version = 7`),
  "COMMIT": raw(`${WRITE}; COMMIT`),
  "two statements where one is allowed": raw(`${WRITE}; DELETE FROM nodes`, false),
  "a statement that fails behind a good one": raw(`${WRITE}; INSERT INTO nope VALUES (1)`),
  "a statement of 64 MB": raw(`SELECT '${"x".repeat(64 << 20)}'`),
  "a statement of one unit too many": raw(`${WRITE} -- ${"x".repeat(64 * 1024)}`),
  "no protobuf": new Uint8Array([0xff, 0xff, 0xff]),
  "half an entry": raw(WRITE).subarray(0, 20),
};

Deno.test("applyBatch: bad entries are answered with an error, change nothing, and replicas stay equal", () => {
  using one = newMesh(engine);
  using other = StateMachine.open(engine, one.machine.snapshot());
  const before = one.contents();
  const first = other.appliedIndex + 1;
  const answers = Object.entries(BAD).map(([name, data]) => {
    const response = one.applyBytes(data);
    assert.notEqual(responseError(response), undefined, name);
    // What callers are told: the text may not be in a log, or this state does not allow it.
    const reason = name.startsWith("a statement that fails") ? "precondition" : "invalid-argument";
    assert.deepEqual([refusalIn(response)?.kind, refusalIn(response)?.reason], ["refused", reason], name);
    assert((responseError(response) ?? "").length < 200, "the text of an entry is not repeated");
    return response;
  });
  assert.deepEqual(one.contents(), before);
  assert.deepEqual(
    other.applyBatch(Object.values(BAD).map((data, n) => ({ index: first + n, term: 1, data }))),
    answers,
  );
  assert.equal(other.stateHash(), one.machine.stateHash());
  assert.deepEqual(other.canonicalImage(), one.machine.canonicalImage());
  assert.equal(one.machine.rows("SELECT * FROM pragma_foreign_keys").rows[0]?.[0], 1);
});

Deno.test("applyBatch: one statement needs no transaction, and a trailing semicolon is none", () => {
  using mesh = newMesh(engine);
  assert.equal(responseError(mesh.applyBytes(raw(`${WRITE};`, false))), undefined);
});
