import { strict as assert } from "node:assert";
import { ConsistentReads, type ConsistentReadsParts } from "../../../core/node/consistent_reads.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { RpcContext, RpcPeer } from "../../../core/plugin/rpc.ts";
import type { RaftStatus } from "../../../core/raft/status.ts";
import { create } from "@bufbuild/protobuf";
import { RaftApplyResponseSchema } from "../../../proto/gen/v1/node_raft_pb.ts";

const STATUS: RaftStatus = {
  id: 1,
  role: "leader",
  leader: 1,
  hardState: { term: 1, vote: 1, commit: 7 },
  appliedIndex: 7,
  firstIndex: 1,
  lastIndex: 7,
  membership: { voters: [1], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false },
  transferee: 0,
  pendingReadsCount: 0,
  peers: [],
};

/** A replica that notes what was asked of it. */
class Replica implements ConsistentReadsParts {
  readonly asked: string[] = [];
  readonly reads: ConsistentReads = new ConsistentReads(this);
  role: RaftStatus["role"] = "leader";
  silenceMs = 0;
  lagMs = 0;
  readonly machine = { appliedIndex: 7 };
  readonly running: ConsistentReadsParts["running"] = this.#running();
  readonly contact = { silenceMs: () => this.silenceMs, lagMs: () => this.lagMs };
  readonly raft = {
    linearizable: (): Promise<void> => {
      this.asked.push("read index");
      this.machine.appliedIndex++;
      return Promise.resolve();
    },
    propose: (data: Uint8Array) => {
      this.asked.push(`entry of ${data.length} bytes`);
      this.machine.appliedIndex++;
      return Promise.resolve(create(RaftApplyResponseSchema));
    },
  };

  #running(): ConsistentReadsParts["running"] {
    const statusNow = () => ({ ...STATUS, role: this.role });
    return {
      get raftStatus() {
        return statusNow();
      },
      requireLeader: () => {
        this.asked.push("leader");
        if (this.role !== "leader") throw new MeshError("not-leader", `"b" is`, { leaderAddress: "192.0.2.2:8443" });
      },
    };
  }
}

const MEMBER: RpcPeer = { address: "unix", transport: "unix", identity: undefined };
const STRANGER: RpcPeer = { address: "192.0.2.9:1", transport: "tls", identity: undefined };

function call(metadata: Record<string, string>, peer = MEMBER): { context: RpcContext; trailers: Map<string, string> } {
  const trailers = new Map<string, string>();
  const context: RpcContext = {
    methodPath: "/v1.Node/GetStatus",
    peer,
    metadata: new Map(Object.entries(metadata)),
    deadlineWallMs: Infinity,
    signal: new AbortController().signal,
    sendInitialMetadata: () => {},
    setTrailer: (name, value) => void trailers.set(name, value),
  };
  return { context, trailers };
}

async function asks(level: string, role: RaftStatus["role"] = "leader"): Promise<string[]> {
  const replica = new Replica();
  replica.role = role;
  await replica.reads.admit(call({ "read-consistency": level }).context);
  return replica.asked;
}

Deno.test("ConsistentReads: each level asks for what it means", async () => {
  assert.deepEqual(await asks("none", "follower"), []);
  assert.deepEqual(await asks("weak"), ["leader"]);
  assert.deepEqual(await asks("linearizable", "follower"), ["read index"]);
  assert.deepEqual(await asks("strong"), ["leader", "entry of 0 bytes"]);
});

Deno.test("ConsistentReads: who does not lead names the leader for weak and strong", async () => {
  for (const level of ["weak", "strong"]) {
    await assert.rejects(asks(level, "follower"), { reason: "not-leader", leaderAddress: "192.0.2.2:8443" });
  }
});

Deno.test("ConsistentReads: the answer says the level and how new it is", async () => {
  const replica = new Replica();
  const seen = async (metadata: Record<string, string>) => {
    const { context, trailers } = call(metadata);
    await replica.reads.admit(context);
    return Object.fromEntries(trailers);
  };
  assert.deepEqual(await seen({}), { "read-consistency": "none", "applied-index": "7" });
  assert.deepEqual(await seen({ "read-consistency": "linearizable" }), {
    "read-consistency": "linearizable",
    "applied-index": "8",
  });
});

Deno.test("ConsistentReads: a replica out of touch refuses a freshness, and only that", async () => {
  const replica = new Replica();
  replica.role = "follower";
  const fresh = (strict = "false") =>
    replica.reads.admit(call({ freshness: "5s", "freshness-strict": strict }).context);
  replica.silenceMs = 5_000;
  await fresh();
  replica.silenceMs = 5_001;
  await assert.rejects(fresh(), { reason: "unavailable", message: /older than 5s: nothing heard from a leader for 5/ });
  replica.role = "leader";
  replica.silenceMs = Infinity;
  await assert.rejects(fresh(), /nothing heard from a majority of the voters since it started/);
  await replica.reads.admit(call({}).context);
  replica.silenceMs = 0;
  replica.lagMs = 6_000;
  await fresh();
  await assert.rejects(fresh("true"), { reason: "unavailable", message: /behind what it was told .* for 6s/ });
});

Deno.test("ConsistentReads: strangers write nothing to the log", async () => {
  const replica = new Replica();
  await assert.rejects(replica.reads.admit(call({ "read-consistency": "strong" }, STRANGER).context), {
    reason: "permission-denied",
  });
  assert.deepEqual(replica.asked, []);
  await replica.reads.admit(call({ "read-consistency": "linearizable" }, STRANGER).context);
});

Deno.test("ConsistentReads: nonsense is refused before anything is asked", async () => {
  const replica = new Replica();
  await assert.rejects(replica.reads.admit(call({ "read-consistency": "best" }).context), {
    reason: "invalid-argument",
  });
  assert.deepEqual(replica.asked, []);
});
