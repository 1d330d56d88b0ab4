/**
 * The real disk keeps the seam's contract, as far as a running system shows it.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { openDisk } from "../../../core/io/disk_deno.ts";
import { testDisk } from "../../conformance/disk.ts";

testDisk("openDisk", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-disk-" });
  return { disk: openDisk(), directory, [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
});

Deno.test("openDisk: files are 0600 and directories 0700", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-disk-" });
  const disk = openDisk();
  await disk.makeDirectory(`${directory}/d`);
  await (await disk.open(`${directory}/d/f`, "create"))[Symbol.asyncDispose]();
  await (await disk.lock(`${directory}/d/LOCK`, "me"))[Symbol.asyncDispose]();
  const modes = ["d", "d/f", "d/LOCK"].map((name) => (Deno.statSync(`${directory}/${name}`).mode ?? 0) & 0o777);
  assert.deepEqual(modes, [0o700, 0o600, 0o600]);
  await Deno.remove(directory, { recursive: true });
});
