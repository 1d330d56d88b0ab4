/** Calls that take the leader, sent to followers of a real mesh through its tunnels; and nodes that join by discovery. */
import assert from "node:assert/strict";
import { systemRandom } from "../../core/io/random.ts";
import { nobleSuite } from "../../core/crypto/noble_suite.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, labTest, type Need, pythonWithGrpc } from "./lab/requirements.ts";
import { MeshLab, type MeshNode, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:ping", "python-grpc"];
const ROOT = (import.meta.dirname ?? "").replace(/\/tests\/e2e$/, "");

interface Answer {
  readonly code: string;
  readonly details: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly response?: Readonly<Record<string, unknown>>;
}

labTest("leader proxy: writes sent to a follower reach the leader; nodes join by discovery", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [leader, proxied, bare] = [await lab.node("leader"), await lab.node("proxied"), await lab.node("bare")];
  const own = (node: MeshNode) => ["--primary-endpoint", node.host.ipv4];
  await leader.start("--bootstrap", ...own(leader), "--feature", "leader-proxy,peer-discovery");
  const discover = `discover://${leader.host.ipv4}:8443`;
  // The first address answers nothing: the next one is tried.
  const join = ["--join", `discover://${leader.host.ipv4}:1,${discover}`, "--feature", "leader-proxy,peer-discovery"];
  await proxied.start(...join, "--as-voter", ...own(proxied));
  // Of another node than the leader: who is asked names the leader.
  await bare.start("--join", `discover://${proxied.host.ipv4}:8443`, ...own(bare));
  const client = await lab.lab.host("client");
  const call = async (node: MeshNode, action: string, fields: object = {}, metadata: object = {}): Promise<Answer> => {
    const script = [pythonWithGrpc() ?? "python3", `${ROOT}/tests/interop/mesh_client.py`, `${node.host.ipv4}:8443`];
    return JSON.parse(await client.mustExec([...script, action, JSON.stringify(fields), JSON.stringify(metadata)]));
  };
  const peers = await eventually("three peers", async () => {
    const { response } = await call(proxied, "list-peers", {}, { "prefer-leader": "true" });
    const listed = response?.["peers"] as { id: string; address: string; voter?: boolean; leader?: boolean }[];
    return listed.length === 3 && listed[2]?.voter === true && listed;
  }, WHOLE_MS);
  assert.deepEqual(peers, [
    { id: "bare", address: `${bare.host.ipv4}:8443` },
    { id: "leader", address: `${leader.host.ipv4}:8443`, voter: true, leader: true },
    { id: "proxied", address: `${proxied.host.ipv4}:8443`, voter: true },
  ]);
  assert.equal((await call(bare, "list-peers")).code, "UNIMPLEMENTED");
  const weak = await call(proxied, "list-peers", {}, { "read-consistency": "weak" });
  assert.deepEqual([weak.code, weak.trailers["read-consistency"]], ["OK", "weak"]);
  const key = PrivateKey.generate(systemRandom).publicKey(nobleSuite.x25519);
  const request = { id: "python", public_key: `${key}`, assign_ipv4: true };
  assert.equal((await call(bare, "join", request)).code, "FAILED_PRECONDITION");
  const joined = await call(proxied, "join", request);
  assert.equal(joined.code, "OK", joined.details);
  assert.match(String(joined.response?.["address_ipv4"]), /^172\.16\.0\.\d+\/12$/);
  assert((joined.trailers["weft-mesh-id"] ?? "").length > 0, "the leader's trailers");
  const otherKey = { ...request, public_key: `${PrivateKey.generate(systemRandom).publicKey(nobleSuite.x25519)}` };
  assert.equal((await call(proxied, "join", otherKey)).code, "ALREADY_EXISTS");
  assert.equal((await call(proxied, "join", { id: "" })).code, "INVALID_ARGUMENT");
  const status = await call(proxied, "status", {}, { "prefer-leader": "true" });
  assert.equal(status.response?.["id"], "proxied");
  assert.deepEqual(status.response?.["features"], ["NODES", "LEADER_PROXY", "PEER_DISCOVERY"]);
  const acl = { name: "proxied", patterns: ["*"], action: "ALLOW" };
  const put = await call(proxied, "put-acl", acl);
  assert.equal(put.code, "OK", put.details);
  const read = await call(proxied, "get-acl", { name: "proxied" }, { "read-consistency": "strong" });
  assert.deepEqual([read.response, read.trailers["read-consistency"]], [acl, "strong"]);
  assert.equal((await call(bare, "delete-acl", { name: "proxied" })).code, "FAILED_PRECONDITION");
  assert.equal((await call(proxied, "delete-acl", { name: "proxied" })).code, "OK");
  assert.equal((await call(bare, "leave", { id: "python" })).code, "FAILED_PRECONDITION");
  assert.equal((await call(proxied, "leave", { id: "python" })).code, "OK");
  assert(!(await leader.mustStatus()).raft.members.some(({ id }) => id === "python"));
});
