/**
 * What stands behind `weft.v1.Control`: the questions of the `weft` command.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MeshNodeSchema } from "../../proto/gen/v1/mesh_messages_pb.ts";
import type { NodeMetricsSchema } from "../../proto/gen/v1/node_metrics_pb.ts";
import { Node } from "../../proto/gen/v1/node_pb.ts";
import {
  Control,
  type NodeStatusSchema,
  type PeerStatusSchema,
  type PluginStatusSchema,
} from "../../proto/gen/weft/v1/control_pb.ts";
import type { DeviceStatus } from "../dataplane/data_plane.ts";
import { MeshError } from "../plugin/errors.ts";
import type { PluginState } from "../plugin/plugin_state.ts";
import type { RpcContext } from "../plugin/rpc.ts";
import type { RpcClient } from "../rpc/client.ts";
import type { ControlBackend } from "../rpc/control_service.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { formatWriteSession, type WriteSession } from "../state/write_session.ts";
import { withDeadline } from "./deadline.ts";
import { WRITE_SESSION_KEY } from "./join_metadata.ts";
import { ipv4Cidr, ipv6Cidr, meshNodeMessage } from "./mesh_view.ts";
import { nodeMetrics } from "./node_metrics.ts";
import { LEAVE_WAIT_MS, type MeshNodeBackend, remoteStatusOptions } from "./node_backend.ts";
import { RELEASE_MS } from "./reconciler.ts";
import type { Running } from "./running.ts";
import type { WriteSessions } from "./write_sessions.ts";

/** Leadership may move while a node leaves; it looks for the leader this many times. */
const LEAVE_ATTEMPT_COUNT_MAX = 3;

/** What a node does about its own leaving. */
export interface LeavingLife {
  /** From now on, being removed is what this node asked for. */
  leaving(): void;
  /** The mesh has let go of this node: it forgets the mesh and stops. */
  left(): void;
}

/** The backend over a running node. */
export class MeshControlBackend implements ControlBackend {
  readonly #running: Running;
  readonly #node: MeshNodeBackend;
  readonly #sessions: WriteSessions;
  readonly #life: LeavingLife;

  constructor(running: Running, node: MeshNodeBackend, sessions: WriteSessions, life: LeavingLife) {
    this.#running = running;
    this.#node = node;
    this.#sessions = sessions;
    this.#life = life;
  }

  async nodeStatus(id: string, context: RpcContext): Promise<MessageInitShape<typeof NodeStatusSchema>> {
    if (id !== "" && id !== this.#running.nodeId) return await this.#remoteStatus(id, context);
    await this.#running.reads.admit(context, { evenInQuarantine: true });
    const device = await this.#running.parts.tunnel.status();
    return {
      status: this.#node.localStatus(),
      addresses: this.#addresses(device),
      raft: this.#raft(),
      peers: this.#peers(device),
      plugins: this.#running.parts.plugins.list().map(pluginMessage),
      health: this.#running.health(),
    };
  }

  async nodeMetrics(id: string, context: RpcContext): Promise<MessageInitShape<typeof NodeMetricsSchema>> {
    if (id === "" || id === this.#running.nodeId) return await nodeMetrics(this.#running);
    await using client = this.#clientOf(id);
    return (await client.unary(Control.method.getNodeMetrics, {}, remoteStatusOptions(context))).message;
  }

  async listNodes(context: RpcContext): Promise<MessageInitShape<typeof MeshNodeSchema>[]> {
    await this.#running.reads.admit(context);
    const mesh = this.#running.mesh();
    const raft = this.#running.raftStatus;
    return this.#running.nodes().map((node) => meshNodeMessage(node, mesh, raft));
  }

  async leaveMesh(context: RpcContext): Promise<void> {
    const running = this.#running;
    this.#life.leaving();
    if (running.isLeader && running.nodes().length === 1) return this.#life.left();
    const session = this.#sessions.next();
    for (let attempt = 1;; attempt++) {
      try {
        if (running.isLeader) await this.#node.handOver(context.signal);
        await this.#askLeader(session, context);
        return this.#life.left();
      } catch (error) {
        const moved = error instanceof MeshError && (error.reason === "not-leader" || error.reason === "no-leader");
        if (!moved || attempt === LEAVE_ATTEMPT_COUNT_MAX) throw error;
      }
    }
  }

  async #askLeader(session: WriteSession, context: RpcContext): Promise<void> {
    const leader = this.#running.leader();
    if (!leader) throw new MeshError("no-leader", "The mesh has no leader now: it cannot let this node go");
    await using client = this.#running.connectTo(leader);
    const metadata = { [WRITE_SESSION_KEY]: formatWriteSession(session) };
    const options = { deadlineMs: 2 * LEAVE_WAIT_MS, metadata, signal: context.signal };
    const answered = client.unary(Node.method.leave, { id: this.#running.nodeId }, options);
    answered.catch(() => {});
    // The answer may be lost with the tunnel; that this replica no longer has this node says the same.
    const gone = this.#gone(context.signal);
    gone.catch(() => {});
    await Promise.race([answered, gone]);
  }

  /** Resolves when this node is out of the mesh and, as far as it can be waited for, out of the Raft group. */
  async #gone(signal: AbortSignal): Promise<void> {
    const running = this.#running;
    const { changes } = running.parts;
    await changes.until(() => running.self() === undefined, signal);
    await withDeadline(RELEASE_MS, signal, (limit) => changes.until(() => !running.isInGroup(), limit)).catch(() => {});
  }

  async #remoteStatus(id: string, context: RpcContext): Promise<MessageInitShape<typeof NodeStatusSchema>> {
    await using client = this.#clientOf(id);
    return (await client.unary(Control.method.getNodeStatus, {}, remoteStatusOptions(context))).message;
  }

  #clientOf(id: string): RpcClient {
    const node = this.#running.nodeById(id);
    if (!node) throw new MeshError("not-found", `The mesh has no node "${id}"`, { hint: "List them: `weft nodes`." });
    return this.#running.connectTo(node);
  }

  #addresses(device: DeviceStatus): NonNullable<MessageInitShape<typeof NodeStatusSchema>["addresses"]> {
    const running = this.#running;
    const { config, publicKey, tunnel } = running.parts;
    const mesh = running.mesh();
    const self = running.self();
    return {
      ipv4: self && config.ipv4 ? ipv4Cidr(self, mesh) : "",
      ipv6: self && config.ipv6 ? ipv6Cidr(self) : "",
      networkIpv4: `${mesh.networkIpv4}`,
      networkIpv6: `${mesh.networkIpv6}`,
      interface: tunnel.interfaceName,
      mtu: tunnel.mtu,
      wireguardPort: device.listenPort,
      raftPort: self?.raftPort ?? 0,
      grpcPort: self?.grpcPort ?? 0,
      publicKey,
      primaryEndpoint: self?.primaryEndpoint?.toString() ?? "",
      endpoints: self?.endpoints.map(String) ?? [],
    };
  }

  #raft(): NonNullable<MessageInitShape<typeof NodeStatusSchema>["raft"]> {
    const { role, hardState, appliedIndex, membership } = this.#running.raftStatus;
    return {
      role,
      term: BigInt(hardState.term),
      commitIndex: BigInt(hardState.commit),
      appliedIndex: BigInt(appliedIndex),
      stateHash: this.#running.parts.machine.stateHash(),
      leader: this.#running.leader()?.id ?? "",
      quarantine: this.#running.parts.guard.quarantine ?? "",
      members: this.#running.nodes()
        .filter(({ raftId }) => membership.voters.includes(raftId) || membership.learners.includes(raftId))
        .map(({ id, raftId }) => ({ id, raftId: BigInt(raftId), voter: membership.voters.includes(raftId) })),
    };
  }

  #peers(device: DeviceStatus): MessageInitShape<typeof PeerStatusSchema>[] {
    const mesh = this.#running.mesh();
    const byKey = new Map(this.#running.nodes().map((node) => [node.publicKey, node]));
    return device.peers
      .map((peer) => peerMessage(peer, byKey.get(peer.publicKey), mesh))
      .sort((a, b) => (a.id ?? "") < (b.id ?? "") ? -1 : 1);
  }
}

function pluginMessage({ sinceWallMs, ...state }: PluginState): MessageInitShape<typeof PluginStatusSchema> {
  return {
    ...state,
    since: timestampFromMs(sinceWallMs),
    needs: [...state.needs],
    health: state.health.map((line) => ({ ...line })),
  };
}

function peerMessage(
  peer: DeviceStatus["peers"][number],
  node: NodeRecord | undefined,
  mesh: ReturnType<Running["mesh"]>,
) {
  return {
    id: node?.id ?? "",
    publicKey: peer.publicKey,
    endpoint: peer.endpoint ?? "",
    allowedIps: [...peer.allowedIps],
    ...(peer.lastHandshakeWallMs === undefined ? {} : { lastHandshake: timestampFromMs(peer.lastHandshakeWallMs) }),
    rxBytes: BigInt(peer.rxBytes),
    txBytes: BigInt(peer.txBytes),
    ipv4: node ? ipv4Cidr(node, mesh) : "",
    ipv6: node ? ipv6Cidr(node) : "",
  };
}
