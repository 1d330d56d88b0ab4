/**
 * Writes to the mesh, on the leader: from a checked request to an applied log entry, or a refusal with nothing changed.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../proto/gen/v1/node_raft_pb.ts";
import { MeshError } from "../plugin/errors.ts";
import type { StateMachine } from "../state/apply.ts";
import { encodeEntry } from "../state/codec.ts";
import { joinCommand, type JoinParameters, parseJoinResult, previewJoin } from "../state/commands/join_node.ts";
import { leaveCommand, parseLeaveResult, previewLeave } from "../state/commands/leave_node.ts";
import {
  parseUpdateResult,
  previewUpdate,
  updateCommand,
  type UpdateParameters,
} from "../state/commands/update_node.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { listRaftAcls } from "../state/queries/raft_acls.ts";
import { voteVerdict } from "../state/raft_acl.ts";
import type { Refusal } from "../state/refusal.ts";

/** What writes need of the Raft loop. */
export interface WriteLog {
  propose(data: Uint8Array): Promise<RaftApplyResponse>;
  linearizable(): Promise<void>;
}

/** The write vocabulary of a leader. All methods throw {@linkcode MeshError}, `not-leader` among others. */
export class MeshWrites {
  readonly #machine: StateMachine;
  readonly #log: WriteLog;

  constructor(machine: StateMachine, log: WriteLog) {
    this.#machine = machine;
    this.#log = log;
  }

  /**
   * Adds or updates a node. A request that would change nothing is answered from the state, fresh as of now, and adds
   * nothing to the log.
   */
  async join(parameters: JoinParameters): Promise<NodeRecord> {
    await this.#log.linearizable();
    if (parameters.wantsVote) this.#checkVote(parameters.id);
    const preview = this.#machine.read((reader) => previewJoin(reader, parameters));
    const result = preview ?? parseJoinResult(await this.#write(joinCommand(parameters)));
    return result.kind === "joined" ? result.node : refuse(result);
  }

  /** Announces other ports or addresses of a node. */
  async update(parameters: UpdateParameters): Promise<NodeRecord> {
    await this.#log.linearizable();
    const preview = this.#machine.read((reader) => previewUpdate(reader, parameters));
    const result = preview ?? parseUpdateResult(await this.#write(updateCommand(parameters)));
    return result.kind === "joined" ? result.node : refuse(result);
  }

  /** Removes a node. @returns Its Raft member id, `undefined` if there was no such node. */
  async leave(id: string, nowMs: number): Promise<number | undefined> {
    await this.#log.linearizable();
    const parameters = { id, nowMs };
    const preview = this.#machine.read((reader) => previewLeave(reader, parameters));
    const result = preview ?? parseLeaveResult(await this.#write(leaveCommand(parameters)));
    if (result.kind === "refused") refuse(result);
    return result.kind === "left" ? result.raftId : undefined;
  }

  #write(entry: RaftLogEntry): Promise<RaftApplyResponse> {
    return this.#log.propose(encodeEntry(entry));
  }

  #checkVote(id: string): void {
    const verdict = voteVerdict(this.#machine.read(listRaftAcls), id);
    if (verdict.allowed) return;
    const why = verdict.acl === undefined ? "no Raft ACL allows it" : `the Raft ACL "${verdict.acl}" denies it`;
    throw new MeshError("permission-denied", `Node "${id}" may not vote: ${why}`, {
      hint: "Join without --as-voter, or change the Raft ACLs of the mesh.",
    });
  }
}

/** Turns a refusal of the replicated database into the error that callers see. */
export function refuse({ code, reason, message }: Refusal): never {
  const hint = HINTS[code];
  throw new MeshError(reason, message, hint === undefined ? {} : { hint });
}

const HINTS: Partial<Record<Refusal["code"], string>> = {
  "id-taken": "Choose another --node-id, or remove the old node first if its key is lost.",
  "key-taken": "Every node needs a data directory of its own: remove the copied key and start again.",
  "ipv4-exhausted": "Join with --no-ipv4, or remove nodes that are gone.",
};
