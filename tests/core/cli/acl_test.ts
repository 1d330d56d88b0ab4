import assert from "node:assert/strict";
import { runAclDelete, runAclGet, runAclList, runAclPut } from "../../../core/cli/acl.ts";
import { UsageError } from "../../../core/cli/exit.ts";
import { runProgram } from "../../../core/cli/program.ts";
import { socketFiles } from "../../../core/io/socket_files.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { RpcServiceFor } from "../../../core/plugin/rpc.ts";
import { RpcServer } from "../../../core/rpc/server.ts";
import { ACLAction, type RaftACL } from "../../../proto/gen/v1/admin_messages_pb.ts";
import { Admin } from "../../../proto/gen/v1/admin_pb.ts";
import { KeptLog } from "../rpc/echo_service.ts";
import { RecordedOutput } from "./recorded_output.ts";

type Init = Pick<RaftACL, "name" | "patterns" | "action">;

/** Serves v1.Admin on a socket: what was put is there, "kept" and "c" are what a change did. */
async function withAdmin(
  work: (host: { environment: Record<string, string>; dataDir: string }, acls: Map<string, Init>) => Promise<void>,
  refusal?: MeshError,
): Promise<void> {
  const acls = new Map<string, Init>();
  const refuse = () => {
    if (refusal) throw refusal;
  };
  const service: RpcServiceFor<typeof Admin> = {
    service: Admin,
    methods: {
      putRaftACL: {
        authorisation: "member",
        handle: ({ name, patterns, action }, call) => {
          refuse();
          acls.set(name, { name, patterns, action });
          call.setTrailer("raft-demoted", "b,c");
          call.setTrailer("raft-kept", "d");
          return Promise.resolve({});
        },
      },
      deleteRaftACL: {
        authorisation: "member",
        handle: ({ name }) => {
          refuse();
          acls.delete(name);
          return Promise.resolve({});
        },
      },
      getRaftACL: {
        authorisation: "member",
        handle: ({ name }) => {
          refuse();
          const acl = acls.get(name);
          return acl ? Promise.resolve(acl) : Promise.reject(new MeshError("not-found", `no Raft ACL "${name}"`));
        },
      },
      listRaftACLs: {
        authorisation: "member",
        handle: (_request, call) => {
          refuse();
          if (call.metadata.get("read-consistency") === "weak") return Promise.resolve({});
          return Promise.resolve({ items: [...acls.values()] });
        },
      },
    },
  };
  const dataDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  try {
    await using _server = await RpcServer.start({
      tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
      unix: { path: `${dataDir}/weft.sock`, files: socketFiles },
      services: [service],
      log: new KeptLog(),
    });
    await work({ environment: {}, dataDir }, acls);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

Deno.test("weft acl: put, get, list and delete, as text", () =>
  withAdmin(async (host, acls) => {
    const text = new RecordedOutput();
    await runAclList({}, host, text.output);
    await runAclPut("servers", "allow", ["server-*", "a"], {}, host, text.output);
    await runAclPut("old", "deny", ["server-3"], {}, host, text.output);
    assert.deepEqual(acls.get("old"), { name: "old", patterns: ["server-3"], action: ACLAction.DENY });
    await runAclList({}, host, text.output);
    await runAclGet("old", {}, host, text.output);
    await runAclDelete("old", {}, host, text.output);
    await runAclList({ level: "weak" }, host, text.output);
    const change = [
      "b does not vote any more",
      "c does not vote any more",
      "d may not vote, and does: without it no majority of the voters would be up",
    ];
    assert.deepEqual(text.out.trimEnd().split("\n"), [
      "no Raft ACLs: every node may vote that asks for it",
      'Raft ACL "servers" is stored.',
      ...change,
      'Raft ACL "old" is stored.',
      ...change,
      "NAME     ACTION  PATTERNS",
      "servers  allow   server-* a",
      "old      deny    server-3",
      "NAME  ACTION  PATTERNS",
      "old   deny    server-3",
      'The mesh has no Raft ACL "old" any more.',
      "no Raft ACLs: every node may vote that asks for it",
    ]);
  }));

Deno.test("weft acl: as JSON", () =>
  withAdmin(async (host) => {
    const json = async (work: (output: RecordedOutput["output"]) => Promise<void>) => {
      const recorded = new RecordedOutput();
      await work(recorded.output);
      return recorded.json;
    };
    const acl = { name: "x", action: "allow", patterns: ["a"] };
    assert.deepEqual(await json((output) => runAclPut("x", "allow", ["a"], { json: true }, host, output)), {
      schemaVersion: 1,
      name: "x",
      demoted: ["b", "c"],
      promoted: [],
      kept: ["d"],
      pending: [],
    });
    assert.deepEqual(await json((output) => runAclGet("x", { output: "json" }, host, output)), {
      schemaVersion: 1,
      ...acl,
    });
    assert.deepEqual(await json((output) => runAclList({ json: true }, host, output)), {
      schemaVersion: 1,
      acls: [acl],
    });
    assert.deepEqual(await json((output) => runAclDelete("x", { json: true }, host, output)), {
      schemaVersion: 1,
      name: "x",
      demoted: [],
      promoted: [],
      kept: [],
      pending: [],
    });
  }));

Deno.test("weft acl: what cannot be an ACL is refused before the node is asked", async () => {
  const { output } = new RecordedOutput();
  const host = { environment: {}, dataDir: "/nonexistent" };
  const put = (name: string, action: string, ...patterns: string[]) =>
    runAclPut(name, action, patterns, {}, host, output);
  await assert.rejects(put("x", "permit", "a"), /Cannot use the action "permit": expected one of allow, deny/);
  await assert.rejects(put("a,b", "allow", "a"), UsageError);
  await assert.rejects(put("x".repeat(64), "allow", "a"), UsageError);
  await assert.rejects(put("x", "allow", "a b"), { name: "UsageError", hint: /Patterns match whole node ids/ });
  await assert.rejects(put("x", "allow"), UsageError);
  await assert.rejects(runAclGet("", {}, host, output), UsageError);
  await assert.rejects(runAclDelete("a b", {}, host, output), UsageError);
  await assert.rejects(runAclList({ level: "fresh" }, host, output), UsageError);
  await assert.rejects(runAclList({ output: "xml" }, host, output), UsageError);
});

Deno.test("weft acl: what a node refuses comes with what to do", async () => {
  const { output } = new RecordedOutput();
  const elsewhere = new MeshError("not-leader", "This node is not the leader", { leaderAddress: "192.0.2.1:8443" });
  await withAdmin(async (host) => {
    await assert.rejects(runAclDelete("x", {}, host, output), {
      reason: "not-leader",
      hint: /with --server 192\.0\.2\.1:8443; nodes with --feature leader-proxy/,
    });
  }, elsewhere);
  await withAdmin(async (host) => {
    await assert.rejects(runAclList({}, host, output), { reason: "unimplemented", hint: /admin_api/ });
  }, new MeshError("unimplemented", "No such method"));
});

Deno.test("weft acl: the command line reads name, action and patterns", () =>
  withAdmin(async (host, acls) => {
    const recorded = new RecordedOutput();
    const surroundings = {
      ...host,
      output: recorded.output,
      runNode: () => assert.fail("not asked"),
      runDevice: () => assert.fail("not asked"),
      readStdin: () => Promise.resolve(""),
      stdinLines: () => assert.fail("not asked"),
    };
    assert.equal(await runProgram(["acl", "put", "x", "deny", "a", "b*", "--json"], surroundings), 0);
    assert.deepEqual(acls.get("x")?.patterns, ["a", "b*"]);
    assert.equal(await runProgram(["acl", "get", "x", "--level", "linearizable"], surroundings), 0);
    assert.equal(await runProgram(["acl", "get", "y"], surroundings), 1);
    assert.equal(await runProgram(["acl", "put", "x", "deny"], surroundings), 2);
    assert.equal(await runProgram(["acl", "put", "x", "maybe", "a"], surroundings), 2);
  }));
