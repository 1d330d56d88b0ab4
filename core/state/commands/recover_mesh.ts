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
  /** Members that hold the log of the epoch that ends; the first {@linkcode LEFT_BEHIND_COUNT_MAX} of them are told. */
  readonly leftBehind: readonly { readonly raftId: number; readonly publicKey: string }[];
}

/** Members of earlier epochs that the state remembers; the latest first. */
export const LEFT_BEHIND_COUNT_MAX = 256;

const SQL = `
UPDATE mesh_state SET value = :mesh_id WHERE key = 'mesh_id';
INSERT INTO mesh_state (key, value) VALUES ('left_behind', :left_behind)
ON CONFLICT (key) DO UPDATE SET value = :left_behind;
UPDATE nodes SET wants_vote = 1 WHERE id = :node_id;`;

/** The entry. */
export function recoverCommand({ meshId, nodeId, leftBehind }: RecoverParameters): RaftLogEntry {
  const members = leftBehind.slice(0, LEFT_BEHIND_COUNT_MAX).map(({ raftId, publicKey }) => `${raftId}:${publicKey}`);
  return executionEntry(SQL, { mesh_id: nextMeshId(meshId), node_id: nodeId, left_behind: members.join(",") });
}
