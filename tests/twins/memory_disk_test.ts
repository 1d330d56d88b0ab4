/**
 * The twin is a disk, and it loses what a disk may lose.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { testDisk } from "../conformance/disk.ts";
import { MemoryDisk, PowerLossError } from "./memory_disk.ts";
import { SeededRandom } from "./seeded_random.ts";

testDisk("MemoryDisk", () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  return Promise.resolve({ disk, directory: "", [Symbol.asyncDispose]: () => Promise.resolve() });
});

/** The first sector of a file whose first 512 bytes were 1 durably and 2 when the power went. */
async function sectorAfterCrash(seed: number): Promise<Uint8Array> {
  const disk = new MemoryDisk(new SeededRandom(seed));
  const file = await disk.open("/a", "create");
  await disk.syncDirectory("");
  await file.write(new Uint8Array(512).fill(1), 0);
  await file.sync();
  await file.write(new Uint8Array(512).fill(2), 0);
  const after = await disk.restart().open("/a", "read");
  const bytes = new Uint8Array(512);
  await after.read(bytes, 0);
  return bytes;
}

Deno.test("MemoryDisk.restart: an unsynced sector is kept, lost or torn", async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const bytes = await sectorAfterCrash(seed);
    const newBytes = bytes.findIndex((byte) => byte !== 2);
    assert(bytes.subarray(newBytes < 0 ? 512 : newBytes).every((byte) => byte === 1));
    outcomes.add(newBytes < 0 ? "kept" : newBytes === 0 ? "lost" : "torn");
  }
  assert.deepEqual([...outcomes].sort(), ["kept", "lost", "torn"]);
});

Deno.test("MemoryDisk.restart: an unsynced name comes and goes, a synced one stays", async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const disk = new MemoryDisk(new SeededRandom(seed));
    await disk.open("/old", "create");
    await disk.syncDirectory("");
    await disk.rename("/old", "/new");
    outcomes.add((await disk.restart().list("")).join());
  }
  assert.deepEqual([...outcomes].sort(), ["new", "old"]);
});

Deno.test("MemoryDisk: after the power went no call has an effect", async () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  const file = await disk.open("/a", "create");
  await disk.syncDirectory("");
  disk.crashAfter(1);
  await assert.rejects(file.sync(), PowerLossError);
  await assert.rejects(async () => await file.write(Uint8Array.of(1), 0), PowerLossError);
  assert.deepEqual(disk.restart().files(), [{ path: "/a", bytes: 0 }]);
});

Deno.test("MemoryDisk: a failed sync loses the bytes, and the next sync does not bring them back", async () => {
  const disk = new MemoryDisk(new SeededRandom(1));
  const file = await disk.open("/a", "create");
  await disk.syncDirectory("");
  await file.write(new Uint8Array(512).fill(1), 0);
  disk.failAfter(1);
  await assert.rejects(file.sync(), /input\/output error/);
  await file.sync();
  const after = await disk.restart().open("/a", "read");
  const bytes = new Uint8Array(512);
  await after.read(bytes, 0);
  assert(bytes.every((byte) => byte === 0));
});
