/**
 * Raft ACLs between `v1.Admin` and the state. Pure.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MeshError, type RaftAcl, validateRaftAcl, validateRaftAclName } from "../../core/mod.ts";
import { ACLAction, type RaftACL, type RaftACLSchema } from "../../proto/gen/v1/admin_messages_pb.ts";

/** `RaftACL`. */
export type RaftAclInit = MessageInitShape<typeof RaftACLSchema>;

/** The ACL that a caller wants to put. @throws {MeshError} `invalid-argument` if it cannot be one. */
export function checkedAcl({ name, patterns, action }: RaftACL): RaftAcl {
  if (action !== ACLAction.DENY && action !== ACLAction.ALLOW) {
    throw invalid(`Raft ACL has the unknown action ${action}: known are DENY (0) and ALLOW (1)`);
  }
  const acl: RaftAcl = { name, patterns, action: action === ACLAction.ALLOW ? "allow" : "deny" };
  const problem = validateRaftAcl(acl);
  if (problem !== undefined) throw invalid(problem);
  return acl;
}

/** @throws {MeshError} `invalid-argument` if no ACL can be called `name`. */
export function checkAclName(name: string): void {
  const problem = validateRaftAclName(name);
  if (problem !== undefined) throw invalid(problem);
}

/** The ACL as callers see it. */
export function aclMessage({ name, patterns, action }: RaftAcl): RaftAclInit {
  return { name, patterns: [...patterns], action: action === "allow" ? ACLAction.ALLOW : ACLAction.DENY };
}

function invalid(message: string): MeshError {
  return new MeshError("invalid-argument", message, {
    hint: "A name has letters, digits, '-', '_' and '.'; a pattern also '*' and '?'. Patterns match whole node ids.",
  });
}
