/**
 * `weft acl put|get|list|delete`: which nodes may vote, by `v1.Admin`.
 *
 * @module
 */
import { ACLAction } from "../../proto/gen/v1/admin_messages_pb.ts";
import { Admin } from "../../proto/gen/v1/admin_pb.ts";
import { MeshError } from "../plugin/errors.ts";
import { READ_CONSISTENCY_KEY, READ_LEVEL_KINDS } from "../plugin/read_level.ts";
import { voteOutcomeOf } from "../plugin/vote_outcome.ts";
import type { RpcClient } from "../rpc/client.ts";
import type { CallOptions } from "../rpc/client_call.ts";
import { type RaftAclAction, validateRaftAcl, validateRaftAclName } from "../state/raft_acl.ts";
import { aclJson, aclLines, aclsJson, changeJson, changeLines } from "./acl_view.ts";
import { UsageError } from "./exit.ts";
import type { Output } from "./output.ts";
import { type FormatOptions, wantsJson } from "./output_format.ts";
import { choose } from "./sql_session.ts";
import { askNode, CALL_TIMEOUT_MS, type TargetHost, type TargetOptions } from "./target.ts";

/** Options of these commands, as the user gave them. */
export type AclOptions = TargetOptions & FormatOptions;

/** Options of those that read. */
export type AclReadOptions = AclOptions & { readonly level?: string };

const ACTIONS = ["allow", "deny"] as const satisfies readonly RaftAclAction[];
const PATTERN_HINT = "Patterns match whole node ids: * is any run of characters, ? is one. Quote them for the shell.";

/** Makes an ACL, or replaces the one of its name, and says what that did to the voters. */
export async function runAclPut(
  name: string,
  action: string,
  patterns: readonly string[],
  options: AclOptions,
  host: TargetHost,
  output: Output,
): Promise<void> {
  const json = wantsJson(options);
  const chosen = choose("action", action, ACTIONS);
  const problem = validateRaftAcl({ name, action: chosen, patterns });
  if (problem !== undefined) throw new UsageError(problem, PATTERN_HINT);
  const acl = { name, patterns: [...patterns], action: chosen === "allow" ? ACLAction.ALLOW : ACLAction.DENY };
  const { trailers } = await askAdmin(
    options,
    host,
    (client) => client.unary(Admin.method.putRaftACL, acl, { deadlineMs: CALL_TIMEOUT_MS }),
  );
  const outcome = voteOutcomeOf(trailers);
  if (json) output.json(changeJson(name, outcome));
  else output.lines(changeLines(`Raft ACL "${name}" is stored.`, outcome, output.layout));
}

/** Deletes an ACL, and says what that did to the voters. */
export async function runAclDelete(
  name: string,
  options: AclOptions,
  host: TargetHost,
  output: Output,
): Promise<void> {
  const json = wantsJson(options);
  checkName(name);
  const { trailers } = await askAdmin(
    options,
    host,
    (client) => client.unary(Admin.method.deleteRaftACL, { name }, { deadlineMs: CALL_TIMEOUT_MS }),
  );
  const outcome = voteOutcomeOf(trailers);
  if (json) output.json(changeJson(name, outcome));
  else output.lines(changeLines(`The mesh has no Raft ACL "${name}" any more.`, outcome, output.layout));
}

/** Prints one ACL. */
export async function runAclGet(
  name: string,
  options: AclReadOptions,
  host: TargetHost,
  output: Output,
): Promise<void> {
  const json = wantsJson(options);
  const call = readOptions(options);
  checkName(name);
  const { message } = await askAdmin(
    options,
    host,
    (client) => client.unary(Admin.method.getRaftACL, { name }, call),
  );
  if (json) output.json(aclJson(message));
  else output.lines(aclLines([message], output.layout));
}

/** Prints all ACLs. */
export async function runAclList(options: AclReadOptions, host: TargetHost, output: Output): Promise<void> {
  const json = wantsJson(options);
  const call = readOptions(options);
  const { message } = await askAdmin(options, host, (client) => client.unary(Admin.method.listRaftACLs, {}, call));
  if (json) output.json(aclsJson(message.items));
  else output.lines(aclLines(message.items, output.layout));
}

function checkName(name: string): void {
  const problem = validateRaftAclName(name);
  if (problem !== undefined) throw new UsageError(problem, "List the names: weft acl list");
}

function readOptions({ level = "none" }: AclReadOptions): CallOptions {
  const metadata = { [READ_CONSISTENCY_KEY]: choose("level", level, READ_LEVEL_KINDS) };
  return { deadlineMs: CALL_TIMEOUT_MS, metadata };
}

/** @throws {MeshError} With what to do about a node that does not lead, or that does not serve this. */
async function askAdmin<Answer>(
  options: AclOptions,
  host: TargetHost,
  ask: (client: RpcClient) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await askNode(options, host, ask);
  } catch (error) {
    const hint = error instanceof MeshError ? hintFor(error) : undefined;
    throw error instanceof MeshError && hint !== undefined
      ? new MeshError(error.reason, error.message, { hint, cause: error })
      : error;
  }
}

function hintFor({ reason, leaderAddress }: MeshError): string | undefined {
  if (reason === "unimplemented") return "The node runs without the plugin admin_api: look at `weft plugins`.";
  if (reason !== "not-leader") return undefined;
  const where = leaderAddress === undefined ? "on the leader" : `with --server ${leaderAddress}`;
  return `Run the command ${where}; nodes with --feature leader-proxy pass it on.`;
}
