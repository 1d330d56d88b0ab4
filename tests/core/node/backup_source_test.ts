/**
 * A replica that fetches a whole state over connections that break: nothing is sent twice while the image is kept.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { ImageDownload, type ImagePiece } from "../../../core/node/healthy_image.ts";
import { BACKUP_KEEP_MS, BackupSource } from "../../../core/node/backup_source.ts";
import { BACKUP_PIECE_BYTES } from "../../../core/node/state_backup.ts";
import type { Clock } from "../../../core/seams/clock.ts";
import type { MeshInfo } from "../../../core/state/queries/mesh_info.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { meshInfo } from "../../../core/state/queries/mesh_info.ts";
import { newMesh } from "../state/mesh_fixture.ts";

const PIECES = 5;
const clock: Clock = { monotonicMs: () => 1000, wallMs: () => 0 };

/** A leader whose state is other bytes after each change, and its mesh. */
async function lab() {
  using fixture = newMesh(await loadSqlEngine());
  const mesh: MeshInfo | undefined = fixture.machine.read(meshInfo);
  assert(mesh);
  const machine = { appliedIndex: 1, appliedTerm: 1, versions: { engine: "3" }, canonicalImage };
  function canonicalImage(): Uint8Array {
    return Uint8Array.from({ length: PIECES * BACKUP_PIECE_BYTES }, (_, i) => i * 7 + machine.appliedIndex & 0xff);
  }
  let onDue = () => {};
  let dueMs = Infinity;
  const makeAlarm = (due: () => void) => {
    onDue = due;
    return { arm: (atMs: number) => void (dueMs = atMs), [Symbol.dispose]: () => {} };
  };
  const source = new BackupSource({ machine, clock, makeAlarm });
  const download = new ImageDownload();
  let sentBytes = 0;
  /** One call, which breaks before the piece `cutAt`; 0 is the header. */
  const call = async (cutAt = Infinity) => {
    const { resumeSha256, resumeOffset } = download.request();
    const asked = { sha256: resumeSha256, offset: Number(resumeOffset) };
    async function* pieces(): AsyncGenerator<ImagePiece> {
      let count = 0;
      for await (const piece of source.pieces(mesh!, asked)) {
        if (count++ === cutAt) throw new Error("the connection broke");
        sentBytes += piece.data.length;
        yield piece;
      }
    }
    return await download.receive(pieces(), mesh!.meshId);
  };
  return { machine, source, download, call, sent: () => sentBytes, expire: () => onDue(), dueMs: () => dueMs };
}

Deno.test("BackupSource: a download that is cut goes on where it stopped, though the state has gone on", async () => {
  const { machine, source, download, call, sent, dueMs } = await lab();
  const image = machine.canonicalImage();
  await assert.rejects(call(3), /connection broke/);
  assert.equal(download.position, 2 * BACKUP_PIECE_BYTES);
  assert.equal(dueMs(), 1000 + BACKUP_KEEP_MS);
  machine.appliedIndex = 9;
  await assert.rejects(call(2), /connection broke/);
  assert.equal(download.position, 3 * BACKUP_PIECE_BYTES);
  assert.deepEqual(await call(), { index: 1, data: image });
  assert(sent() < image.length + 3 * 1024, `${sent()} bytes sent, the image has ${image.length}`);
  assert.equal(download.position, 0);
  assert.equal(source.keepsImage, false, "who has it all needs it no more");
});

Deno.test("BackupSource: when the image is gone the download starts over with the state as it is then", async () => {
  const { machine, source, call, expire, download } = await lab();
  await assert.rejects(call(3), /connection broke/);
  assert(source.keepsImage);
  expire();
  assert(!source.keepsImage);
  machine.appliedIndex = 9;
  await assert.rejects(call(2), /connection broke/);
  assert.equal(download.position, BACKUP_PIECE_BYTES, "the old begin is gone");
  assert.deepEqual(await call(), { index: 9, data: machine.canonicalImage() });
});

Deno.test("BackupSource: an offset beyond the image, and another image, are answered with all of it", async () => {
  const { machine, source } = await lab();
  using fixture = newMesh(await loadSqlEngine());
  const mesh = fixture.machine.read(meshInfo);
  assert(mesh);
  const first = await source.pieces(mesh, { sha256: "", offset: 0 }).next();
  assert(!first.done);
  await assert.rejects(async () => {
    for await (const _ of source.pieces(mesh, { sha256: "", offset: 0 })) throw new Error("cut");
  });
  for (const asked of [{ sha256: "00", offset: 5 }, { sha256: "", offset: 5 }]) {
    const pieces: ImagePiece[] = await Array.fromAsync(source.pieces(mesh, asked));
    assert.equal(pieces[0]?.skippedBytes, 0n);
    const bytes = pieces.slice(1).reduce((sum, { data }) => sum + data.length, 0);
    assert.equal(bytes, machine.canonicalImage().length);
  }
});

Deno.test("ImageDownload: a rest that does not belong to the begin is refused, and the begin forgotten", async () => {
  const { call, download } = await lab();
  await assert.rejects(call(3), /connection broke/);
  const other = await lab();
  other.machine.appliedIndex = 4;
  await assert.rejects(other.call(3), /connection broke/);
  async function* wrong(): AsyncGenerator<ImagePiece> {
    using fixture = newMesh(await loadSqlEngine());
    const mesh = fixture.machine.read(meshInfo);
    assert(mesh);
    const { resumeSha256: sha256, resumeOffset } = other.download.request();
    yield* other.source.pieces(mesh, { sha256, offset: Number(resumeOffset) });
  }
  using fixture = newMesh(await loadSqlEngine());
  const mesh = fixture.machine.read(meshInfo);
  assert(mesh);
  await assert.rejects(download.receive(wrong(), mesh.meshId), { reason: "unavailable", message: /something else/ });
  assert.equal(download.position, 0);
});

Deno.test("BackupSource: a download that is cut because the node stops leaves no image and no alarm", async () => {
  const { source, call, dueMs } = await lab();
  const running = call(3);
  source[Symbol.dispose]();
  await assert.rejects(running, /connection broke/);
  assert.equal(source.keepsImage, false);
  assert.equal(dueMs(), Infinity);
});
