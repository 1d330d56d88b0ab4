/**
 * Raft ACLs: which nodes may vote (design §7).
 *
 * A pattern matches the whole id of a node: `*` stands for any run of characters, also none, `?` for exactly one, and
 * every other character for itself; upper and lower case are the same, as they are in node ids. A matching pattern of a
 * denying ACL wins over any that allows; an id that nothing matches may not vote; without any ACL every node may.
 *
 * @module
 */
import { NODE_ID_CHARACTERS_MAX, RAFT_ACL_CHARACTERS_MAX, RAFT_ACL_PATTERN_COUNT_MAX } from "./limits.ts";
import { nodeName } from "./node_id.ts";

/** What an ACL does with the nodes that it matches. */
export type RaftAclAction = "allow" | "deny";

/** One ACL. */
export interface RaftAcl {
  readonly name: string;
  /** At least one. */
  readonly patterns: readonly string[];
  readonly action: RaftAclAction;
}

/** May the node vote, and which ACL says so; no ACL when none exists or none matches. */
export interface VoteVerdict {
  readonly allowed: boolean;
  readonly acl: string | undefined;
}

/** Decides for `nodeId`. Of several ACLs that decide alike, the first by name is reported. */
export function voteVerdict(acls: readonly RaftAcl[], nodeId: string): VoteVerdict {
  if (acls.length === 0) return { allowed: true, acl: undefined };
  const matching = acls
    .filter((acl) => acl.patterns.some((pattern) => globMatches(pattern, nodeId)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const decisive = matching.find((acl) => acl.action === "deny") ?? matching[0];
  return { allowed: decisive?.action === "allow", acl: decisive?.name };
}

/**
 * True if `pattern` matches all of `nodeId`. At most as many steps as the product of both lengths.
 */
export function globMatches(pattern: string, nodeId: string): boolean {
  const glob = nodeName(pattern);
  const name = nodeName(nodeId);
  let at = 0;
  let star = -1;
  let starEnd = 0;
  for (let i = 0; i < name.length;) {
    if (glob[at] === "*") {
      star = at++;
      starEnd = i;
    } else if (glob[at] === "?" || glob[at] === name[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      // Let the last star take one character more and try again behind it.
      at = star + 1;
      i = ++starEnd;
    } else {
      return false;
    }
  }
  while (glob[at] === "*") at++;
  return at === glob.length;
}

/** Why the ACL cannot be stored, a sentence; `undefined` if it can. Never throws. */
export function validateRaftAcl(acl: RaftAcl): string | undefined {
  const name = validateRaftAclName(acl.name);
  if (name !== undefined) return name;
  if (acl.patterns.length === 0) return "Raft ACL has no pattern";
  if (acl.patterns.length > RAFT_ACL_PATTERN_COUNT_MAX) {
    return `Raft ACL has more than ${RAFT_ACL_PATTERN_COUNT_MAX} patterns`;
  }
  return acl.patterns.map(validatePattern).find((problem) => problem !== undefined);
}

/** Why `name` cannot name a Raft ACL, a sentence; `undefined` if it can. Never throws. */
export function validateRaftAclName(name: string): string | undefined {
  if (name === "" || name.length > RAFT_ACL_CHARACTERS_MAX) {
    return `Raft ACL name does not have 1 to ${RAFT_ACL_CHARACTERS_MAX} characters`;
  }
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    return "Raft ACL name has other characters than letters, digits, '-', '_' and '.'";
  }
  return undefined;
}

function validatePattern(pattern: string): string | undefined {
  if (pattern === "" || pattern.length > NODE_ID_CHARACTERS_MAX) {
    return `Raft ACL pattern does not have 1 to ${NODE_ID_CHARACTERS_MAX} characters`;
  }
  if (!/^[A-Za-z0-9._*?-]+$/.test(pattern)) return "Raft ACL pattern has characters that no node id has";
  return undefined;
}
