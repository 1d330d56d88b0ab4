/**
 * What a running node's services share: the parts that `node.ts` opened, and questions they all ask.
 *
 * @module
 */
import type { DeviceStatus } from "../dataplane/data_plane.ts";
import type { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { MeshError } from "../plugin/errors.ts";
import type { HealthLine } from "../plugin/health.ts";
import type { PluginStates } from "../plugin/plugin_state.ts";
import type { RaftStatus } from "../raft/status.ts";
import { connect, type RpcClient } from "../rpc/client.ts";
import type { RpcCredentials } from "../rpc/credentials.ts";
import type { Log } from "../seams/log.ts";
import type { StateMachine } from "../state/apply.ts";
import type { Clock } from "../seams/clock.ts";
import { listNodes } from "../state/queries/list_nodes.ts";
import { type MeshInfo, meshInfo } from "../state/queries/mesh_info.ts";
import { nodeById, nodeByRaftId } from "../state/queries/node_by_id.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { listRaftAcls } from "../state/queries/raft_acls.ts";
import { raftMembers } from "../state/queries/raft_members.ts";
import type { Changes } from "./changes.ts";
import type { NodeConfig } from "./config.ts";
import { ConsistentReads } from "./consistent_reads.ts";
import type { LeaderContact } from "./leader_contact.ts";
import { meshRpcAddress, publicRpcAddress } from "./mesh_view.ts";
import { nodeHealth } from "./node_health.ts";
import type { RaftLoop } from "./raft_loop.ts";
import type { ReplicaGuard } from "./replica_guard.ts";

/** The parts; `node.ts` owns them all. */
export interface RunningParts {
  readonly config: NodeConfig;
  /** Base64. */
  readonly publicKey: string;
  readonly machine: StateMachine;
  readonly raft: RaftLoop;
  /** Whether this replica may answer at all. */
  readonly guard: Pick<ReplicaGuard, "admit" | "quarantine">;
  readonly contact: LeaderContact;
  /** When another member was last heard, by Raft id; monotonic milliseconds. */
  readonly heardMs: (raftId: number) => number | undefined;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly startedWallMs: number;
  readonly tunnel: { readonly interfaceName: string; readonly mtu: number; status(): Promise<DeviceStatus> };
  readonly plugins: PluginStates & { features(): Feature[] };
  /** How to call other nodes. */
  readonly credentials: RpcCredentials;
  readonly log: Log;
}

/** A node that has its state; questions about it. */
export class Running {
  readonly parts: RunningParts;
  /** What has to be true before a question may be answered from the state. */
  readonly reads: ConsistentReads;

  constructor(parts: RunningParts) {
    const { raft, machine, contact, guard } = parts;
    this.parts = parts;
    this.reads = new ConsistentReads({ running: this, raft, machine, contact, guard });
  }

  /** The node's id. */
  get nodeId(): string {
    return this.parts.config.nodeId;
  }

  /** What this member knows of Raft. */
  get raftStatus(): RaftStatus {
    return this.parts.raft.withEngine((engine) => engine.status());
  }

  /** True if this member leads. */
  get isLeader(): boolean {
    return this.parts.raft.isLeader;
  }

  /** @throws {MeshError} `not-joined` before the state has arrived. */
  mesh(): MeshInfo {
    const mesh = this.parts.machine.read(meshInfo);
    if (!mesh) throw new MeshError("not-joined", "This node has no state of a mesh yet");
    return mesh;
  }

  /** This node's own record; `undefined` before the state has arrived and after it has left. */
  self(): NodeRecord | undefined {
    const record = this.nodeById(this.nodeId);
    return record?.publicKey === this.parts.publicKey ? record : undefined;
  }

  /** All nodes by id. */
  nodes(): NodeRecord[] {
    return this.parts.machine.read(listNodes);
  }

  /** A node by id. */
  nodeById(id: string): NodeRecord | undefined {
    return this.parts.machine.read((reader) => nodeById(reader, id));
  }

  /** The leader's record, as far as this replica knows it. */
  leader(): NodeRecord | undefined {
    const { leader } = this.raftStatus;
    return leader === 0 ? undefined : this.parts.machine.read((reader) => nodeByRaftId(reader, leader));
  }

  /** What is wrong with the node or its mesh, as far as this replica knows it. */
  health(): HealthLine[] {
    const { machine, contact, clock, heardMs } = this.parts;
    const status = this.raftStatus;
    return nodeHealth({
      members: machine.read(raftMembers),
      acls: machine.read(listRaftAcls),
      membership: status.membership,
      self: status.id,
      leader: status.leader,
      outOfTouchMs: contact.silenceMs(status),
      silenceMs: (raftId) => clock.monotonicMs() - (heardMs(raftId) ?? -Infinity),
    });
  }

  /** A client of another node, through the tunnel. */
  connectTo(node: NodeRecord): RpcClient {
    return connect({ address: meshRpcAddress(node), throughTunnel: true }, this.parts.credentials);
  }

  /** Whether a Raft member, this one unless told otherwise, belongs to the group as of what this replica has applied. */
  isInGroup(raftId?: number): boolean {
    const { id, membership: { voters, votersOutgoing, learners, learnersNext } } = this.raftStatus;
    return [voters, votersOutgoing, learners, learnersNext].some((ids) => ids.includes(raftId ?? id));
  }

  /**
   * @throws {MeshError} `not-leader` with the leader's address, or `no-leader`, unless this member leads; `unavailable` while
   * its replica is out of service.
   */
  requireLeader(): void {
    this.parts.guard.admit();
    if (this.isLeader) return;
    const { leader } = this.raftStatus;
    if (leader === 0) {
      throw new MeshError("no-leader", "The mesh has no leader now", {
        hint: "Look at `weft status`: a majority of the voters must be up and reach each other.",
      });
    }
    const record = this.leader();
    const leaderAddress = record && publicRpcAddress(record);
    throw new MeshError("not-leader", `This node is not the leader${record ? `, "${record.id}" is` : ""}`, {
      hint: "Send the request to the leader.",
      ...(leaderAddress === undefined ? {} : { leaderAddress }),
    });
  }
}
