import { strict as assert } from "node:assert";
import fs from "node:fs";
import { WriteBehind } from "../../../core/io/write_behind_linux.ts";

Deno.test("WriteBehind: leaves what was written as it is, beyond the end and at a closed descriptor too", async () => {
  const path = await Deno.makeTempFile();
  const behind = new WriteBehind();
  behind.join();
  try {
    const fd = fs.openSync(path, "r+");
    fs.writeSync(fd, Uint8Array.of(1, 2, 3), 0, 3, 5);
    behind.begin(fd, 5, 3);
    behind.begin(fd, 2 ** 40, 512);
    fs.fdatasyncSync(fd);
    fs.closeSync(fd);
    behind.begin(-1, 0, 512);
    assert.deepEqual(await Deno.readFile(path), Uint8Array.of(0, 0, 0, 0, 0, 1, 2, 3));
  } finally {
    behind.leave();
    await Deno.remove(path);
  }
});

Deno.test("WriteBehind: files share one library, which the last one closes; without it nothing happens", () => {
  const behind = new WriteBehind();
  behind.begin(-1, 0, 512);
  behind.join();
  behind.join();
  behind.leave();
  behind.begin(-1, 0, 512);
  // The library is a resource that this test must not leave open.
  behind.leave();
  behind.begin(-1, 0, 512);
});
