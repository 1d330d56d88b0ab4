/**
 * How Raft ACLs look, and what a change of them did to the voters. Everything in it may come from another node, and is not
 * trusted.
 *
 * @module
 */
import { ACLAction, type RaftACL } from "../../proto/gen/v1/admin_messages_pb.ts";
import { VOTE_OUTCOME_KINDS, type VoteOutcome } from "../plugin/vote_outcome.ts";
import { type Layout, printable, renderTable } from "./format.ts";

/** The `--json` form of one ACL, without the schema version. */
export function aclJson(acl: RaftACL): Record<string, unknown> {
  return { name: acl.name, action: actionName(acl.action), patterns: acl.patterns };
}

/** The `--json` form of `weft acl list`, without the schema version. */
export function aclsJson(acls: readonly RaftACL[]): Record<string, unknown> {
  return { acls: acls.map(aclJson) };
}

/** The table form of ACLs. */
export function aclLines(acls: readonly RaftACL[], layout: Layout): string[] {
  if (acls.length === 0) return [layout.style.dim("no Raft ACLs: every node may vote that asks for it")];
  const rows = acls.map((acl) => [acl.name, actionName(acl.action), acl.patterns.join(" ")]);
  return renderTable(["NAME", "ACTION", "PATTERNS"], rows, layout);
}

/** The `--json` form of a change, without the schema version: the ACL's name, and node ids by what became of them. */
export function changeJson(name: string, outcome: VoteOutcome): Record<string, unknown> {
  return { name, ...outcome };
}

const MEANINGS: Readonly<Record<keyof VoteOutcome, string>> = {
  demoted: "does not vote any more",
  promoted: "votes now",
  kept: "may not vote, and does: without it no majority of the voters would be up",
  pending: "will follow",
};

/** The text form of a change: what was done, and a line per node that it concerns. */
export function changeLines(done: string, outcome: VoteOutcome, { style }: Layout): string[] {
  const lines = VOTE_OUTCOME_KINDS.flatMap((kind) =>
    outcome[kind].map((id) => `${printable(id)} ${MEANINGS[kind]}`).map((line) =>
      kind === "kept" || kind === "pending" ? style.yellow(line) : line
    )
  );
  return [done, ...lines];
}

function actionName(action: ACLAction): string {
  return action === ACLAction.ALLOW ? "allow" : action === ACLAction.DENY ? "deny" : `${action}`;
}
