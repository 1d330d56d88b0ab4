/** `weft acl` on three real nodes: a voter is demoted, and the quorum stays. */
import assert from "node:assert/strict";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, labTest } from "./lab/requirements.ts";
import { MeshLab, type MeshNode, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

interface Change {
  readonly demoted: readonly string[];
  readonly kept: readonly string[];
}

async function acl(node: MeshNode, ...args: string[]): Promise<Change> {
  const { code, stdout, stderr } = await node.weft("acl", ...args, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Change;
}

async function voters(node: MeshNode): Promise<string> {
  const { raft } = await node.mustStatus();
  return raft.members.filter(({ voter }) => voter).map(({ id }) => id).join();
}

labTest("weft acl: a voter is demoted, and the mesh goes on without it", [...LAB_NEEDS, "tun"], async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b, c] = [await lab.node("a"), await lab.node("b"), await lab.node("c")];
  await a.start("--bootstrap", "--primary-endpoint", a.host.ipv4);
  const join = ["--join", `${a.host.ipv4}:8443`, "--as-voter", "--primary-endpoint"];
  await Promise.all([b.start(...join, b.host.ipv4), c.start(...join, c.host.ipv4)]);
  await eventually("three voters", async () => await voters(a) === "a,b,c", WHOLE_MS);
  const alone = await a.weft("acl", "put", "old", "deny", "c");
  assert.equal(alone.code, 1, "an ACL that only denies would let nobody vote");
  assert.match(alone.stderr, /No present voter.*\n.*allow "\*"/);
  assert.deepEqual((await acl(a, "put", "all", "allow", "*")).demoted, []);
  assert.deepEqual((await acl(a, "put", "old", "deny", "c")).demoted, ["c"]);
  assert.equal(await voters(a), "a,b");
  const listed = await b.weft("acl", "list", "--level", "linearizable");
  assert.deepEqual(listed.stdout.trimEnd().split("\n").map((line) => line.split(/ +/)), [
    ["NAME", "ACTION", "PATTERNS"],
    ["all", "allow", "*"],
    ["old", "deny", "c"],
  ]);
  const onFollower = await b.weft("acl", "delete", "old");
  assert.equal(onFollower.code, 1);
  assert(onFollower.stderr.includes(`--server ${a.host.ipv4}:8443`), onFollower.stderr);
  // Who does not vote is not needed: with c gone, two of two still decide.
  await c.end("SIGKILL");
  assert.deepEqual((await acl(a, "put", "new", "deny", "d")).kept, []);
  assert.equal((await b.weft("acl", "get", "new", "--level", "linearizable", "--json")).code, 0);
});
