/** When the reconciler says that it is settled: only then may its next look be a long time off. */
import assert from "node:assert/strict";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { LINGER_MS, type ReconciledNode, Reconciler, RELEASE_MS } from "../../../core/node/reconciler.ts";
import { RAFT_DEFAULTS } from "../../../core/raft/config.ts";
import { RaftEngine } from "../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import type { RaftStatus } from "../../../core/raft/status.ts";
import { type MeshInfo, meshInfo } from "../../../core/state/queries/mesh_info.ts";
import { listNodes } from "../../../core/state/queries/list_nodes.ts";
import { nodeById } from "../../../core/state/queries/node_by_id.ts";
import type { NodeRecord } from "../../../core/state/queries/node_record.ts";
import { ManualClock } from "../../twins/manual_clock.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { PaperTunnel } from "../../twins/paper_tunnel.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { newMesh, publicKey } from "../state/mesh_fixture.ts";

const ELECTION_MS = 800;
const sqlEngine = await loadSqlEngine();

/** Node 0 of a mesh: the only voter, and leader. Nobody else is up. */
class LoneLeader implements ReconciledNode, Disposable {
  readonly nodeId = "node-0";
  readonly mesh_ = newMesh(sqlEngine);
  readonly clock = new ManualClock();
  readonly tunnel = new PaperTunnel();
  readonly log = new MemoryLog();
  readonly reconciler: Reconciler;
  readonly parts: ReconciledNode["parts"];
  /** Whether the state has arrived here. */
  hasState = true;
  /** Whether somebody else leads. */
  isFollower = false;
  readonly #storage = new MemoryStorage();
  readonly #raft: RaftEngine;

  constructor() {
    this.#storage.setConfState({
      voters: [1],
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    });
    this.#raft = new RaftEngine(
      { ...RAFT_DEFAULTS, id: 1, random: new SeededRandom(1), appliedIndex: 0 },
      this.#storage,
    );
    while (this.raftStatus.role !== "leader") {
      this.#raft.tick();
      this.applyAll();
    }
    this.parts = {
      machine: this.mesh_.machine,
      clock: this.clock,
      config: { ipv4: true, ipv6: true },
      raft: { withEngine: (change) => change(this.#raft) },
    };
    this.reconciler = new Reconciler({
      running: this,
      tunnel: this.tunnel,
      setMembers: () => {},
      heardMs: () => undefined,
      electionMs: ELECTION_MS,
      removed: () => {},
      log: this.log,
    }, []);
  }

  get raftStatus(): RaftStatus {
    const status = this.#raft.status();
    return this.isFollower ? { ...status, role: "follower", peers: [] } : status;
  }

  /** Time in which nobody was heard. */
  silence(): void {
    for (let i = 0; i < 2 * RAFT_DEFAULTS.electionTicks; i++) this.#raft.tick();
    this.applyAll();
  }

  /** Writes and applies what Raft has to write and to apply. */
  applyAll(): void {
    while (this.#raft.hasReady()) {
      const ready = this.#raft.ready();
      if (ready.hardState) this.#storage.setHardState(ready.hardState);
      this.#storage.append(ready.entries);
      for (const entry of ready.committedEntries) if (entry.type !== "normal") this.#raft.applyConfChange(entry);
      this.#raft.advance();
    }
  }

  self(): NodeRecord | undefined {
    return this.hasState ? this.mesh_.machine.read((reader) => nodeById(reader, this.nodeId)) : undefined;
  }

  mesh(): MeshInfo {
    return this.mesh_.machine.read(meshInfo) ?? assert.fail();
  }

  nodes(): NodeRecord[] {
    return this.mesh_.machine.read(listNodes);
  }

  isInGroup(raftId = 1): boolean {
    const { voters, learners } = this.raftStatus.membership;
    return [...voters, ...learners].includes(raftId);
  }

  /** One run. @returns Whether it found nothing to do, and when the next one is due. */
  run(): readonly [isSettled: boolean, dueMs: number] {
    const dueMs = this.reconciler.run();
    return [this.reconciler.isSettled, dueMs];
  }

  [Symbol.dispose](): void {
    this.mesh_[Symbol.dispose]();
  }
}

Deno.test("Reconciler.isSettled: not before the first run, nor before the state has arrived", () => {
  using node = new LoneLeader();
  assert(!node.reconciler.isSettled);
  node.hasState = false;
  assert.deepEqual(node.run(), [false, Infinity]);
  node.hasState = true;
  assert.deepEqual(node.run(), [true, Infinity]);
});

Deno.test("Reconciler.isSettled: a run that changes peers is followed by one that finds nothing to do", () => {
  using node = new LoneLeader();
  node.run();
  node.mesh_.join(1);
  const [isSettled] = node.run();
  assert(!isSettled);
  assert.deepEqual([...node.tunnel.peers.keys()], [publicKey(1)]);
  node.applyAll();
  assert.deepEqual(node.raftStatus.membership.learners, [2]);
  assert.deepEqual(node.run(), [true, Infinity]);
});

Deno.test("Reconciler.isSettled: not after a run that changes the group alone", () => {
  using node = new LoneLeader();
  node.isFollower = true;
  node.mesh_.join(1);
  node.run();
  assert.deepEqual(node.run(), [true, Infinity], "the group is the leader's business");
  node.isFollower = false;
  assert.deepEqual(node.run(), [false, Infinity]);
  node.applyAll();
  assert.deepEqual(node.run(), [true, Infinity]);
});

Deno.test("Reconciler.isSettled: not while a node that is out of the mesh waits until it is out of the group", () => {
  using node = new LoneLeader();
  assert.deepEqual(node.run(), [true, Infinity]);
  node.hasState = false;
  assert.deepEqual(node.run(), [false, node.clock.monotonicMs() + RELEASE_MS]);
});

Deno.test("Reconciler.isSettled: not while a change of the group is under way, which is not proposed twice", () => {
  using node = new LoneLeader();
  node.mesh_.join(1);
  node.run();
  const { lastIndex } = node.raftStatus;
  for (let i = 0; i < 3; i++) assert.deepEqual(node.run(), [false, Infinity], "the change will wake it");
  assert.equal(node.raftStatus.lastIndex, lastIndex);
  node.applyAll();
  assert.deepEqual(node.run(), [true, Infinity]);
});

Deno.test("Reconciler.isSettled: not while somebody who has left lingers, and it is known until when", () => {
  using node = new LoneLeader();
  node.mesh_.join(1);
  node.run();
  node.applyAll();
  node.run();
  node.silence();
  node.mesh_.leave(1);
  assert(!node.run()[0], "out of the group");
  node.applyAll();
  const [isSettled, dueMs] = node.run();
  assert.deepEqual([isSettled, dueMs], [false, node.clock.monotonicMs() + LINGER_MS]);
  assert.equal(node.tunnel.peers.size, 1);
  node.clock.advanceTo(dueMs);
  assert.deepEqual(node.run(), [false, Infinity], "the peer has gone in this run");
  assert.equal(node.tunnel.peers.size, 0);
  assert.deepEqual(node.run(), [true, Infinity]);
});

Deno.test("Reconciler.isSettled: not after a run that failed, which is said once and made up for", () => {
  using node = new LoneLeader();
  node.run();
  node.mesh_.join(1);
  const { upsertPeer } = node.tunnel;
  const fail = () => {
    throw new Error("No room");
  };
  node.tunnel.upsertPeer = fail;
  for (let i = 0; i < 2; i++) assert.deepEqual(node.run(), [false, Infinity]);
  const { setNetwork } = node.tunnel;
  node.tunnel.setNetwork = fail;
  assert.deepEqual(node.run(), [false, Infinity], "nor if it had not come to any work");
  node.tunnel.setNetwork = setNetwork;
  const errors = node.log.lines.filter(({ level }) => level === "error");
  assert.deepEqual(errors.map(({ fields }) => fields), [{ error: "No room" }]);
  node.tunnel.upsertPeer = upsertPeer;
  assert(!node.run()[0]);
  node.applyAll();
  assert.deepEqual(node.run(), [true, Infinity]);
  assert.equal(node.tunnel.peers.size, 1);
});
