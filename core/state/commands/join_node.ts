/**
 * Command: a node joins, or joins again (`v1.Node/Join`). One entry does all of it: the checks, the addresses, the number in
 * Raft and the row of `nodes`; its answer is that row.
 *
 * The same id and key update ports, addresses and the wish to vote, and keep everything else. Another key under a known id
 * is refused, as is a known key under another id. A `raftInstance` other than the stored one says that the node comes with
 * a new Raft log: it gets a new number, because a member that forgot its votes must not vote under the old one (Raft thesis
 * §3.8).
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { assert } from "../../assert.ts";
import { decodeKey } from "../../keys/key_text.ts";
import type { SqlParameters } from "../../seams/sql_database.ts";
import type { StateReader } from "../apply.ts";
import { queryEntry, responseRows } from "../codec.ts";
import { RAFT_INSTANCE_CHARACTERS_MAX } from "../limits.ts";
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
import { validateNodeId } from "../node_id.ts";
import { nodeById, nodeByName, nodeByPublicKey } from "../queries/node_by_id.ts";
import { NODE_RECORD_SQL, type NodeRecord, nodeRecords } from "../queries/node_record.ts";
import { type Refusal, refusal, refusalIn, refuseSql } from "../refusal.ts";
import { holdLeaseSql, releaseLeaseSql } from "./lease_sql.ts";

/** What a joiner says of itself, and when. */
export interface JoinParameters extends NodeAnnouncement, ProgramAnnouncement {
  readonly id: string;
  /** Base64. */
  readonly publicKey: string;
  /** Random id of the joiner's Raft log; empty when it has none or does not say, which keeps its number. */
  readonly raftInstance: string;
  readonly wantsVote: boolean;
  readonly assignIpv4: boolean;
  readonly preferRaftIpv6: boolean;
  /** Milliseconds since 1970, the proposer's clock. */
  readonly nowMs: number;
}

/** The node as it is now, or why nothing changed. */
export type JoinResult = { readonly kind: "joined"; readonly node: NodeRecord } | Refusal;

const NEXT_RAFT_ID_SQL = "(SELECT CAST(value AS INTEGER) FROM mesh_state WHERE key = 'next_raft_id')";

const SQL = `
${refuseSql("mesh-missing", "WHERE NOT EXISTS (SELECT 1 FROM mesh_state WHERE key = 'mesh_id')")}
${refuseSql("id-taken", "FROM nodes WHERE lower(id) = lower(:id) AND (id <> :id OR public_key <> :public_key)")}
${refuseSql("key-taken", "FROM nodes WHERE public_key = :public_key AND id <> :id")}
${holdLeaseSql("subnet", "subnets-exhausted", "TRUE")}
${holdLeaseSql("ipv4", "ipv4-exhausted", ":assign_ipv4 = 1")}
${releaseLeaseSql("ipv4", ":assign_ipv4 = 0")}
UPDATE nodes SET raft_id = ${NEXT_RAFT_ID_SQL}, raft_instance = :raft_instance, updated_at_ms = :now_ms
WHERE id = :id AND :raft_instance NOT IN ('', raft_instance);

UPDATE nodes SET (${ANNOUNCEMENT_COLUMNS}, wants_vote, prefer_raft_ipv6) =
  (${ANNOUNCEMENT_PARAMETERS}, :wants_vote, :prefer_raft_ipv6), updated_at_ms = :now_ms
WHERE id = :id AND (${ANNOUNCEMENT_COLUMNS}, wants_vote, prefer_raft_ipv6) <>
  (${ANNOUNCEMENT_PARAMETERS}, :wants_vote, :prefer_raft_ipv6);

INSERT INTO nodes (id, public_key, raft_id, raft_instance, ${ANNOUNCEMENT_COLUMNS}, wants_vote, prefer_raft_ipv6,
  created_at_ms, updated_at_ms)
SELECT :id, :public_key, ${NEXT_RAFT_ID_SQL}, :raft_instance, ${ANNOUNCEMENT_PARAMETERS}, :wants_vote, :prefer_raft_ipv6,
  :now_ms, :now_ms
WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE id = :id);

UPDATE mesh_state SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)
WHERE key = 'next_raft_id' AND EXISTS (SELECT 1 FROM nodes WHERE raft_id = ${NEXT_RAFT_ID_SQL});
`;

/** The statements of a join; bootstrap runs them too. */
export function joinSql(parameters: ProgramAnnouncement): string {
  return `${SQL}${versionsSql(parameters)}${NODE_RECORD_SQL} WHERE n.id = :id;`;
}

/** Why a Join cannot be proposed, a sentence; `undefined` if it can. Never throws. */
export function validateJoin(parameters: JoinParameters): string | undefined {
  if (!decodeKey(parameters.publicKey)) return "Public key is not 32 bytes in base64";
  if (!/^[A-Za-z0-9_-]*$/.test(parameters.raftInstance)) return "Raft instance has characters that are not allowed";
  if (parameters.raftInstance.length > RAFT_INSTANCE_CHARACTERS_MAX) return "Raft instance is too long";
  return validateNodeId(parameters.id) ?? validateAnnouncement(parameters);
}

/**
 * What a Join would answer without changing anything: the node as it is, or a refusal. `undefined` if it has to be
 * proposed. A leader asks this first, so that repeated requests do not grow the log.
 */
export function previewJoin(reader: StateReader, parameters: JoinParameters): JoinResult | undefined {
  const node = nodeById(reader, parameters.id);
  const namesake = node ?? nodeByName(reader, parameters.id);
  if (namesake && (namesake !== node || namesake.publicKey !== parameters.publicKey)) return refusal("id-taken");
  if (!node) return nodeByPublicKey(reader, parameters.publicKey) ? refusal("key-taken") : undefined;
  const isKnown = isUnchanged(node, parameters) && isVersionsKnown(reader, node.id, parameters);
  return isKnown ? { kind: "joined", node } : undefined;
}

function isUnchanged(node: NodeRecord, parameters: JoinParameters): boolean {
  return sameAnnouncement(node, parameters) && node.wantsVote === parameters.wantsVote &&
    node.preferRaftIpv6 === parameters.preferRaftIpv6 && (node.ipv4 !== undefined) === parameters.assignIpv4 &&
    (parameters.raftInstance === "" || parameters.raftInstance === node.raftInstance);
}

/** The entry. Check the parameters with {@linkcode validateJoin} first. */
export function joinCommand(parameters: JoinParameters): RaftLogEntry {
  return queryEntry(joinSql(parameters), joinParameters(parameters));
}

/** Values for {@linkcode joinSql}. */
export function joinParameters(parameters: JoinParameters): SqlParameters {
  const problem = validateJoin(parameters);
  assert(problem === undefined, problem ?? "A proposed join is valid");
  return {
    id: parameters.id,
    public_key: parameters.publicKey,
    raft_instance: parameters.raftInstance,
    ...announcementParameters(parameters),
    ...versionsParameters(parameters),
    wants_vote: parameters.wantsVote ? 1 : 0,
    assign_ipv4: parameters.assignIpv4 ? 1 : 0,
    prefer_raft_ipv6: parameters.preferRaftIpv6 ? 1 : 0,
    now_ms: parameters.nowMs,
  };
}

/** Reads the response to {@linkcode joinCommand}. */
export function parseJoinResult(response: RaftApplyResponse): JoinResult {
  const refused = refusalIn(response);
  if (refused) return refused;
  const [node] = nodeRecords(responseRows(response).rows);
  assert(node !== undefined, "A join that took effect answers with the node");
  return { kind: "joined", node };
}
