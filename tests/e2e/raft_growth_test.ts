/**
 * A group of voters grows from one to five and shrinks to one again, somebody is killed at every step, and the change itself
 * never stops the writes.
 */
import { strict as assert } from "node:assert";
import { Node } from "../../proto/gen/v1/node_pb.ts";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { MeshLab, type MeshNode } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";
import { statusOf, wholeGroup } from "./raft_lab.ts";
import { Clients, Writers } from "./writers.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun"];

/** A majority that is up goes on within this time after a kill, on a busy machine. */
const ON_MS = 10_000;

/** A mesh that is written to all the time. */
class Growing implements AsyncDisposable {
  readonly clients = new Clients();
  readonly writers: Writers;
  /** Voters that are up. */
  voters: MeshNode[];

  /** @param first Votes already. */
  constructor(first: MeshNode) {
    this.voters = [first];
    this.writers = new Writers(2, () => this.voters);
  }

  /** Another acknowledged write, of those that begin now. */
  async goesOn(): Promise<void> {
    await this.writers.nextAfter(performance.now(), ON_MS);
  }

  /** The leader of the whole group. */
  leader(): Promise<MeshNode> {
    return wholeGroup(this.clients, this);
  }

  async joins(...nodes: readonly MeshNode[]): Promise<void> {
    const server = `${this.voters[0]?.host.ipv4}:8443`;
    await Promise.all(nodes.map((node) => node.start("--join", server, "--as-voter")));
    this.voters.push(...nodes);
  }

  /** Takes a voter out and waits for its process to end. */
  async leaves(node: MeshNode): Promise<void> {
    this.voters = this.voters.filter((other) => other !== node);
    const { code, stderr } = await node.weft("leave");
    assert.equal(code, 0, stderr);
    assert.equal(await node.end("SIGCONT"), 0, "the node stops by itself");
  }

  /** Kills a voter, lets the others go on if they can, and starts it again. */
  async survives(node: MeshNode): Promise<void> {
    const canGoOn = this.voters.length > 2;
    await node.end("SIGKILL");
    if (canGoOn) await this.goesOn();
    await node.start();
    await this.goesOn();
    await this.leader();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writers[Symbol.asyncDispose]();
    await this.clients[Symbol.asyncDispose]();
  }
}

/** A node that says it wants to vote and never comes: it must not count. */
async function ghostComesAndGoes(mesh: Growing, server: MeshNode): Promise<void> {
  const publicKey = crypto.getRandomValues(new Uint8Array(32)).toBase64();
  const client = mesh.clients.of(server);
  await client.unary(Node.method.join, { id: "ghost", publicKey, asVoter: true, raftPort: 9443, assignIpv4: true });
  await mesh.goesOn();
  await eventually("the ghost to be a member that does not vote", async () => {
    const members = (await statusOf(mesh.clients, server))?.raft?.members ?? [];
    return members.find(({ id }) => id === "ghost")?.voter === false;
  }, ON_MS);
  await mesh.goesOn();
  await client.unary(Node.method.leave, { id: "ghost" });
  await mesh.goesOn();
}

labTest("growth: 1, 2, 3, 5 voters and back to 1, a kill at every step, nothing lost", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b, c, d, e] = [
    await lab.node("a"),
    await lab.node("b"),
    await lab.node("c"),
    await lab.node("d"),
    await lab.node("e"),
  ] as const;
  await a.start("--bootstrap");
  await using mesh = new Growing(a);
  await mesh.goesOn();
  await ghostComesAndGoes(mesh, a);

  await mesh.joins(b);
  await mesh.leader();
  await mesh.survives(b);

  await mesh.joins(c);
  await mesh.survives(await mesh.leader());

  // The leader dies with two changes in hand: the next one finishes them.
  const leader = await mesh.leader();
  await mesh.joins(d, e);
  await mesh.survives(leader);
  await mesh.survives(await mesh.leader());

  await mesh.leaves(e);
  await mesh.goesOn();
  await mesh.leaves(d);
  await mesh.goesOn();
  await mesh.survives(await mesh.leader());

  await mesh.leaves(c);
  await mesh.goesOn();
  await mesh.survives(await mesh.leader());

  await mesh.leaves(b);
  await mesh.goesOn();
  await mesh.survives(a);
  await mesh.writers.check(a);
});
