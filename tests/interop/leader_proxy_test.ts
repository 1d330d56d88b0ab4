/** The leader proxy as Python's gRPC sees it: methods on leader and follower, with the proxy and without. */
import assert from "node:assert/strict";
import { MeshError } from "../../core/plugin/errors.ts";
import type { RpcContext, RpcServiceFor } from "../../core/plugin/rpc.ts";
import { Admin } from "../../proto/gen/v1/admin_pb.ts";
import { PeerDiscovery } from "../../proto/gen/v1/peer_discovery_pb.ts";
import { ProxiedServers } from "../plugins/leader_proxy/proxied_servers.ts";
import { callFromPython, pythonProblem } from "./python_client.ts";

const problem = await pythonProblem();
if (problem !== undefined) console.log(`Python interoperability tests are skipped: ${problem}`);

const isPublic = { authorisation: "public" } as const;

Deno.test({
  name: "Python: calls on leader and follower, with the proxy and without, and the status codes",
  ignore: problem !== undefined,
  async fn() {
    await using servers = new ProxiedServers();
    const service = (node: string): RpcServiceFor<typeof PeerDiscovery> => ({
      service: PeerDiscovery,
      methods: {
        listPeers: {
          ...isPublic,
          handle(_request, context) {
            context.sendInitialMetadata({ "early-bin": "AQI=" });
            context.setTrailer("late-bin", "//79");
            return Promise.resolve({ peers: [{ id: node, address: context.metadata.get("trace-bin") ?? "" }] });
          },
        },
      },
    });
    const write = (node: string) => (_request: unknown, { metadata }: RpcContext) => {
      if (!servers.leads(node)) {
        return Promise.reject(new MeshError("not-leader", "Not the leader", { leaderAddress: "192.0.2.1:8443" }));
      }
      const refused = metadata.get("refuse");
      if (refused !== undefined) return Promise.reject(new MeshError("permission-denied", `Not ${refused}`));
      return Promise.resolve({});
    };
    const admin = (node: string): RpcServiceFor<typeof Admin> => ({
      service: Admin,
      methods: {
        putRaftACL: { ...isPublic, handle: write(node) },
        deleteRaftACL: { ...isPublic, handle: write(node) },
        getRaftACL: { ...isPublic, handle: ({ name }) => Promise.resolve({ name }) },
        listRaftACLs: { ...isPublic, handle: () => Promise.resolve({}) },
      },
    });
    const unserved = [{ service: Admin, ...isPublic }, { service: PeerDiscovery, ...isPublic }] as const;
    await servers.add("leader", { services: [service("leader"), admin("leader")] });
    await servers.add("proxied", { services: [service("proxied"), admin("proxied")] });
    await servers.add("bare", { services: [service("bare"), admin("bare")], hasProxy: false });
    await servers.add("empty", { services: [], unserved });
    servers.lead("leader");
    const call = (node: string, ...rest: Parameters<typeof callFromPython> extends [string, ...infer R] ? R : never) =>
      callFromPython(`127.0.0.1:${servers.port(node)}`, ...rest);
    const prefer = { "prefer-leader": "true", "trace-bin": "AP8=" };
    const [onLeader, local, forwarded, bare, distant] = await Promise.all([
      call("leader", "list-peers"),
      call("proxied", "list-peers"),
      call("proxied", "list-peers", {}, prefer),
      call("bare", "list-peers", {}, prefer),
      call("empty", "list-peers", {}, prefer),
    ]);
    const answered = [onLeader, local, forwarded, bare, distant].map(({ code, response }) => {
      const [peer] = (response?.["peers"] ?? []) as { id: string; address?: string }[];
      return [code, peer?.id, peer?.address];
    });
    assert.deepEqual(answered, [
      ["OK", "leader", undefined],
      ["OK", "proxied", undefined],
      ["OK", "leader", "AP8"],
      ["OK", "bare", "AP8"],
      ["OK", "leader", "AP8"],
    ]);
    assert.deepEqual([forwarded.headers["early-bin"], forwarded.trailers["late-bin"]], ["AQI=", "//79"]);
    const [written, refusedHere, refusedThere, missing, looped] = await Promise.all([
      call("proxied", "put-acl", { name: "x" }),
      call("bare", "put-acl", { name: "x" }),
      call("proxied", "delete-acl", { name: "x" }, { refuse: "you" }),
      call("empty", "list-peers"),
      call("proxied", "put-acl", { name: "x" }, { "proxied-from": "bare" }),
    ]);
    assert.equal(written.code, "OK", written.details);
    for (const refused of [refusedHere, looped]) {
      assert.deepEqual([refused.code, refused.details], ["FAILED_PRECONDITION", "Not the leader"]);
      assert.equal(refused.trailers["leader-address"], "192.0.2.1:8443");
    }
    assert.deepEqual([refusedThere.code, refusedThere.details], ["PERMISSION_DENIED", "Not you"]);
    assert.equal(refusedThere.trailers["weft-reason"], "permission-denied");
    assert.equal(missing.code, "UNIMPLEMENTED");
    await servers.stop("leader");
    assert.equal((await call("proxied", "put-acl", { name: "x" })).code, "UNAVAILABLE");
    servers.lead(undefined);
    assert.equal((await call("empty", "put-acl", { name: "x" })).code, "UNIMPLEMENTED");
  },
});
