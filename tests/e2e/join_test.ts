/** Joins as other programs send them: many at once, from other gRPC stacks, and for hosts that run plain WireGuard. */
import assert from "node:assert/strict";
import { systemRandom } from "../../core/io/random.ts";
import { nobleSuite } from "../../core/crypto/noble_suite.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import { eventually } from "./lab/eventually.ts";
import type { Host } from "./lab/host.ts";
import { LAB_NEEDS, labTest, type Need, pythonWithGrpc } from "./lab/requirements.ts";
import { ping } from "./lab/traffic.ts";
import { MeshLab, type MeshNode, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:ping"];
const JOIN_COUNT = 50;
const ROOT = (import.meta.dirname ?? "").replace(/\/tests\/e2e$/, "");

interface PythonAnswer {
  readonly code: string;
  readonly details: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly response?: Readonly<Record<string, unknown>>;
}

interface JoinAnswer {
  readonly addressIpv4: string;
  readonly networkIpv6: string;
  readonly peers?: readonly { readonly id: string; readonly publicKey: string; readonly primaryEndpoint: string }[];
}

function keyPair(): { readonly privateKey: string; readonly publicKey: string } {
  const key = PrivateKey.generate(systemRandom);
  return { privateKey: key.reveal().toBase64(), publicKey: `${key.publicKey(nobleSuite.x25519)}` };
}

function request(id: string, publicKey: string): Record<string, unknown> {
  return { id, publicKey, raftPort: 9443, grpcPort: 8443, wireguardPort: 51820, assignIpv4: true };
}

async function join(from: Host, leader: MeshNode, requests: readonly unknown[]): Promise<JoinAnswer[]> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, JSON.stringify(requests));
    const script = [
      "run",
      "-A",
      "--quiet",
      "--frozen",
      "--config",
      `${ROOT}/deno.json`,
      `${ROOT}/tests/e2e/join_many.ts`,
    ];
    const output = await from.mustExec([Deno.execPath(), ...script, `${leader.host.ipv4}:8443`, file]);
    return JSON.parse(output) as JoinAnswer[];
  } finally {
    await Deno.remove(file);
  }
}

labTest("50 joins at once: 50 distinct addresses, and a repeat changes nothing", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const leader = await lab.node("leader");
  await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4);
  const client = await lab.lab.host("client");
  const requests = Array.from({ length: JOIN_COUNT }, (_, index) => request(`n${index}`, keyPair().publicKey));
  const first = await join(client, leader, requests);
  assert.equal(first.length, JOIN_COUNT);
  assert.equal(new Set(first.map((answer) => answer.addressIpv4)).size, JOIN_COUNT);
  assert.equal(new Set(first.map((answer) => answer.networkIpv6)).size, JOIN_COUNT);
  const settled = await eventually("51 members", async () => {
    const status = await leader.mustStatus();
    return status.raft.members.length === JOIN_COUNT + 1 && status;
  }, WHOLE_MS);
  const again = await join(client, leader, requests);
  const strip = ({ addressIpv4, networkIpv6 }: JoinAnswer) => ({ addressIpv4, networkIpv6 });
  assert.deepEqual(again.map(strip), first.map(strip));
  const after = await leader.mustStatus();
  assert.equal(after.raft.commitIndex, settled.raft.commitIndex, "no log entry");
  assert.equal(after.raft.stateHash, settled.raft.stateHash);
});

labTest(
  "Python's gRPC: Join, GetStatus and Leave on the leader, and a hint on a follower",
  [...NEEDS, "python-grpc"],
  async () => {
    await using lab = await MeshLab.create(sourceProgram());
    const leader = await lab.node("leader");
    await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4);
    const follower = await lab.node("follower");
    await follower.start("--join", `${leader.host.ipv4}:8443`);
    const client = await lab.lab.host("client");
    const call = async (node: MeshNode, action: string, fields: Record<string, unknown>): Promise<PythonAnswer> => {
      const script = [pythonWithGrpc() ?? "python3", `${ROOT}/tests/interop/mesh_client.py`, `${node.host.ipv4}:8443`];
      return JSON.parse(await client.mustExec([...script, action, JSON.stringify(fields)]));
    };
    const key = keyPair().publicKey;
    const joined = await call(leader, "join", { id: "python", public_key: key, assign_ipv4: true });
    assert.equal(joined.code, "OK", joined.details);
    assert.match(String(joined.response?.["address_ipv4"]), /^172\.16\.0\.\d+\/12$/);
    assert.match(String(joined.response?.["network_ipv6"]), /^fd[0-9a-f:]+::\/64$/);
    const status = await call(leader, "status", {});
    assert.equal(status.response?.["id"], "leader");
    assert.equal((await call(leader, "status", { id: "follower" })).response?.["id"], "follower");
    assert.equal((await call(leader, "status", { id: "nobody" })).code, "NOT_FOUND");
    const stranger = { id: "x", public_key: keyPair().publicKey };
    for (const [action, fields] of [["join", stranger], ["leave", { id: "python" }]] as const) {
      const refused = await call(follower, action, fields);
      assert.equal(refused.code, "FAILED_PRECONDITION", refused.details);
      assert.equal(refused.trailers["leader-address"], `${leader.host.ipv4}:8443`);
    }
    const otherKey = { id: "python", public_key: keyPair().publicKey };
    assert.equal((await call(leader, "join", otherKey)).code, "ALREADY_EXISTS");
    assert.equal((await call(leader, "join", { id: "", public_key: key })).code, "INVALID_ARGUMENT");
    assert.equal((await call(leader, "join", { id: "p", public_key: "" })).code, "INVALID_ARGUMENT");
    assert.equal((await call(leader, "leave", { id: "python" })).code, "OK");
    assert(!(await leader.mustStatus()).raft.members.some(({ id }) => id === "python"));
  },
);

labTest(
  "wireguard-go as a peer: traffic whoever speaks first",
  [...NEEDS, "command:wireguard-go", "command:wg"],
  async () => {
    for (const first of ["weft", "wireguard-go"] as const) {
      await using lab = await MeshLab.create(sourceProgram());
      const node = await lab.node("node");
      await node.start("--bootstrap", "--primary-endpoint", node.host.ipv4);
      const other = await lab.lab.host("other");
      const { privateKey, publicKey } = keyPair();
      // Whoever does not know where the other is cannot begin.
      const announced = { ...request("other", publicKey), ...first === "weft" ? { primaryEndpoint: other.ipv4 } : {} };
      const [answer] = await join(other, node, [announced]);
      assert(answer);
      await startWireguardGo(other, privateKey, answer, first === "wireguard-go");
      const { ipv4, ipv6 } = await node.addresses();
      const otherIpv4 = answer.addressIpv4.replace(/\/.*/, "");
      const otherIpv6 = answer.networkIpv6.replace("::/64", "::1");
      const pings: [Host, string][] = [[node.host, otherIpv4], [node.host, otherIpv6], [other, ipv4], [other, ipv6]];
      if (first === "wireguard-go") pings.reverse();
      for (const [from, address] of pings) {
        // The first initiation may come before wireguard-go listens; it is repeated every 5 s.
        await eventually(`${from.name} to ping ${address}`, () => ping(from, address), 2 * WHOLE_MS);
      }
    }
  },
);

async function startWireguardGo(
  host: Host,
  privateKey: string,
  answer: JoinAnswer,
  knowsEndpoint: boolean,
): Promise<void> {
  const peer = answer.peers?.[0];
  assert(peer);
  host.spawn(["wireguard-go", "-f", "wg0"]);
  await eventually("wg0", async () => (await host.exec(["wg", "show", "wg0"])).code === 0, WHOLE_MS);
  const network = answer.networkIpv6.replace(/:[^:]*::\/64$/, "::/48");
  const settings =
    `[Interface]\nPrivateKey = ${privateKey}\nListenPort = 51820\n[Peer]\nPublicKey = ${peer.publicKey}\n` +
    `${knowsEndpoint ? `Endpoint = ${peer.primaryEndpoint}\n` : ""}AllowedIPs = 172.16.0.0/12, ${network}\n`;
  await host.mustExec(["wg", "setconf", "wg0", "/dev/stdin"], { stdin: settings });
  await host.ip([
    `addr add ${answer.addressIpv4} dev wg0`,
    `addr add ${answer.networkIpv6.replace("::/64", "::1/48")} dev wg0`,
    "link set wg0 mtu 1420 up",
  ].join("\n"));
}
