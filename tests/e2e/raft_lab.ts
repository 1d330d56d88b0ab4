/**
 * A mesh as seen by somebody who looks at its Raft members: who votes, who leads, is everybody there.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { Control, type NodeStatus } from "../../proto/gen/weft/v1/control_pb.ts";
import { eventually } from "./lab/eventually.ts";
import { type MeshNode, READY_MS } from "./mesh_lab.ts";
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
