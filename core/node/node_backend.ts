/**
 * What stands behind `v1.Node`: Join and Leave on the leader, GetStatus anywhere.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { JoinRequest, StatusSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import { Node } from "../../proto/gen/v1/node_pb.ts";
import { buildInfo } from "../io/build_info.ts";
import { IpAddress } from "../ip/address.ts";
import { MeshError } from "../plugin/errors.ts";
import { readLevelMetadata, readWishOf } from "../plugin/read_level.ts";
import type { RpcContext } from "../plugin/rpc.ts";
import type { CallOptions } from "../rpc/client_call.ts";
import type { JoinAnswer, NodeBackend } from "../rpc/node_service.ts";
import { type JoinParameters, validateJoin } from "../state/commands/join_node.ts";
import { validateNodeId } from "../state/node_id.ts";
import {
  parseProgramVersions,
  type ProgramVersions,
  requiredVersions,
  versionProblem,
} from "../state/program_versions.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { formatGoDuration } from "../time/go_duration.ts";
import { withDeadline } from "./deadline.ts";
import {
  MESH_ID_KEY,
  MESH_PREFIX_KEY,
  PROGRAM_VERSIONS_KEY,
  RAFT_ID_KEY,
  RAFT_INSTANCE_KEY,
  RAFT_VOTERS_KEY,
} from "./join_metadata.ts";
import { formatVoters } from "./link_directory.ts";
import { clusterStatusOf, joinResponseMessage } from "./mesh_view.ts";
import { MeshWrites } from "./mesh_writes.ts";
import type { Running } from "./running.ts";
import { requestedSession } from "./write_sessions.ts";

const DEFAULT_RAFT_PORT = 9443;
const DEFAULT_WIREGUARD_PORT = 51820;
/** How long a Leave waits for the membership change, in milliseconds. */
export const LEAVE_WAIT_MS = 10_000;
/** How long a status of another node may take, in milliseconds. */
export const REMOTE_STATUS_MS = 5_000;

/** The backend over a running node. */
export class MeshNodeBackend implements NodeBackend {
  readonly #running: Running;
  readonly #writes: MeshWrites;
  /** Asked once: from source it costs a process. */
  readonly #build = buildInfo();

  constructor(running: Running) {
    this.#running = running;
    this.#writes = new MeshWrites(running.parts.machine, running.parts.raft);
  }

  nodeIdProblem(id: string): string | undefined {
    return validateNodeId(id);
  }

  async join(request: JoinRequest, context: RpcContext): Promise<JoinAnswer> {
    this.#running.requireLeader();
    const parameters = joinParameters(request, context, this.#running.parts.clock.wallMs());
    const problem = validateJoin(parameters);
    if (problem !== undefined) throw new MeshError("invalid-argument", problem);
    this.#requireProgram(parameters);
    const node = await this.#writes.join(parameters, requestedSession(context.metadata));
    this.#running.parts.log.info("node joined", { node: node.id, raftId: node.raftId, voter: node.wantsVote });
    return this.#joinAnswer(node);
  }

  async leave(id: string, context: RpcContext): Promise<void> {
    const running = this.#running;
    const session = requestedSession(context.metadata);
    running.requireLeader();
    if (id === running.nodeId && running.nodes().length > 1) {
      await this.handOver(context.signal);
      running.requireLeader();
    }
    const raftId = await this.#writes.leave(id, running.parts.clock.wallMs(), session);
    if (raftId === undefined) return;
    running.parts.log.info("node left", { node: id, raftId });
    const gone = () => !running.isInGroup(raftId) || running.nodes().length === 0;
    const wait = (signal: AbortSignal) => running.parts.changes.until(gone, signal);
    await withDeadline(LEAVE_WAIT_MS, context.signal, wait).catch(() => {
      throw new MeshError("timeout", `Node "${id}" is out of the mesh, but still counts in Raft`, {
        hint: "A majority of the voters must be up; look at `weft status` on the leader.",
      });
    });
  }

  async status(id: string, context: RpcContext): Promise<MessageInitShape<typeof StatusSchema>> {
    if (id === "" || id === this.#running.nodeId) {
      await this.#running.reads.admit(context, { evenInQuarantine: true });
      return this.localStatus();
    }
    const node = this.#running.nodeById(id);
    if (!node) throw new MeshError("not-found", `The mesh has no node "${id}"`, { hint: "List them: `weft nodes`." });
    await using client = this.#running.connectTo(node);
    return (await client.unary(Node.method.getStatus, {}, remoteStatusOptions(context))).message;
  }

  /** `v1.Status` of this node. */
  localStatus(): MessageInitShape<typeof StatusSchema> {
    const running = this.#running;
    const { clock, startedWallMs } = running.parts;
    const build = this.#build;
    const raft = running.raftStatus;
    return {
      id: running.nodeId,
      version: build.version,
      commit: build.commit,
      buildDate: build.date,
      uptime: formatGoDuration(Math.max(0, clock.wallMs() - startedWallMs)),
      startedAt: timestampFromMs(startedWallMs),
      features: this.#running.parts.plugins.features(),
      wireguardPeers: running.nodes().filter((node) => node.id !== running.nodeId).length,
      clusterStatus: clusterStatusOf(raft.id, raft),
      currentLeader: running.leader()?.id ?? "",
    };
  }

  /** Better now than when the joiner finds that it cannot apply the log. Who says nothing of its program only wants an address. */
  #requireProgram({ id, versions }: JoinParameters): void {
    const required = this.#running.parts.machine.read((reader) => requiredVersions(reader));
    const problem = versions && versionProblem(versions, required, `node "${id}"`);
    if (problem === undefined) return;
    throw new MeshError("precondition", problem, {
      hint: `Install Weft ${this.#build.version} there, which the leader runs, or a newer one.`,
    });
  }

  #joinAnswer(node: NodeRecord): JoinAnswer {
    const running = this.#running;
    const mesh = running.mesh();
    const nodes = running.nodes();
    const { voters } = running.raftStatus.membership;
    return {
      response: joinResponseMessage(node, nodes.filter((other) => other.id !== node.id), mesh),
      trailers: {
        [MESH_ID_KEY]: mesh.meshId,
        [RAFT_ID_KEY]: String(node.raftId),
        [MESH_PREFIX_KEY]: String(mesh.networkIpv6),
        [RAFT_VOTERS_KEY]: formatVoters(nodes.filter((other) => voters.includes(other.raftId))),
      },
    };
  }

  /**
   * Makes another voter lead, the one with the longest log. A leader that leaves hands over first: who is gone cannot
   * commit that it is gone.
   *
   * @throws {MeshError} If no other voter is up, or none took over in time.
   */
  async handOver(signal: AbortSignal): Promise<void> {
    const { raft, changes } = this.#running.parts;
    const { membership, id, peers } = this.#running.raftStatus;
    const heirs = peers.filter((peer) => peer.id !== id && membership.voters.includes(peer.id) && peer.recentlyActive);
    const heir = heirs.sort((a, b) => b.match - a.match)[0];
    if (!heir) {
      throw new MeshError(
        "unavailable",
        "This node is the only voter that is up: without it the mesh could not change",
        {
          hint: "Let another node join with --as-voter first, or stop this node without leaving.",
        },
      );
    }
    raft.withEngine((engine) => engine.transferLeader(heir.id));
    const takenOver = () => ![0, id].includes(this.#running.raftStatus.leader);
    await withDeadline(LEAVE_WAIT_MS, signal, (limit) => changes.until(takenOver, limit)).catch(() => {
      throw new MeshError("no-leader", "No other voter has taken over the lead", { hint: "Run the command again." });
    });
  }
}

/** For a question that another node answers: it is there that the level which the caller asked for has to hold. */
export function remoteStatusOptions({ metadata, signal }: RpcContext): CallOptions {
  return { deadlineMs: REMOTE_STATUS_MS, signal, metadata: readLevelMetadata(readWishOf(metadata).level) };
}

function joinParameters(request: JoinRequest, context: RpcContext, nowMs: number): JoinParameters {
  return {
    id: request.id,
    publicKey: request.publicKey,
    raftInstance: context.metadata.get(RAFT_INSTANCE_KEY) ?? "",
    wantsVote: request.asVoter,
    assignIpv4: request.assignIpv4,
    preferRaftIpv6: request.preferRaftIpv6,
    // proto3 cannot tell 0 from "not said": who does not say listens where everybody does.
    raftPort: request.raftPort || DEFAULT_RAFT_PORT,
    grpcPort: request.grpcPort,
    wireguardPort: request.wireguardPort || DEFAULT_WIREGUARD_PORT,
    primaryEndpoint: IpAddress.parse(request.primaryEndpoint),
    endpoints: request.endpoints.map((text) => IpAddress.parse(text)).filter((address) => address !== undefined),
    versions: announcedVersions(context),
    nowMs,
  };
}

function announcedVersions({ metadata }: RpcContext): ProgramVersions | undefined {
  const text = metadata.get(PROGRAM_VERSIONS_KEY);
  if (text === undefined) return undefined;
  const versions = parseProgramVersions(text);
  if (!versions) throw new MeshError("invalid-argument", `The metadata "${PROGRAM_VERSIONS_KEY}" is not ENGINE/SCHEMA`);
  return versions;
}
