/**
 * Writes to the mesh, on the leader: from a checked request to an applied log entry, or a refusal with nothing changed.
 *
 * A caller that names its write gets the same answer however often it asks, and from whichever leader: the name goes into
 * the log entry, and the replicated state keeps the answer (`core/state/sessions.ts`). Without a name, a write that is
 * repeated is a new one.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../proto/gen/v1/node_raft_pb.ts";
import { MeshError } from "../plugin/errors.ts";
import type { StateMachine, StateReader } from "../state/apply.ts";
import { encodeEntry } from "../state/codec.ts";
import { joinCommand, type JoinParameters, parseJoinResult, previewJoin } from "../state/commands/join_node.ts";
import { leaveCommand, parseLeaveResult, previewLeave } from "../state/commands/leave_node.ts";
import {
  parseUpdateResult,
  previewUpdate,
  updateCommand,
  type UpdateParameters,
} from "../state/commands/update_node.ts";
import type { ProgramAnnouncement } from "../state/node_announcement.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { hasNodeVersions } from "../state/queries/node_versions.ts";
import { listRaftAcls } from "../state/queries/raft_acls.ts";
import { sessionResponse } from "../state/queries/session_response.ts";
import { voteVerdict } from "../state/raft_acl.ts";
import type { Refusal } from "../state/refusal.ts";
import { sessionFor, type WriteSession } from "../state/write_session.ts";

/** What writes need of the Raft loop. */
export interface WriteLog {
  propose(data: Uint8Array): Promise<RaftApplyResponse>;
  linearizable(): Promise<void>;
}

/** One kind of write. */
interface Write<Result> {
  /** Throws what a caller is told before anything else. */
  readonly check?: () => unknown;
  /** The answer that needs no log entry. */
  readonly preview: (reader: StateReader) => Result | undefined;
  readonly entry: () => RaftLogEntry;
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
   *
   * @param session The caller's name for this write, see the module.
   */
  async join(parameters: JoinParameters, session?: WriteSession): Promise<NodeRecord> {
    const result = await this.#once("join", session, parseJoinResult, {
      check: () => parameters.wantsVote && this.#checkVote(parameters.id),
      preview: (reader) => previewJoin(reader, parameters),
      entry: () => joinCommand(this.#storable(parameters)),
    });
    return result.kind === "joined" ? result.node : refuse(result);
  }

  /** Announces other ports or addresses of a node. */
  async update(parameters: UpdateParameters, session?: WriteSession): Promise<NodeRecord> {
    const result = await this.#once("update", session, parseUpdateResult, {
      preview: (reader) => previewUpdate(reader, parameters),
      entry: () => updateCommand(this.#storable(parameters)),
    });
    return result.kind === "joined" ? result.node : refuse(result);
  }

  /** Removes a node. @returns Its Raft member id, `undefined` if there was no such node. */
  async leave(id: string, nowMs: number, session?: WriteSession): Promise<number | undefined> {
    const parameters = { id, nowMs };
    const result = await this.#once("leave", session, parseLeaveResult, {
      preview: (reader) => previewLeave(reader, parameters),
      entry: () => leaveCommand(parameters),
    });
    if (result.kind === "refused") refuse(result);
    return result.kind === "left" ? result.raftId : undefined;
  }

  /** In this order: the answer that was given before, what a read can answer, the log. */
  async #once<Result>(
    operation: string,
    client: WriteSession | undefined,
    parse: (response: RaftApplyResponse) => Result,
    write: Write<Result>,
  ): Promise<Result> {
    await this.#log.linearizable();
    const session = sessionFor(operation, client);
    const known = session && this.#machine.read((reader) => sessionResponse(reader, session));
    if (known) return parse(known);
    write.check?.();
    const preview = this.#machine.read(write.preview);
    if (preview !== undefined) return preview;
    return parse(await this.#log.propose(encodeEntry(write.entry(), session)));
  }

  /** Without what the schema has no place for yet: the node will say it again. */
  #storable<Told extends ProgramAnnouncement>(told: Told): Told {
    return this.#machine.read(hasNodeVersions) ? told : { ...told, versions: undefined };
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
