import { strict as assert } from "node:assert";
import { InvariantError } from "../../../../core/assert.ts";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import {
  parseUpdateResult,
  previewUpdate,
  updateCommand,
  type UpdateParameters,
} from "../../../../core/state/commands/update_node.ts";
import { refusal } from "../../../../core/state/refusal.ts";
import { address, EPOCH_MS, joiner, newMesh, publicKey, readable } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

function update(n: number, changes: Partial<UpdateParameters> = {}): UpdateParameters {
  const { id, publicKey, raftPort, grpcPort, wireguardPort, primaryEndpoint, endpoints, nowMs } = joiner(n);
  return { id, publicKey, raftPort, grpcPort, wireguardPort, primaryEndpoint, endpoints, nowMs, ...changes };
}

Deno.test("updateCommand: changes ports and addresses and nothing else", () => {
  using mesh = newMesh(engine);
  const node = mesh.join(1, { wantsVote: true });
  const changes = {
    raftPort: 1,
    grpcPort: 2,
    wireguardPort: 3,
    primaryEndpoint: address("2001:db8::7"),
    endpoints: [],
  };
  const result = parseUpdateResult(mesh.apply(updateCommand(update(1, { ...changes, nowMs: EPOCH_MS + 9 }))));
  const expected = { kind: "joined", node: { ...node, ...changes, updatedAtMs: EPOCH_MS + 9 } };
  assert.deepEqual(readable(result), readable(expected));
});

Deno.test("updateCommand: what is the same changes nothing", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  const before = mesh.contents();
  mesh.apply(updateCommand(update(1, { nowMs: EPOCH_MS + 9 })));
  assert.deepEqual(mesh.contents(), before);
});

Deno.test("updateCommand: a node that is not there, or has another key, is refused", () => {
  using mesh = newMesh(engine);
  mesh.join(1);
  const before = mesh.contents();
  for (const parameters of [update(2), update(1, { publicKey: publicKey(9), raftPort: 1 })]) {
    assert.deepEqual(parseUpdateResult(mesh.apply(updateCommand(parameters))), refusal("node-missing"));
    assert.deepEqual(mesh.machine.read((reader) => previewUpdate(reader, parameters)), refusal("node-missing"));
  }
  assert.deepEqual(mesh.contents(), before);
});

Deno.test("updateCommand: refuses to be made of what cannot be stored", () => {
  assert.throws(() => updateCommand(update(1, { wireguardPort: 0 })), InvariantError);
});

Deno.test("previewUpdate: knows what needs no entry", () => {
  using mesh = newMesh(engine);
  const node = mesh.join(1);
  const preview = (changes: Partial<UpdateParameters>) =>
    mesh.machine.read((reader) => previewUpdate(reader, update(1, changes)));
  assert.deepEqual(readable(preview({ nowMs: 1 })), readable({ kind: "joined", node }));
  assert.equal(preview({ wireguardPort: 1 }), undefined);
});
