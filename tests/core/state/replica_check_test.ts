import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { encodeCheckpoint, encodeClaim, encodeEntry } from "../../../core/state/codec.ts";
import { joinCommand } from "../../../core/state/commands/join_node.ts";
import { CHECKPOINT_COUNT_MAX, CLAIM_COUNT_MAX, ReplicaCheck } from "../../../core/state/replica_check.ts";
import { joiner, newMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();
const VOTERS = [1, 2, 3];
const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];

function finish(check: ReplicaCheck): void {
  while (check.isBusy) check.step();
}

/** A check whose result at index 1 is `own`, with claims of voters 1, 2, …; null for one that is silent. */
function judged(claims: readonly (string | null)[], voters = VOTERS): [string, string] {
  using check = new ReplicaCheck((image) => engine.open(image));
  check.checkpoint(1, () => engine.open().export());
  finish(check);
  const own = check.result?.hash ?? "";
  claims.forEach((hash, n) =>
    hash !== null && check.claim({ index: 1, hash: hash === "own" ? own : hash, member: n + 1 })
  );
  const verdict = check.verdict(voters);
  return [verdict.kind, verdict.kind === "differs" ? verdict.expected : ""];
}

Deno.test("verdict: what the majority of the voters found is right", () => {
  assert.deepEqual(judged(["own", "own", null]), ["agrees", ""]);
  assert.deepEqual(judged(["own", "own", A]), ["agrees", ""]);
  assert.deepEqual(judged([A, A, null]), ["differs", A]);
  assert.deepEqual(judged(["own", A, A]), ["differs", A]);
  assert.deepEqual(judged([A], [1]), ["differs", A]);
});

Deno.test("verdict: nothing is said while the silent may decide, and nobody is accused without a majority", () => {
  assert.deepEqual(judged([]), ["unknown", ""]);
  assert.deepEqual(judged(["own", A, null]), ["unknown", ""]);
  assert.deepEqual(judged(["own", A], [1, 2]), ["disputed", ""]);
  assert.deepEqual(judged(["own", A, B]), ["disputed", ""]);
  assert.deepEqual(judged(["own", A, B, C], [1, 2, 3, 4]), ["disputed", ""]);
  assert.deepEqual(judged([A, A, A], [7, 8, 9]), ["unknown", ""], "who does not vote does not count");
});

Deno.test("applyBatch: replicas hash the state as of the checkpoint, wherever it stands in a batch", () => {
  using first = newMesh(engine);
  using second = StateMachine.open(engine, first.machine.snapshot());
  const data = [
    encodeEntry(joinCommand(joiner(1))),
    encodeCheckpoint(),
    encodeEntry(joinCommand(joiner(2))),
    encodeEntry(joinCommand(joiner(3))),
  ];
  const index = second.appliedIndex;
  for (const entry of data) first.applyBytes(entry);
  const responses = second.applyBatch(data.map((data, n) => ({ index: index + 1 + n, term: 1, data })));
  assert.equal(responses.length, data.length);
  for (const { check } of [first.machine, second]) finish(check);
  assert.deepEqual(first.machine.check.result, second.check.result);
  assert.equal(second.check.result?.index, index + 2);
  using until = newMesh(engine);
  for (const entry of data.slice(0, 2)) until.applyBytes(entry);
  assert.equal(second.check.result?.hash, until.machine.stateHash());
  assert.equal(first.machine.stateHash(), second.stateHash());
});

Deno.test("applyBatch: a checkpoint and a claim change no row", () => {
  using mesh = newMesh(engine);
  const before = mesh.contents();
  mesh.applyBytes(encodeCheckpoint());
  mesh.applyBytes(encodeClaim({ index: 1, hash: A, member: 1 }));
  assert.deepEqual(mesh.contents(), before);
});

Deno.test("ReplicaCheck: one checkpoint at a time, and only so many results", () => {
  using check = new ReplicaCheck((image) => engine.open(image));
  const image = () => engine.open().export();
  check.checkpoint(1, image);
  check.checkpoint(2, () => assert.fail("busy"));
  assert.equal(check.lastIndex, 2);
  finish(check);
  assert.equal(check.result?.index, 1);
  for (let index = 3; index < 3 + CHECKPOINT_COUNT_MAX; index++) {
    check.checkpoint(index, image);
    finish(check);
  }
  const own = check.result?.hash ?? "";
  for (const index of [1, 3]) for (const member of [1, 2]) check.claim({ index, hash: own, member });
  assert.deepEqual(check.verdict(VOTERS), { kind: "agrees", index: 3 });
});

Deno.test("ReplicaCheck: as many checkpoints and claims as are kept, and one more", () => {
  using check = new ReplicaCheck((image) => engine.open(image));
  for (let index = 1; index <= CHECKPOINT_COUNT_MAX + 1; index++) check.claim({ index, hash: A, member: 1 });
  assert.deepEqual([check.hasClaim(1, 1), check.hasClaim(2, 1)], [false, true]);
  for (let member = 1; member <= CLAIM_COUNT_MAX + 1; member++) check.claim({ index: 9, hash: A, member });
  assert.deepEqual([check.hasClaim(9, CLAIM_COUNT_MAX), check.hasClaim(9, CLAIM_COUNT_MAX + 1)], [true, false]);
});

Deno.test("restore: what was found of another state is forgotten", () => {
  using mesh = newMesh(engine);
  const image = mesh.machine.snapshot();
  mesh.applyBytes(encodeCheckpoint());
  finish(mesh.machine.check);
  mesh.applyBytes(encodeCheckpoint());
  assert(mesh.machine.check.isBusy);
  mesh.machine.restore(image);
  assert.deepEqual([mesh.machine.check.isBusy, mesh.machine.check.result], [false, undefined]);
});
