/**
 * Command: the mesh goes on in a new epoch, with one node as its only voter. Part of a recovery, which writes it without the
 * others: see `core/node/recover.ts`.
 *
 * @module
 */
import type { RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { executionEntry } from "../codec.ts";
import { nextMeshId } from "../mesh_epoch.ts";

/** Who goes on. */
export interface RecoverParameters {
  /** The mesh id until now. */
  readonly meshId: string;
  /** The node that votes from now on. */
  readonly nodeId: string;
}

const SQL = `
UPDATE mesh_state SET value = :mesh_id WHERE key = 'mesh_id';
UPDATE nodes SET wants_vote = 1 WHERE id = :node_id;`;

/** The entry. */
export function recoverCommand({ meshId, nodeId }: RecoverParameters): RaftLogEntry {
  return executionEntry(SQL, { mesh_id: nextMeshId(meshId), node_id: nodeId });
}
