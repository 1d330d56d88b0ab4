/**
 * Command: a Raft ACL is made or replaced, by name; the time of its making stays.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { assert } from "../../assert.ts";
import { executionEntry } from "../codec.ts";
import { RAFT_ACL_COUNT_MAX } from "../limits.ts";
import { type RaftAcl, validateRaftAcl } from "../raft_acl.ts";
import { type Refusal, refusalIn, refuseSql } from "../refusal.ts";

/** The ACL, and when it was put. */
export interface PutRaftAclParameters extends RaftAcl {
  /** Milliseconds since 1970, the proposer's clock. */
  readonly nowMs: number;
}

/** Done, or why nothing changed. */
export type RaftAclResult = { readonly kind: "done" } | Refusal;

const IS_FULL_SQL = `WHERE NOT EXISTS (SELECT 1 FROM raft_acls WHERE name = :name)
  AND (SELECT count(*) FROM raft_acls) >= ${RAFT_ACL_COUNT_MAX}`;

const SQL = `
${refuseSql("acls-full", IS_FULL_SQL)}
INSERT INTO raft_acls (name, patterns, action, created_at_ms, updated_at_ms)
VALUES (:name, :patterns, :action, :now_ms, :now_ms)
ON CONFLICT (name) DO UPDATE SET patterns = :patterns, action = :action, updated_at_ms = :now_ms;
`;

/** The entry. Check the ACL with `validateRaftAcl` first. */
export function putRaftAclCommand(parameters: PutRaftAclParameters): RaftLogEntry {
  const problem = validateRaftAcl(parameters);
  assert(problem === undefined, problem ?? "A proposed ACL is valid");
  return executionEntry(SQL, {
    name: parameters.name,
    patterns: parameters.patterns.join(","),
    action: parameters.action === "allow" ? 1 : 0,
    now_ms: parameters.nowMs,
  });
}

/** Reads the response to {@linkcode putRaftAclCommand}. */
export function parsePutRaftAclResult(response: RaftApplyResponse): RaftAclResult {
  return refusalIn(response) ?? { kind: "done" };
}
