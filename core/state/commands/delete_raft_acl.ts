/**
 * Command: a Raft ACL is deleted, by name; one that is not there is no error.
 *
 * @module
 */
import type { RaftApplyResponse, RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { executionEntry } from "../codec.ts";
import { refusalIn } from "../refusal.ts";
import type { RaftAclResult } from "./put_raft_acl.ts";

const SQL = "DELETE FROM raft_acls WHERE name = :name";

/** The entry. */
export function deleteRaftAclCommand(name: string): RaftLogEntry {
  return executionEntry(SQL, { name });
}

/** Reads the response to {@linkcode deleteRaftAclCommand}. */
export function parseDeleteRaftAclResult(response: RaftApplyResponse): RaftAclResult {
  return refusalIn(response) ?? { kind: "done" };
}
