import assert from "node:assert/strict";
import { runBackup, runRestore } from "../../../core/cli/backup.ts";
import { UsageError } from "../../../core/cli/exit.ts";
import { sha256 } from "../../../core/crypto/sha256.ts";
import { encodeBackupHeader } from "../../../core/node/backup_file.ts";
import { FakeNode } from "./fake_node.ts";
import { RecordedOutput } from "./recorded_output.ts";

const IMAGE = Uint8Array.from({ length: 3000 }, (_, index) => index);
const PIECES = [
  encodeBackupHeader({
    formatVersion: 1,
    meshId: "m1",
    index: 7,
    term: 2,
    schemaVersion: 1,
    engineVersion: "3",
    createdAtMs: 0,
    imageBytes: IMAGE.length,
    imageSha256: sha256(IMAGE).toHex(),
  }),
  IMAGE.subarray(0, 1000),
  IMAGE.subarray(1000),
];

Deno.test("weft backup, weft restore: the file is verified both ways, and replaced only when it is whole", async () => {
  let pieces: readonly Uint8Array[] = PIECES;
  const restored: [number, boolean][] = [];
  await using node = await FakeNode.start({
    backup: () => pieces,
    restore(bytes, force) {
      restored.push([bytes.length, force]);
      return { appliedIndex: 9n, stateHash: "ab", backupIndex: 7n };
    },
  });
  const path = `${node.dataDir}/backup`;
  const text = new RecordedOutput();
  await runBackup(path, {}, node.host, text.output);
  assert.match(text.out, /^Backup of mesh m1 at index 7, term 2: 2.9 KiB, verified, in .*backup\n$/);
  const { size, mode } = await Deno.stat(path);
  assert.deepEqual([size, (mode ?? 0) & 0o777], [PIECES.reduce((sum, piece) => sum + piece.length, 0), 0o600]);

  await runRestore(path, {}, node.host, text.output);
  const json = new RecordedOutput();
  await runRestore(path, { force: true, json: true }, node.host, json.output);
  assert.deepEqual(json.json, { schemaVersion: 1, appliedIndex: 9, stateHash: "ab", backupIndex: 7 });
  assert.deepEqual(restored, [[size, false], [size, true]]);

  for (const broken of [PIECES.slice(0, 2), [...PIECES, IMAGE], []]) {
    pieces = broken;
    await assert.rejects(runBackup(path, {}, node.host, text.output), /not usable/);
    assert.equal((await Deno.stat(path)).size, size, "the old one is there");
  }
  await Deno.truncate(path, size - 1);
  await assert.rejects(runRestore(path, {}, node.host, text.output), UsageError);
  await assert.rejects(runRestore(`${path}.absent`, {}, node.host, text.output), /Cannot read/);
  assert.equal(restored.length, 2, "the node heard of none of these");
  await assert.rejects(runBackup("-", { json: true }, node.host, text.output), UsageError);
});
