/**
 * `v1.Admin`: the Raft ACLs, which say who may vote.
 *
 * @module
 */
import {
  type Host,
  listRaftAcls,
  type Log,
  MeshError,
  type Plugin,
  raftAclByName,
  type RpcContext,
  type RpcServiceFor,
  type VoteOutcome,
  voteOutcomeTrailers,
} from "../../core/mod.ts";
import { Admin } from "../../proto/gen/v1/admin_pb.ts";
import { AclChanges } from "./acl_changes.ts";
import { OPTIONS, readConfig } from "./config.ts";
import { aclMessage, checkAclName, checkedAcl } from "./messages.ts";

/** What it takes. */
type Needs = Pick<Host, "rpc" | "read" | "propose" | "node" | "time" | "clock" | "log">;

/** The plugin. */
export const adminApi: Plugin<Needs> = {
  name: "admin_api",
  summary: "serves v1.Admin: which nodes may vote",
  needs: ["rpc", "read", "propose", "node", "time", "clock", "log"],
  options: OPTIONS,
  configure(raw) {
    readConfig(raw);
    return ({ rpc, read, propose, node, time, clock, log }) => {
      const changes = new AclChanges({ read, propose, raft: () => node.raft(), time, clock });
      rpc.serve(adminService(read, changes, log));
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    };
  },
};

function adminService(read: Needs["read"], changes: AclChanges, log: Log): RpcServiceFor<typeof Admin> {
  return {
    service: Admin,
    methods: {
      putRaftACL: {
        authorisation: "member",
        async handle(request, call) {
          const acl = checkedAcl(request);
          const outcome = await changes.put(acl, call);
          log.info("raft acl put", { acl: acl.name, action: acl.action, ...told(outcome, call) });
          return {};
        },
      },
      deleteRaftACL: {
        authorisation: "member",
        async handle({ name }, call) {
          checkAclName(name);
          const outcome = await changes.delete(name, call);
          log.info("raft acl deleted", { acl: name, ...told(outcome, call) });
          return {};
        },
      },
      getRaftACL: {
        authorisation: "member",
        async handle({ name }, call) {
          checkAclName(name);
          const acl = await read((reader) => raftAclByName(reader, name), call);
          if (acl) return aclMessage(acl);
          throw new MeshError("not-found", `The mesh has no Raft ACL "${name}"`, {
            hint: "List them: `weft acl list`.",
          });
        },
      },
      listRaftACLs: {
        authorisation: "member",
        async handle(_request, call) {
          return { items: (await read(listRaftAcls, call)).map(aclMessage) };
        },
      },
    },
  };
}

/** Tells the caller what the change did; the same for the log. */
function told(outcome: VoteOutcome, call: RpcContext): Readonly<Record<string, string>> {
  const trailers = voteOutcomeTrailers(outcome);
  for (const [name, value] of Object.entries(trailers)) call.setTrailer(name, value);
  return trailers;
}
