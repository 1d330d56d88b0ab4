/**
 * The commands of `core/state/commands/` that plugins may propose.
 *
 * @module
 */
import { deleteRaftAclCommand, parseDeleteRaftAclResult } from "../state/commands/delete_raft_acl.ts";
import {
  parsePutRaftAclResult,
  putRaftAclCommand,
  type PutRaftAclParameters,
  type RaftAclResult,
} from "../state/commands/put_raft_acl.ts";
import type { Command } from "./state.ts";

/** Makes a Raft ACL or replaces the one of the same name. Check it with `validateRaftAcl` first. */
export const putRaftAcl: Command<PutRaftAclParameters, RaftAclResult> = {
  entry: putRaftAclCommand,
  result: parsePutRaftAclResult,
};

/** Deletes the Raft ACL of a name; content if there is none. */
export const deleteRaftAcl: Command<string, RaftAclResult> = {
  entry: deleteRaftAclCommand,
  result: parseDeleteRaftAclResult,
};
