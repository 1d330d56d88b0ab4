/** Three members in one process: engine, loop, state machine and guard are the product's, messages go by hand. */
import assert from "node:assert/strict";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { openMemoryLogStore } from "../../../core/io/wal_memory.ts";
import { RaftLoop } from "../../../core/node/raft_loop.ts";
import type { StateImage } from "../../../core/node/healthy_image.ts";
import {
  CHECKPOINT_INTERVAL_MS,
  IMAGES_TAKEN_MAX,
  RECOVERY_CHECKPOINT_MS,
  ReplicaGuard,
} from "../../../core/node/replica_guard.ts";
import { RAFT_DEFAULTS } from "../../../core/raft/config.ts";
import { RaftEngine } from "../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import type { PeerMessage } from "../../../core/raft/message.ts";
import type { Clock } from "../../../core/seams/clock.ts";
import type { SqlDatabase, SqlEngine } from "../../../core/seams/sql_database.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { encodeEntry } from "../../../core/state/codec.ts";
import { joinCommand } from "../../../core/state/commands/join_node.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { joiner, newMesh } from "../state/mesh_fixture.ts";

const sqlite = await loadSqlEngine();
const WAIT_MS = 10_000;
const CORRUPT_SQL = "UPDATE nodes SET wireguard_port = 1 WHERE id = 'node-0'";

class Member implements AsyncDisposable {
  readonly log = new MemoryLog();
  readonly reasons: (string | undefined)[] = [];
  readonly machine: StateMachine;
  readonly loop: RaftLoop;
  readonly guard: ReplicaGuard;
  #database: SqlDatabase | undefined;

  constructor(
    id: number,
    image: Uint8Array,
    clock: Clock,
    send: (message: PeerMessage) => void,
    fetchImage: () => Promise<StateImage>,
  ) {
    const engine: SqlEngine = { version: sqlite.version, open: (image) => this.#database = sqlite.open(image) };
    this.machine = StateMachine.open(engine, image);
    const { appliedIndex: index, appliedTerm: term } = this.machine;
    const confState = { voters: [1, 2, 3], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const snapshot = { meta: { index, term, confState }, data: image };
    const storage = new MemoryStorage({ hardState: { term, vote: 0, commit: index }, snapshot, entries: [] });
    const random = new SeededRandom(id);
    this.loop = new RaftLoop({
      engine: new RaftEngine({ ...RAFT_DEFAULTS, id, random, appliedIndex: index }, storage),
      storage,
      store: openMemoryLogStore(),
      machine: this.machine,
      send,
      mayKeepState: () => this.guard.quarantine === undefined,
      random,
      onChange: () => this.guard.changed(),
      log: this.log,
    });
    this.guard = new ReplicaGuard({
      machine: this.machine,
      raft: this.loop,
      fetchImage,
      clock,
      onQuarantine: (reason) => this.reasons.push(reason),
      log: this.log,
    });
  }

  /** Changes the state behind everybody's back. */
  corrupt(sql = CORRUPT_SQL): void {
    this.#database?.run(sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.guard[Symbol.dispose]();
    await this.loop[Symbol.asyncDispose]();
    this.machine[Symbol.dispose]();
  }
}

class Group implements AsyncDisposable {
  readonly members: readonly Member[];
  /** What comes of asking the leader for its state. */
  answer: (image: StateImage) => StateImage = (image) => image;
  #shiftMs = 0;
  #isOver = false;

  constructor() {
    const clock = {
      monotonicMs: () => performance.now() + this.#shiftMs,
      wallMs: () => 0,
      now: { nowMs: 0, wallMs: 0 },
    };
    using mesh = newMesh(sqlite);
    const image = mesh.machine.snapshot();
    const send = (message: PeerMessage) =>
      queueMicrotask(() => this.#isOver || this.members[message.to - 1]?.loop.receive(message));
    this.members = [1, 2, 3].map((id) => new Member(id, image, clock, send, () => this.#fetchImage()));
  }

  #fetchImage(): Promise<StateImage> {
    const leader = this.members.find(({ loop }) => loop.status.role === "leader");
    if (!leader) return Promise.reject(new Error("nobody leads"));
    const { machine } = leader;
    return Promise.try(() => this.answer({ index: machine.appliedIndex, data: machine.canonicalImage() }));
  }

  /** Lets `id` lead. */
  async elect(id: number): Promise<Member> {
    const member = this.member(id);
    member.loop.withEngine((engine) => engine.campaign());
    await eventually(`${id} leads`, () => member.loop.status.role === "leader", WAIT_MS);
    return member;
  }

  member(id: number): Member {
    const member = this.members[id - 1];
    assert(member);
    return member;
  }

  /** Time passes for the guards. */
  pass(ms: number): void {
    this.#shiftMs += ms;
    for (const { guard } of this.members) guard.changed();
  }

  async settle(): Promise<void> {
    await eventually("all claims", () => {
      const { check } = this.member(1).machine;
      return this.members.every(({ machine }) => machine.check.result?.index === check.lastIndex) &&
        [1, 2, 3].every((id) => check.hasClaim(check.lastIndex, id));
    }, WAIT_MS);
  }

  get hashes(): string[] {
    return this.members.map(({ machine }) => machine.stateHash());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const member of this.members) await member[Symbol.asyncDispose]();
  }
}

Deno.test("ReplicaGuard: the leader asks by time, all voters answer, and equal replicas stay in service", async () => {
  await using group = new Group();
  const leader = await group.elect(1);
  await leader.loop.propose(encodeEntry(joinCommand(joiner(1))));
  assert.equal(leader.machine.check.lastIndex, 0);
  group.pass(CHECKPOINT_INTERVAL_MS + 1);
  await eventually("a checkpoint", () => leader.machine.check.lastIndex > 0, WAIT_MS);
  await group.settle();
  assert.deepEqual(group.members.map(({ guard }) => guard.quarantine), [undefined, undefined, undefined]);
  assert.deepEqual(leader.machine.check.verdict([1, 2, 3]).kind, "agrees");
});

Deno.test("ReplicaGuard: a damaged follower is found, makes its state again, and is back when it agrees", async () => {
  await using group = new Group();
  const leader = await group.elect(1);
  await leader.loop.propose(encodeEntry(joinCommand(joiner(1))));
  const damaged = group.member(3);
  damaged.corrupt();
  group.pass(CHECKPOINT_INTERVAL_MS + 1);
  await eventually("quarantine", () => damaged.reasons.length > 0, WAIT_MS);
  assert.match(damaged.reasons[0] ?? "", /differs from the majority at log index \d+: it makes its state again/);
  await eventually("release", () => {
    group.pass(RECOVERY_CHECKPOINT_MS);
    return damaged.guard.quarantine === undefined;
  }, WAIT_MS);
  assert.equal(new Set(group.hashes).size, 1);
  const said = damaged.log.lines.filter(({ level }) => level === "error").map(({ message }) => message);
  assert.deepEqual(said, ["quarantine: this replica differs from the majority"]);
  assert.deepEqual(group.members.slice(0, 2).flatMap(({ reasons }) => reasons), []);
});

Deno.test("ReplicaGuard: a damaged leader hands over, and the others stay in service", async () => {
  await using group = new Group();
  const leader = await group.elect(1);
  leader.corrupt();
  // A peer that answers is one that may take over.
  for (let n = 0; n < RAFT_DEFAULTS.electionTicks; n++) leader.loop.tick();
  group.pass(CHECKPOINT_INTERVAL_MS + 1);
  await eventually("quarantine", () => leader.reasons.length > 0, WAIT_MS);
  await eventually("another leader", () => {
    leader.guard.changed();
    return [2, 3].some((id) => group.member(id).loop.status.role === "leader");
  }, WAIT_MS);
  assert.deepEqual(group.members.slice(1).flatMap(({ reasons }) => reasons), []);
});

/** A member whose state and last snapshot are damaged, out of service. */
async function damagedToTheDisk(group: Group): Promise<Member> {
  const leader = await group.elect(1);
  const damaged = group.member(2);
  damaged.corrupt();
  await damaged.loop.takeSnapshot();
  await leader.loop.propose(encodeEntry(joinCommand(joiner(1))));
  group.pass(CHECKPOINT_INTERVAL_MS + 1);
  await eventually("quarantine", () => damaged.reasons.length > 0, WAIT_MS);
  return damaged;
}

/** Lets checkpoints come until `condition` holds. */
async function passUntil(group: Group, what: string, condition: () => boolean): Promise<void> {
  await eventually(what, () => {
    group.pass(RECOVERY_CHECKPOINT_MS);
    return condition();
  }, WAIT_MS);
}

Deno.test("ReplicaGuard: a follower whose snapshot is damaged too takes over the leader's state, and keeps it", async () => {
  await using group = new Group();
  const damaged = await damagedToTheDisk(group);
  assert.throws(() => damaged.guard.admit(), { reason: "unavailable" });
  await assert.rejects(damaged.loop.takeSnapshot(), { reason: "unavailable" });
  await passUntil(group, "release", () => damaged.guard.quarantine === undefined);
  assert.equal(new Set(group.hashes).size, 1);
  assert(damaged.reasons.some((reason) => reason?.endsWith("it asks the leader for the state")));
  // What a restart begins with is the new state.
  await eventually("a snapshot", () => damaged.loop.snapshotsSavedCount === 2, WAIT_MS);
  await damaged.loop.rebuild();
  assert.equal(new Set(group.hashes).size, 1);
  assert.deepEqual([1, 3].flatMap((id) => group.member(id).reasons), []);
});

Deno.test("ReplicaGuard: while no leader gives its state the follower stays out, and asks again", async () => {
  await using group = new Group();
  let asked = 0;
  group.answer = (image) => {
    if (++asked < 3) throw new Error(`no state for the ${asked}. time`);
    return image;
  };
  const damaged = await damagedToTheDisk(group);
  await passUntil(group, "a second try", () => asked >= 2);
  assert.match(damaged.reasons.join(), /cannot be had now: no state for the 1. time. It tries again by itself/);
  await passUntil(group, "release", () => damaged.guard.quarantine === undefined);
  assert.equal(asked, 3);
  assert.equal(new Set(group.hashes).size, 1);
});

Deno.test("ReplicaGuard: who differs with the leader's state as well stays out, and says what to do", async () => {
  await using group = new Group();
  let asked = 0;
  group.answer = ({ index, data }) => {
    asked++;
    using database = sqlite.open(data);
    database.run(CORRUPT_SQL);
    return { index, data: database.export() };
  };
  const damaged = await damagedToTheDisk(group);
  await passUntil(group, "no way back", () => /run `weft leave` on it/.test(damaged.guard.quarantine ?? ""));
  assert.equal(asked, IMAGES_TAKEN_MAX);
  assert.deepEqual([1, 3].flatMap((id) => group.member(id).reasons), []);
});

Deno.test("RaftLoop.rebuild: refuses an image that the log does not lead on from", async () => {
  await using group = new Group();
  const leader = await group.elect(1);
  const { machine, loop } = leader;
  await loop.propose(encodeEntry(joinCommand(joiner(1))));
  const before = machine.stateHash();
  const image = { index: machine.appliedIndex + 1, data: machine.canonicalImage() };
  await assert.rejects(loop.rebuild(image), { reason: "unavailable" });
  await assert.rejects(loop.rebuild({ index: machine.appliedIndex, data: new Uint8Array(512) }));
  assert.equal(machine.stateHash(), before);
  await loop.rebuild({ index: machine.appliedIndex, data: machine.canonicalImage() });
  assert.equal(machine.stateHash(), before);
});
