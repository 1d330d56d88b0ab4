/** What operators do with the Raft group of a real mesh: look, ask, hand over, save, bring back, and recover. */
import assert from "node:assert/strict";
import { equalBytes } from "../../core/bytes/constant_time.ts";
import { BackupReader } from "../../core/node/backup_file.ts";
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import { eventually } from "./lab/eventually.ts";
import type { Host } from "./lab/host.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { MeshLab, type MeshNode, READY_MS, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";
import { Clients } from "./writers.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:nft"];
const TABLE = "inet deaf";

async function json(node: MeshNode, ...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await node.weft(...args, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function ids(node: MeshNode): Promise<string> {
  const { members } = await json(node, "raft", "members") as { members: { id: string; role: string }[] };
  return members.map(({ id, role }) => `${id} ${role}`).sort().join(", ");
}

/** Takes a backup of every node. False if their indexes differ; otherwise the images in the files must not. */
async function haveEqualBackups(nodes: readonly MeshNode[]): Promise<boolean> {
  const taken = await Promise.all(nodes.map((node) => json(node, "backup", `${node.dataDir}.same`)));
  if (new Set(taken.map(({ index }) => index)).size > 1) return false;
  const [first, ...others] = await Promise.all(nodes.map((node) => imageIn(`${node.dataDir}.same`)));
  assert.ok(first && first.length > 0);
  for (const image of others) assert.ok(equalBytes(image, first), "the same bytes at the same index");
  return true;
}

/** What stands behind the header, which says when the backup was taken. */
async function imageIn(path: string): Promise<Uint8Array> {
  const file = await Deno.readFile(path);
  const reader = new BackupReader();
  const image = reader.push(file);
  assert.ok(typeof image !== "string" && reader.finish() === undefined);
  return image;
}

/** Lets a host hear nothing of another one. */
async function deafen(host: Host, to: Host): Promise<void> {
  const rules = [
    `add table ${TABLE}`,
    `add chain ${TABLE} input { type filter hook input priority 0; }`,
    `add rule ${TABLE} input ip saddr ${to.ipv4} drop`,
    `add rule ${TABLE} input ip6 saddr ${to.ipv6} drop`,
  ];
  await host.mustExec(["nft", "-f", "-"], { stdin: `${rules.join("\n")}\n` });
}

/** A follower that has missed a hand-over, to `heir`, is asked for the next one. */
async function askTooEarly([leader, heir, follower]: readonly [MeshNode, MeshNode, MeshNode]): Promise<void> {
  await using clients = new Clients();
  const { transferLeadership } = Control.method;
  await clients.of(follower).unary(Control.method.getNodeStatus, {});
  await deafen(follower.host, heir.host);
  const { message: first } = await clients.of(leader).unary(transferLeadership, { id: heir.host.name });
  assert.deepEqual([first.leader, first.moved], [heir.host.name, true]);
  const asked = clients.of(follower).unary(transferLeadership, { id: leader.host.name });
  asked.catch(() => {});
  await follower.host.mustExec(["nft", "delete", "table", ...TABLE.split(" ")]);
  const { message: second } = await asked;
  assert.deepEqual([second.leader, second.moved], [leader.host.name, true]);
}

labTest("raft operations: from a look to a recovery that keeps the lost half out", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b, c, d] = await Promise.all(["a", "b", "c", "d"].map((name) => lab.node(name)));
  assert.ok(a && b && c && d);
  await a.start("--bootstrap");
  await Promise.all([b, c].map((node) => node.start("--as-voter", "--join", `${a.host.ipv4}:8443`)));
  await eventually("three voters", async () => await ids(a) === "a leader, b voter, c voter", WHOLE_MS);

  await askTooEarly([a, c, b]);
  const moved = await json(b, "raft", "transfer", "c");
  assert.deepEqual([moved["leader"], moved["moved"]], ["c", true]);
  const rows = await json(b, "sql", "--level", "linearizable", "SELECT id FROM nodes ORDER BY id");
  assert.deepEqual(rows["rows"], [["a"], ["b"], ["c"]]);
  const file = `${c.dataDir}.backup`;
  await json(c, "backup", file);
  const restored = await json(c, "restore", file);
  assert.ok(Number(restored["appliedIndex"]) > Number(restored["backupIndex"]));
  await eventually("equal states", async () => {
    const all = await Promise.all([a, b, c].map((node) => node.mustStatus()));
    return new Set(all.map(({ raft }) => `${raft.appliedIndex} ${raft.stateHash}`)).size === 1;
  }, WHOLE_MS);
  await eventually("backups of one index", () => haveEqualBackups([a, b, c]), WHOLE_MS);
  assert.ok(Number((await json(c, "raft", "snapshot"))["bytes"]) > 0);

  const before = await c.addresses();
  await Promise.all([a, b, c].map((node) => node.end("SIGKILL")));
  assert.equal((await c.weft("raft", "recover")).code, 2, "not without --yes");
  const recovery = await json(c, "raft", "recover", "--yes");
  assert.deepEqual(recovery["lost"], ["a", "b"]);
  await c.start();
  assert.equal(await ids(c), "c leader");
  assert.deepEqual(await c.addresses(), before);
  await d.start("--as-voter", "--join", `${c.host.ipv4}:8443`);

  for (const node of [a, b]) node.spawn();
  for (const node of [a, b]) {
    await eventually(`${node.host.name} to know that it was left behind`, async () => {
      const { code, stderr } = await node.weft("status");
      return code === 4 && /recovered without this node/.test(stderr) && /--join/.test(stderr);
    }, READY_MS);
  }
  await eventually("c and d", async () => await ids(c) === "c leader, d voter", WHOLE_MS);
  await a.end("SIGTERM");
  await a.start("--join", `${c.host.ipv4}:8443`);
  await eventually("a to be back", async () => await ids(c) === "a learner, c leader, d voter", WHOLE_MS);
});
