import { strict as assert } from "node:assert";
import { openByteTarget, readPieces } from "../../../core/io/file_stream.ts";

Deno.test("openByteTarget: the name has the old content until all is committed, and nobody else may read it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-file-" });
  try {
    const path = `${directory}/backup`;
    await Deno.writeTextFile(path, "old");
    {
      await using target = await openByteTarget(path);
      await target.write(new TextEncoder().encode("half"));
      assert.equal(await Deno.readTextFile(path), "old");
    }
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["backup"], "given up");
    {
      await using target = await openByteTarget(path);
      await target.write(new TextEncoder().encode("new "));
      await target.write(new TextEncoder().encode("content"));
      await target.commit();
    }
    assert.equal(await Deno.readTextFile(path), "new content");
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["backup"]);
    const pieces = await Array.fromAsync(readPieces(path));
    assert.equal(pieces.map((piece) => new TextDecoder().decode(piece)).join(""), "new content");
    await assert.rejects(Array.fromAsync(readPieces(`${directory}/absent`)), /absent|No such file/);
    await assert.rejects(openByteTarget(`${directory}/absent/x`));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
