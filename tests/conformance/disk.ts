/**
 * What every `Disk` does, the real one and its twin; what happens at a crash is the twin's alone.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { type Disk, DiskLockedError } from "../../core/seams/disk.ts";

/** Registers the tests. `open` gives an empty directory on a disk. */
export function testDisk(name: string, open: () => Promise<{ disk: Disk; directory: string } & AsyncDisposable>): void {
  Deno.test(`${name}: reads what was written, anywhere, and less at the end`, async () => {
    await using place = await open();
    const path = `${place.directory}/a`;
    await using file = await place.disk.open(path, "create");
    await file.write(Uint8Array.of(1, 2, 3), 600);
    await file.write(Uint8Array.of(9), 601);
    await file.sync();
    assert.equal(await file.size(), 603);
    const target = new Uint8Array(5).fill(7);
    assert.equal(await file.read(target, 599), 4);
    assert.deepEqual([...target], [0, 1, 9, 3, 7]);
    assert.equal(await file.read(target, 1000), 0);
  });

  Deno.test(`${name}: open creates only what is not there and opens only what is`, async () => {
    await using place = await open();
    const path = `${place.directory}/a`;
    await assert.rejects(place.disk.open(path, "read"));
    await assert.rejects(place.disk.open(path, "write"));
    await (await place.disk.open(path, "create"))[Symbol.asyncDispose]();
    await assert.rejects(place.disk.open(path, "create"));
    await using file = await place.disk.open(path, "read");
    await assert.rejects(async () => await file.write(Uint8Array.of(1), 0));
  });

  Deno.test(`${name}: names are listed in order, moved over others and removed`, async () => {
    await using place = await open();
    const { disk, directory } = place;
    for (const name of ["b", "a", "c"]) {
      await using file = await disk.open(`${directory}/${name}`, "create");
      await file.write(new TextEncoder().encode(name), 0);
    }
    await disk.rename(`${directory}/b`, `${directory}/a`);
    await disk.syncDirectory(directory);
    assert.deepEqual(await disk.list(directory), ["a", "c"]);
    await using moved = await disk.open(`${directory}/a`, "read");
    const byte = new Uint8Array(1);
    await moved.read(byte, 0);
    assert.equal(new TextDecoder().decode(byte), "b");
    await disk.remove(`${directory}/c`);
    await assert.rejects(disk.remove(`${directory}/c`));
    await assert.rejects(disk.rename(`${directory}/c`, `${directory}/d`));
    assert.deepEqual(await disk.list(directory), ["a"]);
  });

  Deno.test(`${name}: makes directories with their parents, once or again`, async () => {
    await using place = await open();
    const path = `${place.directory}/x/y/z`;
    await place.disk.makeDirectory(path);
    await place.disk.makeDirectory(path);
    assert.deepEqual(await place.disk.list(`${place.directory}/x/y`), ["z"]);
    assert.deepEqual(await place.disk.list(path), []);
    await assert.rejects(place.disk.list(`${place.directory}/nothing`));
  });

  Deno.test(`${name}: a lock has one holder, who is named to the second`, async () => {
    await using place = await open();
    const path = `${place.directory}/LOCK`;
    {
      await using _lock = await place.disk.lock(path, "the first");
      await assert.rejects(
        place.disk.lock(path, "the second"),
        (error) => error instanceof DiskLockedError && error.holder === "the first" && error.path === path,
      );
    }
    await using _again = await place.disk.lock(path, "the second");
  });
}
