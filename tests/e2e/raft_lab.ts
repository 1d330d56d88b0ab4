/**
 * A mesh as seen by somebody who looks at its Raft members: who votes, who leads, is everybody there, and what they have.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { sqliteWasm } from "../../core/io/assets.ts";
import { openDisk } from "../../core/io/disk_deno.ts";
import { loadSqlEngine } from "../../core/io/sqljs.ts";
import { openFileLogStore } from "../../core/io/wal_log_store.ts";
import type { Entry, StoredLog } from "../../core/seams/log_store.ts";
import { StateMachine } from "../../core/state/apply.ts";
import { Control, type NodeStatus } from "../../proto/gen/weft/v1/control_pb.ts";
import { eventually } from "./lab/eventually.ts";
import { type MeshNode, READY_MS } from "./mesh_lab.ts";
import { MemoryLog } from "../twins/memory_log.ts";
import type { Clients } from "./writers.ts";

/** A node that is up answers within this time. */
const ANSWER_MS = 1_000;

/** What a node says of itself; `undefined` if it does not answer. */
export async function statusOf(clients: Clients, node: MeshNode): Promise<NodeStatus | undefined> {
  const answer = clients.of(node).unary(Control.method.getNodeStatus, {}, { deadlineMs: ANSWER_MS });
  return await answer.then(({ message }) => message, () => undefined);
}

/** What {@linkcode wholeGroup} waits for. */
export interface Whole {
  /** All nodes that vote. They must be up. */
  readonly voters: readonly MeshNode[];
  /** How many entries a node may be behind of what any of them has committed. */
  readonly behindMax?: number;
}

/** Waits until all voters agree on who votes and who leads, and none is far behind. @returns The leader. */
export async function wholeGroup(clients: Clients, { voters, behindMax = 100 }: Whole): Promise<MeshNode> {
  const wanted = voters.map(({ host }) => host.name).sort().join();
  return await eventually(`${wanted} to vote, and to agree`, async () => {
    const rafts = (await Promise.all(voters.map((node) => statusOf(clients, node)))).map((status) => status?.raft);
    const [first] = rafts;
    const commit = Math.max(...rafts.map((raft) => Number(raft?.commitIndex ?? 0)));
    for (const raft of rafts) {
      const voting = raft?.members.filter(({ voter }) => voter).map(({ id }) => id).sort().join();
      assert.equal(voting, wanted);
      assert.equal(raft?.leader, first?.leader);
      assert.equal(raft?.term, first?.term);
      assert(Number(raft?.appliedIndex) + behindMax >= commit, `${raft?.appliedIndex} of ${commit} is applied`);
    }
    return voters.find(({ host }) => host.name === first?.leader);
  }, READY_MS);
}

/** What a node that is stopped has on its disk. */
export async function storedLog(node: MeshNode): Promise<StoredLog> {
  const options = { identity: node.host.name, owner: "test", log: new MemoryLog() };
  await using store = await openFileLogStore(`${node.dataDir}/raft`, openDisk(), options);
  return store.stored;
}

/** The state at `index` that a log leads to, in the form that is the same on every node, applied `batchCount` entries at a time. */
export async function imageAt(stored: StoredLog, index: number, batchCount: number): Promise<Uint8Array> {
  using machine = StateMachine.open(await loadSqlEngine(sqliteWasm()), stored.snapshot?.data);
  const entries = stored.entries.filter((entry) => entry.index > machine.appliedIndex && entry.index <= index);
  let batch: Entry[] = [];
  const flush = () => {
    machine.applyBatch(batch);
    batch = [];
  };
  for (const entry of entries) {
    if (entry.type === "normal") batch.push(entry);
    if (entry.type !== "normal" || batch.length === batchCount) flush();
    if (entry.type !== "normal") machine.advanceTo(entry.index, entry.term);
  }
  flush();
  assert.equal(machine.appliedIndex, index);
  return machine.canonicalImage();
}
