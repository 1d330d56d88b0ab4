/** Writes that are repeated because their answer was lost, on a mesh of two replicas that take turns to lead. */
import assert from "node:assert/strict";
import type { RaftApplyResponse } from "../../../proto/gen/v1/node_raft_pb.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { MeshWrites, type WriteLog } from "../../../core/node/mesh_writes.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { joiner, newMesh } from "../state/mesh_fixture.ts";

const engine = await loadSqlEngine();
const SESSION = { clientId: "client", sequence: 1 };

/** Appends an entry and applies it everywhere. @returns What `from` answered. */
type Replicate = (data: Uint8Array, from: StateMachine) => RaftApplyResponse;

/** A leader whose answers can be lost. */
class Leader implements WriteLog {
  readonly machine: StateMachine;
  readonly writes: MeshWrites;
  readonly #replicate: Replicate;
  /** `before`: the leader dies with the entry; `after`: when it is committed. */
  dies: "before" | "after" | undefined;

  constructor(machine: StateMachine, replicate: Replicate) {
    this.machine = machine;
    this.#replicate = replicate;
    this.writes = new MeshWrites(machine, this);
  }

  propose(data: Uint8Array): Promise<RaftApplyResponse> {
    if (this.dies === "before") return Promise.reject(new MeshError("unavailable", "lost"));
    const response = this.#replicate(data, this.machine);
    return this.dies === "after" ? Promise.reject(new MeshError("unavailable", "lost")) : Promise.resolve(response);
  }

  linearizable(): Promise<void> {
    return Promise.resolve();
  }
}

class Group implements Disposable {
  readonly leaders: readonly [Leader, Leader];

  constructor() {
    const replicate: Replicate = (data, from) => {
      const [own] = this.leaders.map(({ machine }) => machine).sort((a) => a === from ? -1 : 1).map((machine) => {
        const [response] = machine.applyBatch([{ index: machine.appliedIndex + 1, term: 1, data }]);
        return response;
      });
      assert(own);
      return own;
    };
    const { machine } = newMesh(engine);
    this.leaders = [
      new Leader(machine, replicate),
      new Leader(StateMachine.open(engine, machine.snapshot()), replicate),
    ];
  }

  get indexes(): number[] {
    return this.leaders.map(({ machine }) => machine.appliedIndex);
  }

  [Symbol.dispose](): void {
    for (const { machine } of this.leaders) machine[Symbol.dispose]();
  }
}

Deno.test("MeshWrites: a Join whose answer died with the leader is answered by the next, and does not run again", async () => {
  using group = new Group();
  const [first, second] = group.leaders;
  first.dies = "after";
  await assert.rejects(first.writes.join(joiner(1), SESSION), { reason: "unavailable" });
  const indexes = group.indexes;
  // The node has changed since: an answer made now would differ.
  await second.writes.update({ ...joiner(1), raftPort: 7, nowMs: 1 });
  const node = await second.writes.join(joiner(1), SESSION);
  assert.equal(`${node.ipv4}`, "172.16.0.2");
  assert.equal(node.raftPort, joiner(1).raftPort);
  assert.deepEqual(group.indexes, indexes.map((index) => index + 1), "only the update is in the log");
  assert.equal(second.machine.stateHash(), first.machine.stateHash());
});

Deno.test("MeshWrites: a Join that died before it was committed runs at the next leader", async () => {
  using group = new Group();
  const [first, second] = group.leaders;
  first.dies = "before";
  await assert.rejects(first.writes.join(joiner(1), SESSION), { reason: "unavailable" });
  assert.equal(`${(await second.writes.join(joiner(1), SESSION)).ipv4}`, "172.16.0.2");
  assert.equal(`${(await second.writes.join(joiner(2), { ...SESSION, sequence: 2 })).ipv4}`, "172.16.0.3");
});

Deno.test("MeshWrites: two copies of one Join in the log give one node, the same to both callers", async () => {
  using group = new Group();
  const [first, second] = group.leaders;
  // Neither sees the other's entry before it proposes its own.
  const [one, other] = await Promise.all([
    first.writes.join(joiner(1), SESSION),
    second.writes.join(joiner(1, { nowMs: 7 }), SESSION),
  ]);
  assert.deepEqual(other.createdAtMs, one.createdAtMs);
  assert.equal(other.raftId, one.raftId);
});

Deno.test("MeshWrites: a Leave that is repeated says which member it was, though the node is back", async () => {
  using group = new Group();
  const [first, second] = group.leaders;
  const { raftId } = await first.writes.join(joiner(1));
  first.dies = "after";
  await assert.rejects(first.writes.leave("node-1", 5, SESSION), { reason: "unavailable" });
  const again = await second.writes.join(joiner(1, { nowMs: 6 }));
  assert.equal(await second.writes.leave("node-1", 7, SESSION), raftId);
  assert.notEqual(again.raftId, raftId);
  assert.equal(second.machine.rows("SELECT id FROM nodes WHERE id = 'node-1'").rows.length, 1);
});

Deno.test("MeshWrites: an update that is repeated does not undo what came after it", async () => {
  using group = new Group();
  const [first, second] = group.leaders;
  await first.writes.join(joiner(1));
  first.dies = "after";
  await assert.rejects(first.writes.update({ ...joiner(1), raftPort: 7, nowMs: 1 }, SESSION));
  await second.writes.update({ ...joiner(1), raftPort: 8, nowMs: 2 }, { ...SESSION, clientId: "other" });
  assert.equal((await second.writes.update({ ...joiner(1), raftPort: 7, nowMs: 3 }, SESSION)).raftPort, 7);
  assert.deepEqual(second.machine.rows("SELECT raft_port FROM nodes WHERE id = 'node-1'").rows, [[8]]);
});

Deno.test("MeshWrites: names belong to an operation, and refusals are kept", async () => {
  using group = new Group();
  const [first] = group.leaders;
  assert.equal(await first.writes.leave("nobody", 1, SESSION), undefined);
  assert.equal((await first.writes.join(joiner(1), SESSION)).id, "node-1");
  await first.writes.join(joiner(2), { ...SESSION, sequence: 2 });
  await assert.rejects(first.writes.join(joiner(1), SESSION), { reason: "already-exists" }, "long done");
});
