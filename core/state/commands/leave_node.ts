/**
 * Command: a node leaves the mesh (`v1.Node/Leave`). Its row goes; its leases stay, released, so that it gets the same
 * addresses when it comes back.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import type { StateReader } from "../apply.ts";
import { queryEntry, responseRows } from "../codec.ts";
import { integer } from "../queries/cells.ts";
import { nodeById } from "../queries/node_by_id.ts";
import { type Refusal, refusalIn } from "../refusal.ts";

/** Who leaves, and when. */
export interface LeaveParameters {
  readonly id: string;
  /** Milliseconds since 1970, the proposer's clock. */
  readonly nowMs: number;
}

/** `left` with the number of the Raft member to remove; `unknown` when there was no such node, which is no error. */
export type LeaveResult = { readonly kind: "left"; readonly raftId: number } | { readonly kind: "unknown" } | Refusal;

const SQL = `
UPDATE leases SET released_at_ms = :now_ms
WHERE released_at_ms IS NULL AND (node_id, public_key) IN (SELECT id, public_key FROM nodes WHERE id = :id);
DELETE FROM nodes WHERE id = :id RETURNING raft_id;
`;

/** What a Leave would answer without changing anything; `undefined` if it has to be proposed. */
export function previewLeave(reader: StateReader, parameters: LeaveParameters): LeaveResult | undefined {
  return nodeById(reader, parameters.id) ? undefined : { kind: "unknown" };
}

/** The entry. */
export function leaveCommand(parameters: LeaveParameters): RaftLogEntry {
  return queryEntry(SQL, { id: parameters.id, now_ms: parameters.nowMs });
}

/** Reads the response to {@linkcode leaveCommand}. */
export function parseLeaveResult(response: RaftApplyResponse): LeaveResult {
  const refused = refusalIn(response);
  if (refused) return refused;
  const [row] = responseRows(response).rows;
  return row ? { kind: "left", raftId: integer(row[0]) } : { kind: "unknown" };
}
