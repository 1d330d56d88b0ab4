import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { canonicalImage } from "../../../core/state/canonical_image.ts";
import { encodeEntry, executionEntry } from "../../../core/state/codec.ts";
import { newMesh } from "./mesh_fixture.ts";

const engine = await loadSqlEngine();

const FILL = executionEntry(
  "INSERT INTO mesh_state (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  { key: "bulk", value: "x".repeat(16_000) },
);
const DROP = executionEntry("DELETE FROM mesh_state WHERE key = 'bulk'", {});

Deno.test("canonicalImage: is a state, and its own canonical form", () => {
  using mesh = newMesh(engine);
  mesh.apply(FILL);
  const image = mesh.machine.canonicalImage();
  assert.deepEqual(canonicalImage(engine, image), image);
  using copy = StateMachine.open(engine, image);
  assert.equal(copy.stateHash(), mesh.machine.stateHash());
  assert.equal(copy.appliedIndex, mesh.machine.appliedIndex);
});

Deno.test("canonicalImage: nothing is left of what was deleted, nor of how", () => {
  using one = newMesh(engine);
  using other = newMesh(engine);
  const data = [FILL, DROP].map((entry) => encodeEntry(entry));
  for (const entry of data) one.applyBytes(entry);
  const index = other.machine.appliedIndex;
  other.machine.applyBatch(data.map((data, n) => ({ index: index + 1 + n, term: 1, data })));
  const images = [one.machine.canonicalImage(), other.machine.canonicalImage()] as const;
  assert.deepEqual(images[1], images[0]);
  assert(!new TextDecoder("latin1").decode(images[0]).includes("xxxxxxxx"));
  assert(images[0].length < one.machine.snapshot().length);
});

Deno.test("canonicalImage: other rows are another image, and the state machine goes on", () => {
  using mesh = newMesh(engine);
  const before = mesh.machine.canonicalImage();
  mesh.apply(FILL);
  assert.notDeepEqual(mesh.machine.canonicalImage(), before);
});
