import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { ImageDownload } from "../../../core/node/healthy_image.ts";
import { backupPieces, takeBackup } from "../../../core/node/state_backup.ts";
import { meshInfo } from "../../../core/state/queries/mesh_info.ts";
import { newMesh } from "../state/mesh_fixture.ts";

const sqlite = await loadSqlEngine();

/** The pieces that a leader sends, and the mesh that they are of. */
function sent(): { pieces: Uint8Array[]; meshId: string; image: Uint8Array; index: number } {
  using mesh = newMesh(sqlite);
  const info = mesh.machine.read(meshInfo);
  assert(info);
  const { machine } = mesh;
  const pieces = Array.from(backupPieces(takeBackup(machine, info, 0)), ({ data }) => data.slice());
  return { pieces, meshId: info.meshId, image: machine.canonicalImage(), index: machine.appliedIndex };
}

async function* messages(pieces: readonly Uint8Array[]): AsyncGenerator<{ data: Uint8Array; skippedBytes: bigint }> {
  for (const data of pieces) yield { data, skippedBytes: 0n };
}

Deno.test("ImageDownload: is the leader's state as of its index, however it is cut into pieces", async () => {
  const { pieces, meshId, image, index } = sent();
  assert.deepEqual(await new ImageDownload().receive(messages(pieces), meshId), { index, data: image });
  const bytes = new Uint8Array(await new Blob(pieces.map((piece) => piece.slice())).arrayBuffer());
  const cuts = [bytes.subarray(0, 5), bytes.subarray(5, 300), new Uint8Array(0), bytes.subarray(300)];
  assert.deepEqual(await new ImageDownload().receive(messages(cuts), meshId), { index, data: image });
});

Deno.test("ImageDownload: refuses what is cut off, damaged, too long or of another mesh", async () => {
  const { pieces, meshId } = sent();
  const flipped = pieces.map((piece) => piece.slice());
  const last = flipped.at(-1);
  assert(last);
  last[last.length - 1] = (last[last.length - 1] ?? 0) ^ 1;
  const cases: [string, readonly Uint8Array[], string, RegExp][] = [
    ["nothing", [], meshId, /cut off/],
    ["half", [...pieces.slice(0, -1), pieces.at(-1)?.subarray(1) ?? new Uint8Array(0)], meshId, /cut off/],
    ["flipped", flipped, meshId, /damaged/],
    ["longer", [...pieces, new Uint8Array(1)], meshId, /longer/],
    ["foreign", pieces, "another-mesh", /another mesh/],
    ["garbage", [new Uint8Array(64)], meshId, /no backup/],
  ];
  for (const [what, given, id, why] of cases) {
    await assert.rejects(
      new ImageDownload().receive(messages(given), id),
      { reason: "unavailable", message: why },
      what,
    );
  }
});
