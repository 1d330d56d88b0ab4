/** v1.Mesh and v1.Admin as Python's gRPC sees them, on the leader and on a follower, without a leader proxy. */
import assert from "node:assert/strict";
import { adminApi } from "../../../plugins/admin_api/mod.ts";
import { meshApi } from "../../../plugins/mesh_api/mod.ts";
import { PaperNodes } from "../../core/node/paper_nodes.ts";
import { callFromPython, pythonProblem } from "../../interop/python_client.ts";
import { pluginPlan } from "../plugin_plan.ts";

const problem = await pythonProblem();
if (problem !== undefined) console.log(`Python interoperability tests are skipped: ${problem}`);

Deno.test({
  name: "Python: v1.Mesh and v1.Admin on leader and follower, with every status that a request can cause",
  ignore: problem !== undefined,
  async fn() {
    await using nodes = new PaperNodes(pluginPlan(meshApi, adminApi));
    await nodes.bootstrap("a");
    await nodes.join("b", "a");
    const [leader, follower] = [nodes.address("a"), nodes.address("b")];
    const put = await callFromPython(leader, "put-acl", { name: "x", patterns: ["a", "c*"], action: "ALLOW" });
    assert.equal(put.code, "OK", put.details);
    await nodes.read("b", { "read-consistency": "linearizable" });
    const acl = { name: "x", patterns: ["a", "c*"], action: "ALLOW" };
    const reads = async (address: string) => {
      const [listed, node, missing, empty, got, none, acls, services] = await Promise.all([
        callFromPython(address, "list-nodes"),
        callFromPython(address, "get-node", { id: "a" }),
        callFromPython(address, "get-node", { id: "nobody" }),
        callFromPython(address, "get-node", { id: "" }),
        callFromPython(address, "get-acl", { name: "x" }),
        callFromPython(address, "get-acl", { name: "y" }),
        callFromPython(address, "list-acls"),
        callFromPython(address, "services"),
      ]);
      const all = listed.response?.["nodes"] as Record<string, unknown>[];
      assert.deepEqual(all.map(({ id }) => id), ["a", "b"]);
      assert.deepEqual(node.response, all[0]);
      const fields = ["cluster_status", "created_at", "grpc_port", "id", "primary_endpoint", "private_ipv4"];
      const more = ["private_ipv6", "public_key", "raft_port", "updated_at", "wireguard_port"];
      assert.deepEqual(Object.keys(all[0] ?? {}).sort(), [...fields, ...more]);
      assert.equal(all[0]?.["cluster_status"], "CLUSTER_LEADER");
      assert.equal(all[1]?.["cluster_status"], "CLUSTER_NON_VOTER");
      assert.deepEqual([missing.code, missing.details], ["NOT_FOUND", "node nobody not found"]);
      assert.equal(empty.code, "INVALID_ARGUMENT");
      assert.deepEqual(got.response, acl);
      assert.equal(none.code, "NOT_FOUND");
      assert.deepEqual(acls.response, { items: [acl] });
      assert.equal(listed.trailers["read-consistency"], "none");
      const names = services.response?.["services"] as string[];
      assert.deepEqual(names.filter((name) => name.startsWith("v1.")).sort(), ["v1.Admin", "v1.Mesh", "v1.Node"]);
    };
    await reads(leader);
    await reads(follower);
    const writes = async (address: string) =>
      (await Promise.all([
        callFromPython(address, "put-acl", { name: "", patterns: ["a"] }),
        callFromPython(address, "put-acl", { name: "z", patterns: ["a"] }),
        callFromPython(address, "delete-acl", { name: "nothing" }),
        callFromPython(address, "delete-acl", { name: "a,b" }),
      ])).map(({ code, trailers }) => [code, trailers["weft-reason"], trailers["leader-address"]]);
    assert.deepEqual(await writes(leader), [
      ["INVALID_ARGUMENT", "invalid-argument", undefined],
      ["FAILED_PRECONDITION", "precondition", undefined],
      ["OK", undefined, undefined],
      ["INVALID_ARGUMENT", "invalid-argument", undefined],
    ]);
    assert.deepEqual(await writes(follower), [
      ["INVALID_ARGUMENT", "invalid-argument", undefined],
      ["FAILED_PRECONDITION", "not-leader", leader],
      ["FAILED_PRECONDITION", "not-leader", leader],
      ["INVALID_ARGUMENT", "invalid-argument", undefined],
    ]);
    const joined = await callFromPython(leader, "join", {
      id: "d",
      public_key: new Uint8Array(32).fill(9).toBase64(),
      as_voter: true,
    });
    assert.equal(joined.code, "PERMISSION_DENIED");
    assert.equal((await callFromPython(leader, "delete-acl", { name: "x" })).code, "OK");
    await nodes.read("b", { "read-consistency": "linearizable" });
    assert.deepEqual((await callFromPython(follower, "list-acls")).response, {});
  },
});
