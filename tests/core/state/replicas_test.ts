/**
 * Replicas that apply one log, each in its own way: in other batches, with snapshots taken and restored in between, from
 * a snapshot of another replica. Their states must be one, and obey the rules of allocation.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { encodeEntry, executionEntry, queryEntry } from "../../../core/state/codec.ts";
import { bootstrapCommand } from "../../../core/state/commands/bootstrap_mesh.ts";
import { deleteRaftAclCommand } from "../../../core/state/commands/delete_raft_acl.ts";
import { joinCommand } from "../../../core/state/commands/join_node.ts";
import { leaveCommand } from "../../../core/state/commands/leave_node.ts";
import { migrateCommand } from "../../../core/state/commands/migrate.ts";
import { putRaftAclCommand } from "../../../core/state/commands/put_raft_acl.ts";
import { updateCommand } from "../../../core/state/commands/update_node.ts";
import { listNodes } from "../../../core/state/queries/list_nodes.ts";
import { address, bootstrap, EPOCH_MS, joiner, prefix, publicKey } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();

/** A /29 has six addresses: eight nodes run out of them. */
const NETWORK = prefix("10.0.0.0/29");

const node = fc.nat(7);
const nowMs = fc.nat(100_000).map((offset) => EPOCH_MS + offset);

const join: fc.Arbitrary<RaftLogEntry> = fc.record({
  n: node,
  key: fc.option(fc.nat(7), { nil: undefined }),
  raftInstance: fc.constantFrom("", "a", "b"),
  assignIpv4: fc.boolean(),
  wantsVote: fc.boolean(),
  raftPort: fc.constantFrom(1, 2),
  nowMs,
}).map(({ n, key, ...changes }) => joinCommand(joiner(n, { ...changes, publicKey: publicKey(key ?? n) })));

const leave = fc.record({ id: node.map((n) => `node-${n}`), nowMs }).map(leaveCommand);

const update = fc.record({ n: node, raftPort: fc.constantFrom(1, 2, 3), nowMs }).map(({ n, ...changes }) =>
  updateCommand({ ...joiner(n), ...changes, endpoints: [address("192.0.2.9")] })
);

const acl = fc.oneof(
  fc.record({
    name: fc.constantFrom("a", "b", "c"),
    patterns: fc.constant(["node-*"]),
    action: fc.constantFrom("allow" as const, "deny" as const),
    nowMs,
  }).map(putRaftAclCommand),
  fc.constantFrom("a", "b", "c").map(deleteRaftAclCommand),
);

/** Writes a lot of pages, then fails or not: the undone pages must not show. */
const bulk = fc.tuple(fc.nat(20), fc.nat(3000), fc.constantFrom("SELECT 1", "SELECT * FROM nope")).map(
  ([key, length, end]) =>
    executionEntry(
      "INSERT INTO mesh_state (key, value) VALUES ('bulk-' || :key, :value), ('more-' || :key, :value || :value) " +
        `ON CONFLICT (key) DO UPDATE SET value = excluded.value; ${end}`,
      { key, value: "x".repeat(length) },
    ),
);

const prune = fc.nat(20).map((key) =>
  queryEntry("DELETE FROM mesh_state WHERE key LIKE '%-' || :key || '%' AND key LIKE '%ul%' RETURNING key", { key })
);

const garbage = fc.uint8Array({ maxLength: 30 });

const log: fc.Arbitrary<Uint8Array[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: join.map(encodeEntry) },
    { weight: 2, arbitrary: leave.map(encodeEntry) },
    { weight: 1, arbitrary: update.map(encodeEntry) },
    { weight: 1, arbitrary: acl.map(encodeEntry) },
    { weight: 1, arbitrary: fc.oneof(bulk, prune).map(encodeEntry) },
    { weight: 1, arbitrary: garbage },
    { weight: 1, arbitrary: fc.constant(encodeEntry(migrateCommand(1))) },
  ),
  { minLength: 10, maxLength: 80 },
).map((entries) => [
  encodeEntry(migrateCommand(1)),
  encodeEntry(bootstrapCommand(bootstrap({ networkIpv4: NETWORK }))),
  ...entries,
]);

/** How a replica goes through the log: the size of each batch, and what it does after it. */
const journey = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom("go on", "restore", "reopen", "hash")),
  {
    minLength: 1,
  },
);

type Journey = readonly (readonly [number, string])[];

function travel(data: readonly Uint8Array[], journey: Journey): StateMachine {
  let machine = StateMachine.open(engine);
  const entries = data.map((data, offset) => ({ index: offset + 1, term: 1, data }));
  for (let step = 0; machine.appliedIndex < entries.length; step++) {
    const [size, then] = journey[step % journey.length] ?? [1, "go on"];
    machine.applyBatch(entries.slice(machine.appliedIndex, machine.appliedIndex + size));
    if (then === "hash") machine.stateHash();
    if (then === "restore") machine.restore(machine.snapshot());
    if (then === "reopen") {
      using old = machine;
      machine = StateMachine.open(engine, old.snapshot());
    }
  }
  return machine;
}

/** What must hold of the addresses after any log. */
function checkAllocation(machine: StateMachine): void {
  const nodes = machine.read(listNodes);
  const ipv4s = nodes.flatMap(({ ipv4 }) => ipv4 ?? []);
  for (const unique of [ipv4s, nodes.map(({ networkIpv6 }) => networkIpv6), nodes.map(({ raftId }) => raftId)]) {
    assert.equal(new Set(unique.map(String)).size, unique.length);
  }
  const outside = ipv4s.map(String).filter((text) =>
    text === "10.0.0.0" || text === "10.0.0.7" || !/^10\.0\.0\.[1-6]$/.test(text)
  );
  assert.deepEqual(outside, []);
  const [[held]] = machine.rows("SELECT count(*) FROM leases WHERE pool = 'subnet' AND released_at_ms IS NULL")
    .rows as [
      [number],
    ];
  assert.equal(held, nodes.length);
  const [[next]] = machine.rows("SELECT value FROM mesh_state WHERE key = 'next_raft_id'").rows as [[string]];
  assert(nodes.every(({ raftId }) => raftId < Number(next)));
  for (const pool of ["ipv4", "subnet"]) {
    const [[gaps]] = machine.rows(
      "SELECT coalesce(max(number) - first + 1, 0) - count(number) FROM pools LEFT JOIN leases ON pool = name WHERE name = :pool",
      { pool },
    ).rows as [[number]];
    assert.equal(gaps, 0, "leases of a pool have no gap");
  }
  assert.deepEqual(machine.rows("SELECT * FROM pragma_foreign_key_check").rows, []);
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

Deno.test("StateMachine: batches, snapshots and restarts make no difference to the state", () => {
  fc.assert(
    fc.property(log, journey, journey, (data, one, other) => {
      using plain = travel(data, [[1, "go on"]]);
      const hash = plain.stateHash();
      const image = plain.canonicalImage();
      checkAllocation(plain);
      for (const journey of [one, other]) {
        using machine = travel(data, journey);
        assert.equal(machine.stateHash(), hash);
        assert(equalBytes(machine.canonicalImage(), image), "exports at one applied index are equal to the byte");
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("StateMachine: replicas answer every entry alike", () => {
  fc.assert(
    fc.property(log, fc.nat(80), (data, cut) => {
      using first = StateMachine.open(engine);
      const entries = data.map((data, offset) => ({ index: offset + 1, term: 1, data }));
      const answers = entries.flatMap((entry) => first.applyBatch([entry]));
      const start = Math.min(cut, entries.length);
      using upToCut = StateMachine.open(engine);
      upToCut.applyBatch(entries.slice(0, start));
      using second = StateMachine.open(engine, upToCut.snapshot());
      assert.deepEqual(second.applyBatch(entries.slice(start)), answers.slice(start));
      assert.equal(second.stateHash(), first.stateHash());
    }),
    { numRuns: 30 },
  );
});

Deno.test("StateMachine: replicas that applied other entries differ", () => {
  fc.assert(
    fc.property(log, (data) => {
      using one = travel(data, [[7, "go on"]]);
      using other = travel([...data.slice(0, -1), encodeEntry(joinCommand(joiner(9, { assignIpv4: false })))], [[
        7,
        "go on",
      ]]);
      using same = travel([...data.slice(0, -1), data.at(-1) ?? new Uint8Array()], [[3, "go on"]]);
      assert.notEqual(one.stateHash(), other.stateHash());
      assert.equal(one.stateHash(), same.stateHash());
    }),
    { numRuns: 10 },
  );
});
