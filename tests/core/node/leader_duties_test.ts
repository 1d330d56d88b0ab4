/** Three voters and a learner in one process, each with a program of its own: what the mesh requires rises with the last voter. */
import assert from "node:assert/strict";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { openMemoryLogStore } from "../../../core/io/wal_memory.ts";
import { Upgrades } from "../../../core/node/leader_duties.ts";
import { MeshWrites } from "../../../core/node/mesh_writes.ts";
import { RaftLoop } from "../../../core/node/raft_loop.ts";
import { RAFT_DEFAULTS } from "../../../core/raft/config.ts";
import { RaftEngine } from "../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import type { PeerMessage } from "../../../core/raft/message.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { MIGRATIONS, SCHEMA_VERSION } from "../../../core/state/migrations.ts";
import { type ProgramVersions, requiredVersions } from "../../../core/state/program_versions.ts";
import { nodeVersions } from "../../../core/state/queries/node_versions.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { joiner, newMesh } from "../state/mesh_fixture.ts";

const sqlite = await loadSqlEngine();
const WAIT_MS = 10_000;
const OLD: ProgramVersions = { engine: "3.50.0", schema: SCHEMA_VERSION };
const NEW: ProgramVersions = { engine: "3.51.0", schema: SCHEMA_VERSION + 1 };
const NEXT_SQL = "CREATE TABLE next (id INTEGER NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;";

class Member implements AsyncDisposable {
  readonly log = new MemoryLog();
  readonly machine: StateMachine;
  readonly loop: RaftLoop;
  readonly upgrades: Upgrades;
  failure: unknown;

  constructor(id: number, image: Uint8Array, versions: ProgramVersions, send: (message: PeerMessage) => void) {
    const engine = { version: versions.engine, open: (image?: Uint8Array) => sqlite.open(image) };
    const machine = this.machine = StateMachine.open(engine, image, versions.schema);
    const { appliedIndex: index, appliedTerm: term } = machine;
    const confState = { voters: [1, 2, 3], learners: [4], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const snapshot = { meta: { index, term, confState }, data: image };
    const storage = new MemoryStorage({ hardState: { term, vote: 0, commit: index }, snapshot, entries: [] });
    const random = new SeededRandom(id);
    const loop = this.loop = new RaftLoop({
      engine: new RaftEngine({ ...RAFT_DEFAULTS, id, random, appliedIndex: index }, storage),
      storage,
      store: openMemoryLogStore(),
      machine,
      send,
      random,
      onChange: () => {},
      log: this.log,
    });
    loop.ended.catch((error) => this.failure = error);
    const migrations = [...MIGRATIONS, NEXT_SQL].slice(0, versions.schema);
    this.upgrades = new Upgrades({ machine, raft: loop, log: this.log, migrations });
  }

  get required(): ProgramVersions {
    return this.machine.read(requiredVersions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.loop[Symbol.asyncDispose]();
    this.machine[Symbol.dispose]();
  }
}

/** Nodes 0 to 3 of a mesh are members 1 to 4; 4 is a learner. */
class Group implements AsyncDisposable {
  readonly members: Member[];
  readonly #image: Uint8Array;
  #isOver = false;

  constructor(programs: readonly ProgramVersions[]) {
    using mesh = newMesh(sqlite, { engineVersion: OLD.engine });
    for (const n of [1, 2, 3]) mesh.join(n);
    this.#image = mesh.machine.snapshot();
    this.members = programs.map((versions, n) => this.#member(n + 1, versions));
  }

  #member(id: number, versions: ProgramVersions): Member {
    const send = (message: PeerMessage) =>
      queueMicrotask(() => this.#isOver || this.members[message.to - 1]?.loop.receive(message));
    return new Member(id, this.#image, versions, send);
  }

  member(id: number): Member {
    const member = this.members[id - 1];
    assert(member);
    return member;
  }

  async elect(id: number): Promise<Member> {
    const leader = this.member(id);
    leader.loop.withEngine((engine) => engine.campaign());
    await eventually(`${id} leads`, () => leader.loop.status.role === "leader", WAIT_MS);
    return leader;
  }

  /** Member `id` says what `versions` are, by the leader. */
  async announce(leader: Member, id: number, versions = this.member(id).machine.versions): Promise<void> {
    await new MeshWrites(leader.machine, leader.loop).update({ ...joiner(id - 1), versions });
    assert.deepEqual(leader.machine.read(nodeVersions).get(id), versions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const member of this.members) await member[Symbol.asyncDispose]();
  }
}

/** Runs the duty once, and waits for what it proposed. */
async function run(leader: Member): Promise<ProgramVersions> {
  leader.upgrades.run();
  await leader.loop.linearizable();
  return leader.required;
}

Deno.test("Upgrades: engine and schema rise when the last voter has said that it has them, a learner does not count", async () => {
  await using group = new Group([NEW, NEW, NEW, NEW]);
  const leader = await group.elect(1);
  assert.deepEqual(await run(leader), OLD, "nobody has said anything");
  await group.announce(leader, 1);
  await group.announce(leader, 2);
  assert.deepEqual(await run(leader), OLD, "one voter has said nothing");
  await group.announce(leader, 3, OLD);
  assert.deepEqual(await run(leader), OLD, "one voter has an old program");
  await group.announce(leader, 4, OLD);
  await group.announce(leader, 3);
  leader.upgrades.run();
  leader.upgrades.run();
  for (const { machine } of group.members) {
    await eventually("raised", () => machine.read(requiredVersions).engine === NEW.engine, WAIT_MS);
    assert.deepEqual(machine.read(requiredVersions), NEW);
    assert.deepEqual(machine.rows("SELECT * FROM next").rows, []);
  }
  const { appliedIndex } = leader.machine;
  await run(leader);
  assert.equal(leader.machine.appliedIndex, appliedIndex, "nothing is left to do");
  assert.equal(group.member(2).machine.stateHash(), leader.machine.stateHash());
});

Deno.test("Upgrades: what only some have rises as far as the oldest voter allows", async () => {
  await using group = new Group([NEW, NEW, NEW, NEW]);
  const leader = await group.elect(2);
  await group.announce(leader, 1);
  await group.announce(leader, 2);
  await group.announce(leader, 3, { ...NEW, engine: "3.50.4" });
  leader.upgrades.run();
  await eventually("raised", () => leader.required.engine !== OLD.engine, WAIT_MS);
  assert.deepEqual(leader.required, { ...NEW, engine: "3.50.4" });
});

Deno.test("Upgrades: a leader whose program is older than it said raises nothing, a follower has no duty", async () => {
  await using group = new Group([OLD, NEW, NEW, NEW]);
  const leader = await group.elect(1);
  for (const id of [1, 2, 3]) await group.announce(leader, id, NEW);
  assert.deepEqual(await run(leader), OLD);
  group.member(2).upgrades.run();
  assert.deepEqual(await run(leader), OLD);
});

Deno.test("Upgrades: an old learner stops where the mesh goes on, refuses to start, and a newer program goes on from there", async () => {
  await using group = new Group([NEW, NEW, NEW, OLD]);
  const leader = await group.elect(1);
  for (const id of [1, 2, 3, 4]) await group.announce(leader, id);
  leader.upgrades.run();
  await eventually("raised", () => leader.required.engine === NEW.engine, WAIT_MS);
  const learner = group.member(4);
  await eventually("the learner has stopped", () => learner.failure !== undefined, WAIT_MS);
  assert.match(
    String(learner.failure),
    /requires a program that knows schema version 3, and this program knows up to 2/,
  );
  const image = leader.machine.snapshot();
  const open = ({ engine, schema }: ProgramVersions) =>
    StateMachine.open({ version: engine, open: (image) => sqlite.open(image) }, image, schema);
  assert.throws(() => open(OLD), /requires SQLite 3\.51\.0 or newer, and this program has 3\.50\.0/);
  assert.throws(() => open({ ...NEW, schema: OLD.schema }), /schema version 3/);
  using again = open(NEW);
  assert.deepEqual(again.read(requiredVersions), NEW);
});
