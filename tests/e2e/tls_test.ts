/** A mesh whose gRPC and Raft run over TLS with certificates of its own authority. */
import assert from "node:assert/strict";
import { TestAuthority } from "../core/rpc/test_authority.ts";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { everyPairPings, MeshLab, type MeshNode, READY_MS, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:ping", "command:openssl"];

/** Gives each node a certificate of one authority for its underlay address. */
async function certify(directory: string, nodes: readonly MeshNode[]): Promise<void> {
  using authority = new TestAuthority("mesh");
  const write = async (name: string, pem: string): Promise<string> => {
    await Deno.writeTextFile(`${directory}/${name}`, pem);
    return `${directory}/${name}`;
  };
  const ca = await write("ca.pem", authority.ca);
  for (const node of nodes) {
    const { name, ipv4 } = node.host;
    const { cert, key } = authority.certificate(name, `IP:${ipv4}`);
    const files = [
      "--tls-cert-file",
      await write(`${name}.pem`, cert),
      "--tls-key-file",
      await write(`${name}.key`, key),
    ];
    node.security = [...files, "--tls-ca-file", ca, "--mtls"];
  }
}

labTest("TLS: a mesh forms with mutual TLS, and strangers are refused", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b, stranger] = [await lab.node("a"), await lab.node("b"), await lab.node("stranger")];
  const directory = await Deno.makeTempDir();
  try {
    await certify(directory, [a, b]);
    await a.start("--bootstrap", "--primary-endpoint", a.host.ipv4);
    await b.start("--join", `${a.host.ipv4}:8443`, "--as-voter");
    await everyPairPings([a, b], WHOLE_MS);
    await eventually("b to vote", async () => {
      return (await a.mustStatus()).raft.members.filter((member) => member.voter).length === 2;
    }, WHOLE_MS);
    const other = await a.weft("status", "b", "--json");
    assert.equal(JSON.parse(other.stdout).id, "b", other.stderr);
    const refused = stranger.spawn("--join", `${a.host.ipv4}:8443`);
    await refused.waitForLine((line) => /join attempt failed/.test(line), READY_MS);
    await stranger.end("SIGTERM");
    assert(!(await a.mustStatus()).raft.members.some(({ id }) => id === "stranger"));
    const left = await b.weft("leave");
    assert.equal(left.code, 0, left.stderr);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
