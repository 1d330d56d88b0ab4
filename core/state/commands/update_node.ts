/**
 * Command: a node of the mesh has other ports or addresses, or another program, now.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { assert } from "../../assert.ts";
import type { StateReader } from "../apply.ts";
import { queryEntry } from "../codec.ts";
import {
  ANNOUNCEMENT_COLUMNS,
  ANNOUNCEMENT_PARAMETERS,
  announcementParameters,
  isVersionsKnown,
  type NodeAnnouncement,
  type ProgramAnnouncement,
  sameAnnouncement,
  validateAnnouncement,
  versionsParameters,
  versionsSql,
} from "../node_announcement.ts";
import { nodeById } from "../queries/node_by_id.ts";
import { NODE_RECORD_SQL } from "../queries/node_record.ts";
import { refusal, refuseSql } from "../refusal.ts";
import { type JoinResult, parseJoinResult } from "./join_node.ts";

/** Which node announces what, and when. */
export interface UpdateParameters extends NodeAnnouncement, ProgramAnnouncement {
  readonly id: string;
  /** Base64; another node that took the id meanwhile is not touched. */
  readonly publicKey: string;
  /** Milliseconds since 1970, the proposer's clock. */
  readonly nowMs: number;
}

const SQL = `
${refuseSql("node-missing", "WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE id = :id AND public_key = :public_key)")}
UPDATE nodes SET (${ANNOUNCEMENT_COLUMNS}) = (${ANNOUNCEMENT_PARAMETERS}), updated_at_ms = :now_ms
WHERE id = :id AND (${ANNOUNCEMENT_COLUMNS}) <> (${ANNOUNCEMENT_PARAMETERS});
`;

/** What the update would answer without changing anything; `undefined` if it has to be proposed. */
export function previewUpdate(reader: StateReader, parameters: UpdateParameters): JoinResult | undefined {
  const node = nodeById(reader, parameters.id);
  if (!node || node.publicKey !== parameters.publicKey) return refusal("node-missing");
  const isKnown = sameAnnouncement(node, parameters) && isVersionsKnown(reader, node.id, parameters);
  return isKnown ? { kind: "joined", node } : undefined;
}

/** The entry. Check the parameters with `validateAnnouncement` first. */
export function updateCommand(parameters: UpdateParameters): RaftLogEntry {
  const problem = validateAnnouncement(parameters);
  assert(problem === undefined, problem ?? "A proposed update is valid");
  return queryEntry(`${SQL}${versionsSql(parameters)}${NODE_RECORD_SQL} WHERE n.id = :id;`, {
    id: parameters.id,
    public_key: parameters.publicKey,
    ...announcementParameters(parameters),
    ...versionsParameters(parameters),
    now_ms: parameters.nowMs,
  });
}

/** Reads the response to {@linkcode updateCommand}. */
export function parseUpdateResult(response: RaftApplyResponse): JoinResult {
  return parseJoinResult(response);
}
