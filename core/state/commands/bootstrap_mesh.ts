/**
 * Command: a mesh begins. Its id and networks are fixed for good, and the node that makes it becomes its first member and
 * voter, in the same entry.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { assert } from "../../assert.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { ipv4Range, SUBNET_MAX, SUBNET_MIN, validateIpv4Network, validateUlaNetwork } from "../address_plan.ts";
import { queryEntry } from "../codec.ts";
import { refuseSql } from "../refusal.ts";
import { type JoinParameters, joinParameters, type JoinResult, joinSql, parseJoinResult } from "./join_node.ts";

/** The number in Raft of the node that bootstraps, known before its log has any entry. */
export const BOOTSTRAP_RAFT_ID = 1;

/** A new mesh and its first node. */
export interface BootstrapParameters {
  /** Random; 1 to 64 letters, digits and `-`. */
  readonly meshId: string;
  /** Host bits are ignored. */
  readonly networkIpv4: Prefix;
  /** A /48 in fd00::/8 (RFC 4193 §3.1); host bits are ignored. */
  readonly networkIpv6: Prefix;
  /** Version text of the SQLite library. */
  readonly engineVersion: string;
  /** The first node; always a voter. */
  readonly node: Omit<JoinParameters, "wantsVote">;
}

const SQL = `
${refuseSql("mesh-exists", "FROM mesh_state WHERE key = 'mesh_id'")}
INSERT INTO mesh_state (key, value) VALUES
  ('mesh_id', :mesh_id),
  ('ipv4_network', :ipv4_network),
  ('ula_network', :ula_network),
  ('next_raft_id', '${BOOTSTRAP_RAFT_ID}'),
  ('engine_version', :engine_version),
  ('created_at_ms', CAST(CAST(:now_ms AS INTEGER) AS TEXT));
INSERT INTO pools (name, first, last) VALUES
  ('ipv4', :ipv4_first, :ipv4_last),
  ('subnet', ${SUBNET_MIN}, ${SUBNET_MAX});
`;

/** Why a mesh cannot begin like this, a sentence; `undefined` if it can. Never throws. */
export function validateBootstrap(parameters: BootstrapParameters): string | undefined {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(parameters.meshId)) return "Mesh id does not have 1 to 64 letters, digits and '-'";
  return validateIpv4Network(parameters.networkIpv4) ?? validateUlaNetwork(parameters.networkIpv6);
}

/** The entry. Check the parameters with {@linkcode validateBootstrap} first. */
export function bootstrapCommand(parameters: BootstrapParameters): RaftLogEntry {
  const problem = validateBootstrap(parameters);
  assert(problem === undefined, problem ?? "A proposed mesh is valid");
  const range = ipv4Range(parameters.networkIpv4);
  return queryEntry(`${SQL}${joinSql(parameters.node)}`, {
    ...joinParameters({ ...parameters.node, wantsVote: true }),
    mesh_id: parameters.meshId,
    ipv4_network: parameters.networkIpv4.masked().toString(),
    ula_network: parameters.networkIpv6.masked().toString(),
    engine_version: parameters.engineVersion,
    ipv4_first: range.first,
    ipv4_last: range.last,
  });
}

/** Reads the response to {@linkcode bootstrapCommand}: the first node, or why there is no new mesh. */
export function parseBootstrapResult(response: RaftApplyResponse): JoinResult {
  return parseJoinResult(response);
}
