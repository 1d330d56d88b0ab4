import { strict as assert } from "node:assert";
import { sha256 } from "../../../core/crypto/sha256.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { encodeEntry, encodeRestoreCommit, encodeRestorePart } from "../../../core/state/codec.ts";
import { bootstrapCommand } from "../../../core/state/commands/bootstrap_mesh.ts";
import { migrateCommand } from "../../../core/state/commands/migrate.ts";
import { putRaftAclCommand } from "../../../core/state/commands/put_raft_acl.ts";
import { executionEntry } from "../../../core/state/codec.ts";
import { RESTORE_PART_BYTES_MAX, RESTORE_PART_COUNT_MAX } from "../../../core/state/limits.ts";
import { SCHEMA_VERSION } from "../../../core/state/migrations.ts";
import { listNodes } from "../../../core/state/queries/list_nodes.ts";
import { listRaftAcls } from "../../../core/state/queries/raft_acls.ts";
import { bootstrap, EPOCH_MS, Mesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();
const ID = "restore-1";

function mesh(meshId = "mesh-1"): Mesh {
  const made = new Mesh(StateMachine.open(engine));
  for (let version = 1; version <= SCHEMA_VERSION; version++) made.apply(migrateCommand(version));
  made.apply(bootstrapCommand(bootstrap({ meshId })));
  return made;
}

function acl(made: Mesh, name: string): void {
  const response = made.apply(putRaftAclCommand({ name, patterns: ["*"], action: "allow", nowMs: EPOCH_MS }));
  assert.equal(response.error, "");
}

/** The entries of a restore. */
function entries(image: Uint8Array, force = false, hash = sha256(image).toHex(), partBytes = 10_000): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < image.length; offset += partBytes) {
    parts.push(encodeRestorePart({ id: ID, position: parts.length, data: image.slice(offset, offset + partBytes) }));
  }
  return [...parts, encodeRestoreCommit({ id: ID, partCount: parts.length, sha256: hash, force, nowMs: EPOCH_MS })];
}

/** Applies all, and returns what the last one said. */
function restore(made: Mesh, data: readonly Uint8Array[]): string {
  return data.map((bytes) => made.applyBytes(bytes).error).at(-1) ?? "";
}

Deno.test("restore: the backup's rows are back, the log goes on, and who is in the mesh stays", () => {
  using made = mesh();
  const kept = made.join(1);
  made.join(2);
  acl(made, "old");
  const image = made.machine.snapshot();
  made.leave(2);
  const later = made.join(3);
  acl(made, "new");
  const before = made.machine.appliedIndex;
  const data = entries(image);
  assert.equal(restore(made, data), "");
  assert.equal(made.machine.appliedIndex, before + data.length);
  assert.deepEqual(made.machine.read(listRaftAcls).map(({ name }) => name), ["old"]);
  const nodes = made.machine.read(listNodes);
  assert.deepEqual(nodes.map(({ id, raftId }) => [id, raftId]), [["node-0", 1], ["node-1", kept.raftId], [
    "node-3",
    later.raftId,
  ]]);
  assert.equal(`${nodes[2]?.ipv4}`, `${later.ipv4}`, "addresses stay");
  assert.equal(made.join(4).raftId, later.raftId + 1, "numbers are not given twice");
  assert.equal(made.machine.rows("SELECT count(*) FROM sqlite_schema WHERE name = 'raft_restore'").rows[0]?.[0], 0);
});

Deno.test("restore: a node that was left out gets its addresses back, and leases of now win", () => {
  using made = mesh();
  const gone = made.join(1);
  const image = made.machine.snapshot();
  made.leave(1);
  assert.equal(restore(made, entries(image)), "");
  const back = made.join(1, { raftInstance: "another" });
  assert.deepEqual([`${back.ipv4}`, `${back.ipv6}`], [`${gone.ipv4}`, `${gone.ipv6}`]);
  assert.notEqual(back.raftId, gone.raftId);
});

Deno.test("restore: rows of other tables that hang on members stay, those of strangers go", () => {
  using made = mesh();
  made.join(1);
  made.join(2);
  const sql = `CREATE TABLE notes (node_id TEXT NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    text TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO notes VALUES ('node-1', 'one'), ('node-2', 'two')`;
  assert.equal(made.apply(executionEntry(sql, {})).error, "");
  const image = made.machine.snapshot();
  made.apply(executionEntry("UPDATE notes SET text = 'changed'", {}));
  made.leave(2);
  assert.equal(restore(made, entries(image)), "");
  assert.deepEqual(made.machine.rows("SELECT node_id, text FROM notes").rows, [["node-1", "one"]]);
});

Deno.test("restore: replicas are equal, also one that was restarted between two parts, in any batches", () => {
  using one = mesh();
  one.join(1);
  acl(one, "old");
  const image = one.machine.snapshot();
  acl(one, "new");
  using other = StateMachine.open(engine, one.machine.snapshot());
  const data = entries(image);
  assert(data.length > 3);
  const first = one.machine.appliedIndex + 1;
  const all = data.map((bytes, position) => ({ index: first + position, term: 1, data: bytes }));
  one.machine.applyBatch(all);
  other.applyBatch(all.slice(0, 2));
  using third = StateMachine.open(engine, other.snapshot());
  third.applyBatch(all.slice(2));
  assert.equal(third.stateHash(), one.machine.stateHash());
  assert.deepEqual(third.snapshot(), one.machine.snapshot());
});

Deno.test("restore: of another mesh only by force, and then with this one's id and networks", () => {
  using made = mesh();
  using stranger = mesh("mesh-2");
  stranger.join(7);
  acl(stranger, "theirs");
  const image = stranger.machine.snapshot();
  const before = made.contents();
  assert.equal(restore(made, entries(image)), "Backup is of another mesh");
  assert.deepEqual(made.contents(), before);
  assert.equal(restore(made, entries(image, true)), "");
  assert.deepEqual(made.machine.read(listNodes).map(({ id }) => id), ["node-0"]);
  assert.deepEqual(made.machine.read(listRaftAcls).map(({ name }) => name), ["theirs"]);
  assert.equal(made.machine.rows("SELECT value FROM mesh_state WHERE key = 'mesh_id'").rows[0]?.[0], "mesh-1");
});

Deno.test("restore: what is damaged, out of order, too large or no mesh changes nothing", () => {
  using made = mesh();
  acl(made, "mine");
  const image = made.machine.snapshot();
  const before = made.contents();
  const part = (position: number, data = new Uint8Array(1), id = ID) => encodeRestorePart({ id, position, data });
  const hash = "00".repeat(32);
  const cases: [Uint8Array[], RegExp][] = [
    [entries(image, false, hash), /does not have its checksum/],
    [entries(new Uint8Array(5000).fill(7)), /not a database/],
    [entries(image.slice(0, -4096)), /not a database|does not fit/],
    [[part(0), part(2)], /interrupted/],
    [[part(0), part(1, undefined, "another")], /interrupted/],
    [[part(0), encodeRestoreCommit({ id: ID, partCount: 2, sha256: hash, force: false, nowMs: 1 })], /interrupted/],
    [[encodeRestoreCommit({ id: "none", partCount: 0, sha256: hash, force: false, nowMs: 1 })], /interrupted/],
    [[part(0, new Uint8Array(RESTORE_PART_BYTES_MAX + 1))], /too large/],
    [[part(RESTORE_PART_COUNT_MAX)], /too large/],
    [[part(0, undefined, "x".repeat(65))], /without a usable id/],
  ];
  for (const [data, why] of cases) {
    assert.match(restore(made, data), why);
    assert.deepEqual(made.contents(), before, `${why}`);
  }
  assert.match(made.apply(executionEntry("DROP TABLE IF EXISTS raft_restore", {})).execResult?.error ?? "", /may not/);
  using empty = StateMachine.open(engine);
  const [response] = empty.applyBatch([{ index: 1, term: 1, data: encodeEntry(migrateCommand(1)) }]);
  assert(response);
  assert.match(restore(made, entries(empty.snapshot())), /not of a mesh/);
});

Deno.test("restore: a backup of a newer mesh is refused and stops no replica, and a newer SQLite is no condition", () => {
  const change = (sql: string) => {
    using source = mesh();
    using newer = StateMachine.open(
      { version: "9.0.0", open: (image) => engine.open(image) },
      source.machine.snapshot(),
      9,
    );
    newer.applyBatch([{ index: newer.appliedIndex + 1, term: 1, data: encodeEntry(executionEntry(sql, {})) }]);
    return newer.snapshot();
  };
  using made = mesh();
  const schema = change("UPDATE mesh_state SET value = '9' WHERE key = 'schema_version'");
  assert.equal(restore(made, entries(schema)), "Backup has a newer schema");
  const required = () => made.machine.rows("SELECT value FROM mesh_state WHERE key = 'engine_version'").rows;
  const before = required();
  assert.equal(
    restore(made, entries(change("UPDATE mesh_state SET value = '9.0.0' WHERE key = 'engine_version'"))),
    "",
  );
  assert.deepEqual(required(), before);
});

Deno.test("restore: what the backup's tables say of failing statements holds, and the mesh has changed", () => {
  using source = mesh();
  const table = "CREATE TABLE x_rows (a INTEGER PRIMARY KEY ON CONFLICT FAIL) STRICT, WITHOUT ROWID";
  source.apply(executionEntry(table, {}));
  using made = mesh();
  const before = made.machine.meshVersion;
  assert.equal(restore(made, entries(source.machine.snapshot())), "");
  assert(made.machine.meshVersion > before);
  using again = StateMachine.open(engine, made.machine.snapshot());
  const entry = encodeEntry(executionEntry("INSERT INTO x_rows (a) VALUES (1), (2), (1)", {}));
  const index = made.machine.appliedIndex + 1;
  for (const machine of [made.machine, again]) {
    const [response] = machine.applyBatch([{ index, term: 1, data: entry }]);
    assert.match(response?.execResult?.error ?? "", /UNIQUE constraint failed/);
    assert.deepEqual(machine.rows("SELECT a FROM x_rows").rows, []);
  }
});
