import assert from "node:assert/strict";
import { Control } from "../../../proto/gen/weft/v1/control_pb.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { PaperNodes } from "./paper_nodes.ts";

const WAIT_MS = 20_000;
const { backup, query, restore } = Control.method;

async function* items<Item>(all: readonly Item[]): AsyncGenerator<Item> {
  for (const item of all) yield await Promise.resolve(item);
}

async function takeBackup(nodes: PaperNodes, nodeId: string): Promise<{ data: Uint8Array }[]> {
  await using client = nodes.client(nodeId);
  return await Array.fromAsync(client.stream(backup, items([{}])));
}

async function putBack(nodes: PaperNodes, nodeId: string, pieces: readonly { data: Uint8Array; force?: boolean }[]) {
  await using client = nodes.client(nodeId);
  const [answer] = await Array.fromAsync(client.stream(restore, items(pieces)));
  assert(answer);
  return answer;
}

Deno.test("Backup and Restore: both replicas are what the backup says, and go on", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  await eventually("b in", async () => (await nodes.status("a")).raft?.members.length === 2, WAIT_MS);
  const pieces = await takeBackup(nodes, "b");
  const answer = await putBack(nodes, "a", pieces);
  assert(answer.appliedIndex > answer.backupIndex);
  await eventually("b to follow", async () => {
    const [a, b] = [await nodes.status("a"), await nodes.status("b")];
    return a.raft?.appliedIndex === b.raft?.appliedIndex && a.raft?.stateHash === b.raft?.stateHash;
  }, WAIT_MS);
  assert.equal((await nodes.status("a")).raft?.members.length, 2, "nobody was thrown out");
  await using a = nodes.client("a");
  const { rows } = (await a.unary(query, { sql: "SELECT id FROM nodes ORDER BY id" })).message;
  assert.deepEqual(rows.map(({ values }) => values[0]?.kind.value), ["a", "b"]);
  await nodes.stop("b");
  await nodes.start("b");
  assert.equal((await nodes.status("b")).status?.id, "b");
});

Deno.test("Restore: a follower names the leader; damaged and foreign files change nothing", async () => {
  await using nodes = new PaperNodes();
  await nodes.bootstrap("a");
  await nodes.join("b", "a");
  const pieces = await takeBackup(nodes, "a");
  await assert.rejects(putBack(nodes, "b", pieces), { reason: "not-leader" });
  const before = (await nodes.status("a")).raft?.stateHash;
  await assert.rejects(putBack(nodes, "a", pieces.slice(0, 1)), { reason: "invalid-argument", message: /cut off/ });
  const flipped = pieces.map(({ data }) => ({ data: data.slice() }));
  const last = flipped.at(-1)?.data;
  last?.set([(last[100] ?? 0) ^ 1], 100);
  await assert.rejects(putBack(nodes, "a", flipped), { reason: "invalid-argument", message: /damaged/ });
  await using others = new PaperNodes();
  await others.bootstrap("z");
  const foreign = await takeBackup(others, "z");
  await assert.rejects(putBack(nodes, "a", foreign), { reason: "invalid-argument", message: /another mesh/ });
  assert.equal(typeof before, "string");
  const [first, ...rest] = foreign;
  assert(first);
  await putBack(nodes, "a", [{ ...first, force: true }, ...rest]);
  assert.equal((await nodes.status("a")).status?.id, "a");
});
