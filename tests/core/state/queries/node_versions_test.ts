import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { StateMachine } from "../../../../core/state/apply.ts";
import { joinCommand, previewJoin } from "../../../../core/state/commands/join_node.ts";
import { migrateCommand } from "../../../../core/state/commands/migrate.ts";
import { previewUpdate, updateCommand } from "../../../../core/state/commands/update_node.ts";
import { hasNodeVersions, nodeVersions, versionsOfNode } from "../../../../core/state/queries/node_versions.ts";
import { joiner, Mesh, newMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();
const OLD = { engine: "3.50.0", schema: 2 };
const NEW = { engine: "3.51.0", schema: 3 };

Deno.test("nodeVersions: said by Join and by update, kept when nothing is said, gone with the node", () => {
  using mesh = newMesh(engine);
  const said = () => [...mesh.machine.read(nodeVersions)];
  assert.deepEqual(said(), []);
  mesh.apply(joinCommand(joiner(1, { versions: OLD })));
  assert.deepEqual(said(), [[2, OLD]]);
  mesh.apply(joinCommand(joiner(1, { raftPort: 7 })));
  assert.deepEqual(said(), [[2, OLD]]);
  const hash = mesh.machine.rows("SELECT * FROM node_versions").rows;
  mesh.apply(updateCommand({ ...joiner(1), versions: OLD, nowMs: 9 }));
  assert.deepEqual(mesh.machine.rows("SELECT * FROM node_versions").rows, hash, "the same again changes nothing");
  mesh.apply(updateCommand({ ...joiner(1), versions: NEW }));
  assert.deepEqual(said(), [[2, NEW]]);
  assert.deepEqual(mesh.machine.read((reader) => versionsOfNode(reader, "node-1")), NEW);
  mesh.leave(1);
  assert.deepEqual(said(), []);
});

Deno.test("previewJoin, previewUpdate: another program is news, the same is not", () => {
  using mesh = newMesh(engine);
  mesh.apply(joinCommand(joiner(1, { versions: OLD })));
  const isNews = (versions: typeof OLD | undefined) => {
    const parameters = joiner(1, { versions });
    const [join, update] = [previewJoin, previewUpdate].map((preview) =>
      mesh.machine.read((reader) => preview(reader, parameters))
    );
    assert.equal(join === undefined, update === undefined);
    return join === undefined;
  };
  assert.deepEqual([isNews(undefined), isNews(OLD), isNews(NEW)], [false, false, true]);
});

Deno.test("hasNodeVersions: not before the schema has a place for them", () => {
  using mesh = new Mesh(StateMachine.open(engine));
  for (const version of [1, 2]) {
    assert.equal(mesh.machine.read(hasNodeVersions), false);
    assert.deepEqual([...mesh.machine.read(nodeVersions)], []);
    mesh.apply(migrateCommand(version));
  }
  assert.equal(mesh.machine.read(hasNodeVersions), true);
});
