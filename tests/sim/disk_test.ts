import assert from "node:assert/strict";
import { testDisk } from "../conformance/disk.ts";
import { InjectedError } from "./disk.ts";
import { instantDisk } from "./instant_disk.ts";

testDisk("SimDisk", async () => {
  const disk = instantDisk();
  await disk.makeDirectory("/data");
  return { disk, directory: "/data", [Symbol.asyncDispose]: () => Promise.resolve() };
});

const SECTOR_BYTES = 512;

Deno.test("SimDisk: a power loss keeps what was synced, and of the rest whole sectors, parts of them or nothing", async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const disk = instantDisk(seed);
    await disk.makeDirectory("/data");
    const file = await disk.open("/data/a", "create");
    await file.write(new Uint8Array(2 * SECTOR_BYTES).fill(1), 0);
    await file.sync();
    await disk.syncDirectory("/data");
    await file.write(new Uint8Array(SECTOR_BYTES).fill(2), SECTOR_BYTES);
    disk.powerLoss(0);
    const bytes = new Uint8Array(2 * SECTOR_BYTES);
    await (await disk.open("/data/a", "read")).read(bytes, 0);
    assert(bytes.subarray(0, SECTOR_BYTES).every((byte) => byte === 1), "synced");
    const second = bytes.subarray(SECTOR_BYTES);
    const news = second.findIndex((byte) => byte !== 2);
    assert(news < 0 || second.subarray(news).every((byte) => byte === 1), "new bytes, then old ones");
    seen.add(news < 0 ? "kept" : news === 0 ? "lost" : "torn");
  }
  assert.deepEqual([...seen].sort(), ["kept", "lost", "torn"]);
});

Deno.test("SimDisk: names come and go with a power loss until their directory is synced", async () => {
  let kept = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const disk = instantDisk(seed);
    await disk.makeDirectory("/data");
    await (await disk.open("/data/a", "create")).sync();
    await disk.syncDirectory("/data");
    await disk.rename("/data/a", "/data/b");
    disk.powerLoss(0);
    const names = await disk.list("/data");
    assert.equal(names.length, 1, "a rename happens wholly or not at all");
    if (names[0] === "b") kept++;
  }
  assert(kept > 5 && kept < 35, `${kept} of 40`);
});

Deno.test("SimDisk: the end of a process loses nothing that was written", async () => {
  const disk = instantDisk();
  await disk.makeDirectory("/data");
  const file = await disk.open("/data/a", "create");
  await file.write(Uint8Array.of(1, 2, 3), 0);
  disk.kill();
  const bytes = new Uint8Array(3);
  await (await disk.open("/data/a", "read")).read(bytes, 0);
  assert.deepEqual([...bytes], [1, 2, 3]);
});

for (const revertsFailedSync of [false, true]) {
  Deno.test(`SimDisk: a failed sync is not made up for by the next, reads ${revertsFailedSync ? "revert" : "stay"}`, async () => {
    const disk = instantDisk(1, { revertsFailedSync });
    await disk.makeDirectory("/data");
    const file = await disk.open("/data/a", "create");
    await file.write(Uint8Array.of(1), 0);
    await file.sync();
    await disk.syncDirectory("/data");
    await file.write(Uint8Array.of(2), 0);
    disk.failNext("sync");
    await assert.rejects(file.sync(), InjectedError);
    await file.sync();
    const byte = new Uint8Array(1);
    await file.read(byte, 0);
    assert.equal(byte[0], revertsFailedSync ? 1 : 2);
    disk.powerLoss(0);
    await (await disk.open("/data/a", "read")).read(byte, 0);
    assert.equal(byte[0], 1);
  });
}

Deno.test("SimDisk: a full disk takes no growth, but overwrites", async () => {
  const disk = instantDisk();
  await disk.makeDirectory("/data");
  const file = await disk.open("/data/a", "create");
  await file.write(new Uint8Array(10), 0);
  disk.isFull = true;
  await assert.rejects(async () => await file.write(new Uint8Array(11), 0), InjectedError);
  await file.write(new Uint8Array(10).fill(1), 0);
});

Deno.test("SimDisk: log writes count as synced once their own file was", async () => {
  const disk = instantDisk();
  await disk.makeDirectory("/wal");
  const file = await disk.open("/wal/1.tmp", "create");
  await file.write(Uint8Array.of(1), 0);
  assert.equal(disk.logWrites, 0, "not a segment yet");
  await disk.rename("/wal/1.tmp", "/wal/1.wal");
  await file.write(Uint8Array.of(1), 0);
  assert.deepEqual([disk.logWrites, disk.logSyncs], [1, 0]);
  await file.sync();
  assert.deepEqual([disk.logWrites, disk.logSyncs], [1, 1]);
});
