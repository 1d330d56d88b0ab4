/**
 * What stands behind the Raft methods of `weft.v1.Control`: what operators look at and do.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type BackupPieceSchema,
  type BackupRequest,
  Control,
  type ListRaftMembersResponseSchema,
  type QueryRequest,
  type QueryResponseSchema,
  type RaftDetailsSchema,
  type RestorePiece,
  type RestoreResponseSchema,
  type TakeSnapshotResponseSchema,
  type TransferLeadershipResponseSchema,
} from "../../proto/gen/weft/v1/control_pb.ts";
import { Alarm } from "../io/alarm.ts";
import type { LogFootprint } from "../io/log_footprint.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcContext } from "../plugin/rpc.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { OperationsBackend } from "../rpc/control_service.ts";
import type { Random } from "../seams/random.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { BackupSource } from "./backup_source.ts";
import { withDeadline } from "./deadline.ts";
import { schemaVersion } from "../state/queries/schema_version.ts";
import { askLeader, type LeaderView } from "./leader_request.ts";
import { ensureSchema } from "./leader_duties.ts";
import { memberViews, quorumHeardMs } from "./raft_view.ts";
import type { Running } from "./running.ts";
import { restorePieces } from "./state_backup.ts";
import { StateQueries } from "./state_query.ts";

/** The leader, asked for its view on behalf of the caller, has this long to answer, in milliseconds. */
export const LEADER_VIEW_MS = 2_000;
/** The leader, asked to hand over on behalf of the caller, has this long, in milliseconds. */
export const LEADER_TRANSFER_MS = 8_000;
/** A transfer, or a wait for who leads, is given up after so many election timeouts; the engine gives up after one. */
const TRANSFER_ELECTION_COUNT = 2;

/** What operations need besides the running node. */
export interface OperationsParts {
  readonly running: Running;
  /** See `LifeParts`. */
  readonly footprint: () => Promise<LogFootprint | undefined>;
  /** When a message of this member last came, on the monotonic clock. */
  readonly heardMs: (raftId: number) => number | undefined;
  /** The shortest election timeout, in milliseconds. */
  readonly electionMs: number;
  readonly heartbeatMs: number;
  readonly random: Random;
}

/** The backend over a running node. */
export class MeshOperations implements OperationsBackend, AsyncDisposable {
  readonly #parts: OperationsParts;
  readonly #queries: StateQueries;
  readonly #backups: BackupSource;

  constructor(parts: OperationsParts) {
    this.#parts = parts;
    const { machine, clock } = parts.running.parts;
    this.#queries = new StateQueries(machine);
    this.#backups = new BackupSource({ machine, clock, makeAlarm: (onDue) => new Alarm(clock, onDue) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#backups[Symbol.dispose]();
    return this.#queries[Symbol.asyncDispose]();
  }

  async raftStatus(context: RpcContext): Promise<MessageInitShape<typeof RaftDetailsSchema>> {
    const { running, footprint, heardMs, electionMs, heartbeatMs } = this.#parts;
    await running.reads.admit(context, { evenInQuarantine: true });
    const disk = await footprint();
    const status = running.raftStatus;
    const nowMs = running.parts.clock.monotonicMs();
    const quorumMs = quorumHeardMs(status, nowMs, heardMs);
    return {
      id: running.nodeId,
      raftId: BigInt(status.id),
      role: status.role,
      leader: running.leader()?.id ?? "",
      term: BigInt(status.hardState.term),
      commitIndex: BigInt(status.hardState.commit),
      appliedIndex: BigInt(status.appliedIndex),
      firstIndex: BigInt(status.firstIndex),
      lastIndex: BigInt(status.lastIndex),
      voters: status.membership.voters.length,
      learners: status.membership.learners.length,
      ...(quorumMs === undefined ? {} : { quorumContactMs: wholeMs(nowMs - quorumMs) }),
      stateHash: running.parts.machine.stateHash(),
      snapshotIndex: BigInt(disk?.snapshot?.index ?? 0),
      snapshotTerm: BigInt(disk?.snapshot?.term ?? 0),
      snapshotBytes: BigInt(disk?.snapshot?.bytes ?? 0),
      snapshotFile: disk?.snapshot?.path ?? "",
      walBytes: BigInt(disk?.walBytes ?? 0),
      walFiles: disk?.walFileCount ?? 0,
      electionTimeoutMs: BigInt(electionMs),
      heartbeatMs: BigInt(heartbeatMs),
      meshId: running.mesh().meshId,
      quarantine: running.parts.guard.quarantine ?? "",
    };
  }

  async raftMembers(
    here: boolean,
    context: RpcContext,
  ): Promise<MessageInitShape<typeof ListRaftMembersResponseSchema>> {
    const { running } = this.#parts;
    const leader = running.isLeader || here ? undefined : running.leader();
    if (!leader) {
      await running.reads.admit(context);
      return this.#membersHere();
    }
    try {
      await using client = running.connectTo(leader);
      const options = { deadlineMs: LEADER_VIEW_MS, signal: context.signal };
      return (await client.unary(Control.method.listRaftMembers, { here: true }, options)).message;
    } catch (error) {
      // What this node knows is still worth something to somebody who looks for what is broken.
      if (error instanceof MeshError) return this.#membersHere();
      throw error;
    }
  }

  async transferLeadership(
    id: string,
    here: boolean,
    context: RpcContext,
  ): Promise<MessageInitShape<typeof TransferLeadershipResponseSchema>> {
    if (here) return await this.#transferHere(id, context);
    const { running, electionMs } = this.#parts;
    const { changes } = running.parts;
    const view: LeaderView<NodeRecord> = {
      status: () => running.raftStatus,
      leader: () => running.leader(),
      until: (condition, signal) => changes.until(condition, signal),
      waitMs: TRANSFER_ELECTION_COUNT * electionMs,
    };
    return await askLeader(view, {
      here: () => this.#transferHere(id, context),
      there: async (leader) => {
        await using client = running.connectTo(leader);
        const options = { deadlineMs: LEADER_TRANSFER_MS, signal: context.signal };
        return (await client.unary(Control.method.transferLeadership, { id, here: true }, options)).message;
      },
    }, context.signal);
  }

  async takeSnapshot(): Promise<MessageInitShape<typeof TakeSnapshotResponseSchema>> {
    const { running, footprint } = this.#parts;
    const { index, term, bytes } = await running.parts.raft.takeSnapshot();
    const disk = await footprint();
    const file = disk?.snapshot?.path ?? "";
    return { index: BigInt(index), term: BigInt(term), bytes: BigInt(bytes), file };
  }

  async query(request: QueryRequest, context: RpcContext): Promise<MessageInitShape<typeof QueryResponseSchema>> {
    await this.#parts.running.reads.admit(context);
    return await this.#queries.run(request, context.signal);
  }

  async *backup(
    { resumeSha256, resumeOffset }: BackupRequest,
    context: RpcContext,
  ): AsyncGenerator<MessageInitShape<typeof BackupPieceSchema>> {
    const { running } = this.#parts;
    await running.reads.admit(context);
    yield* this.#backups.pieces(running.mesh(), { sha256: resumeSha256, offset: Number(resumeOffset) });
  }

  async restore(
    pieces: AsyncIterable<RestorePiece>,
    context: RpcContext,
  ): Promise<MessageInitShape<typeof RestoreResponseSchema>> {
    const { running, random } = this.#parts;
    const { machine, raft, clock, log } = running.parts;
    running.requireLeader();
    const schema = machine.read(schemaVersion);
    const header = await restorePieces(pieces, {
      mesh: running.mesh(),
      propose(data) {
        context.signal.throwIfAborted();
        return raft.propose(data);
      },
      random,
      nowMs: () => clock.wallMs(),
    });
    await ensureSchema(machine, raft, schema);
    log.info("state restored from a backup", { index: machine.appliedIndex, backupIndex: header.index });
    return {
      appliedIndex: BigInt(machine.appliedIndex),
      stateHash: machine.stateHash(),
      backupIndex: BigInt(header.index),
    };
  }

  #membersHere(): MessageInitShape<typeof ListRaftMembersResponseSchema> {
    const { running, heardMs } = this.#parts;
    const status = running.raftStatus;
    return {
      viewer: running.nodeId,
      term: BigInt(status.hardState.term),
      lastIndex: BigInt(status.lastIndex),
      members: memberViews(status, running.nodes(), running.parts.clock.monotonicMs(), heardMs),
    };
  }

  async #transferHere(
    id: string,
    context: RpcContext,
  ): Promise<MessageInitShape<typeof TransferLeadershipResponseSchema>> {
    const { running, electionMs } = this.#parts;
    running.requireLeader();
    const before = running.raftStatus;
    const heir = id === "" ? this.#bestHeir(before) : this.#namedHeir(id);
    const refused = running.parts.raft.withEngine((engine) => engine.transferLeader(heir.raftId));
    switch (refused) {
      case "already-leader":
        return { leader: heir.id, term: BigInt(before.hardState.term), moved: false };
      case "not-voter":
        throw new MeshError("invalid-argument", `Node "${heir.id}" does not vote: it cannot lead`, {
          hint: "List the voters: `weft raft members`.",
        });
      case "no-leader":
        throw new MeshError("no-leader", "The mesh has no leader now");
      case "already-transferring":
      case undefined:
        break;
    }
    const settled = () => ![0, before.id].includes(running.raftStatus.leader);
    const timeoutMs = TRANSFER_ELECTION_COUNT * electionMs;
    await withDeadline(timeoutMs, context.signal, (signal) => running.parts.changes.until(settled, signal))
      .catch(() => {
        context.signal.throwIfAborted();
        throw new MeshError("timeout", `Node "${heir.id}" has not taken over within ${timeoutMs / 1000} s`, {
          hint: running.isLeader
            ? `"${running.nodeId}" still leads. Look at \`weft raft members\`: is "${heir.id}" reached, and caught up?`
            : "Look at `weft raft status`: the voters choose a leader now.",
        });
      });
    const { leader, hardState } = running.raftStatus;
    if (leader === heir.raftId) return { leader: heir.id, term: BigInt(hardState.term), moved: true };
    throw new MeshError(
      "unavailable",
      `Another node than "${heir.id}" has taken over: "${running.leader()?.id ?? "?"}"`,
      {
        hint: "Run the command again.",
      },
    );
  }

  /** The voter, other than this one, that is up and has the longest log. */
  #bestHeir({ id, membership, peers }: RaftStatus): NodeRecord {
    const best = peers
      .filter((peer) => peer.id !== id && membership.voters.includes(peer.id) && peer.recentlyActive)
      .sort((a, b) => b.match - a.match)[0];
    const node = best && this.#parts.running.nodes().find(({ raftId }) => raftId === best.id);
    if (node) return node;
    throw new MeshError("unavailable", "No other voter is up that could lead", {
      hint: "Let another node join with --as-voter first.",
    });
  }

  #namedHeir(id: string): NodeRecord {
    const node = this.#parts.running.nodeById(id);
    if (node) return node;
    throw new MeshError("not-found", `The mesh has no node "${id}"`, { hint: "List them: `weft raft members`." });
  }
}

function wholeMs(ms: number): bigint {
  return BigInt(Math.max(0, Math.round(ms)));
}
