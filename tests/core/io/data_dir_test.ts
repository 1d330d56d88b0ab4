/**
 * The data directory: its record, its lock, and who is refused.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { DATA_DIR_FORMAT_VERSION, openDataDir } from "../../../core/io/data_dir.ts";
import { openDisk } from "../../../core/io/disk_deno.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { MemoryDisk } from "../../twins/memory_disk.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const PATH = "/var/lib/weft";
const IDENTITY = { nodeId: "a", meshId: "m-1", raftId: 3, instanceId: "i-1" };
const OPTIONS = { nodeId: "a", owner: "weft, process 7" };

function emptyDisk(seed = 1): MemoryDisk {
  return new MemoryDisk(new SeededRandom(seed));
}

/** A disk whose node.json holds `text`. */
async function diskWith(text: string): Promise<MemoryDisk> {
  const disk = emptyDisk();
  await disk.makeDirectory(PATH);
  await using file = await disk.open(`${PATH}/node.json`, "create");
  await file.write(new TextEncoder().encode(text), 0);
  return disk;
}

/** The message and hint with which the directory is refused; checks that nothing was changed. */
async function refusal(disk: MemoryDisk, options = OPTIONS): Promise<string> {
  const before = disk.files();
  try {
    await (await openDataDir(PATH, disk, options))[Symbol.asyncDispose]();
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    assert.deepEqual(disk.files(), before);
    return `${error.message} | ${error.hint}`;
  }
  return "accepted";
}

Deno.test("openDataDir: a new directory belongs to nobody until it is told", async () => {
  const disk = emptyDisk();
  {
    await using dir = await openDataDir(PATH, disk, OPTIONS);
    assert.equal(dir.identity, undefined);
    assert.equal(dir.raftPath, `${PATH}/raft`);
    await dir.save({ ...IDENTITY, raftId: 2 });
    await dir.save(IDENTITY);
    assert.deepEqual(dir.identity, IDENTITY);
  }
  await using dir = await openDataDir(PATH, disk, OPTIONS);
  assert.deepEqual(dir.identity, IDENTITY);
});

Deno.test("openDataDir: another node is told whose directory it is", async () => {
  const disk = emptyDisk();
  {
    await using dir = await openDataDir(PATH, disk, OPTIONS);
    await dir.save(IDENTITY);
  }
  assert.equal(
    await refusal(disk, { ...OPTIONS, nodeId: "b" }),
    'Data directory belongs to node "a", not to "b": /var/lib/weft | ' +
      "Run with --node-id=a, or give this node a --data-dir of its own.",
  );
  assert.equal(await refusal(disk), "accepted", "the lock was given up");
});

Deno.test("openDataDir: a second process is told who has it", async () => {
  const disk = emptyDisk();
  await using _dir = await openDataDir(PATH, disk, OPTIONS);
  assert.equal(
    await refusal(disk),
    "Data directory is in use by weft, process 7: /var/lib/weft | " +
      "Stop that process, or give this node a --data-dir of its own.",
  );
});

Deno.test("openDataDir: a newer format is refused by its number", async () => {
  const disk = await diskWith(JSON.stringify({ formatVersion: DATA_DIR_FORMAT_VERSION + 1, shape: "unknown" }));
  assert.equal(
    await refusal(disk),
    "Data directory has format version 2, this program reads up to 1: /var/lib/weft | " +
      "Run the version of Weft that wrote it, or a newer one.",
  );
});

Deno.test("openDataDir: a damaged record is refused, whatever the damage", async () => {
  const whole = { formatVersion: 1, ...IDENTITY };
  for (
    const text of [
      "",
      "{",
      "null",
      "[]",
      "{}",
      JSON.stringify({ ...whole, nodeId: 7 }),
      JSON.stringify({ ...whole, meshId: undefined }),
      JSON.stringify({ ...whole, raftId: 0 }),
      JSON.stringify({ ...whole, raftId: 1.5 }),
      JSON.stringify({ ...whole, raftId: "3" }),
      JSON.stringify({ ...whole, instanceId: null }),
      JSON.stringify({ ...whole, formatVersion: "1" }),
    ]
  ) {
    assert.match(await refusal(await diskWith(text)), /node\.json is damaged \| Restore the file/, text);
  }
});

Deno.test("DataDir.save: a crash at any call leaves the old record or the new one", async () => {
  const outcomes = new Set<number | undefined>();
  for (let seed = 1; seed <= 100; seed++) {
    let disk = emptyDisk(seed);
    const dir = await openDataDir(PATH, disk, OPTIONS);
    await dir.save({ ...IDENTITY, raftId: 1 });
    disk.crashAfter(1 + seed % 6);
    let wasSaved = true;
    await dir.save({ ...IDENTITY, raftId: 2 }).catch(() => wasSaved = false);
    disk = disk.restart();
    await using reopened = await openDataDir(PATH, disk, OPTIONS);
    const raftId = reopened.identity?.raftId;
    assert(raftId === 2 || (raftId === 1 && !wasSaved), `${raftId}, seed ${seed}`);
    outcomes.add(raftId);
    await reopened.save({ ...IDENTITY, raftId: 3 });
  }
  assert.equal(outcomes.size, 2);
});

Deno.test("openDataDir: what a process that was killed had written is durable once it was read", async () => {
  let seenCount = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const disk = emptyDisk(seed);
    const dir = await openDataDir(PATH, disk, OPTIONS);
    disk.crashAfter(1 + seed % 6);
    await dir.save(IDENTITY).catch(() => {});
    const afterKill = disk.kill();
    const seen = (await openDataDir(PATH, afterKill, OPTIONS)).identity;
    await using reopened = await openDataDir(PATH, afterKill.restart(), OPTIONS);
    if (!seen) continue;
    seenCount++;
    assert.deepEqual(reopened.identity, seen);
  }
  assert(seenCount > 10);
});

Deno.test("openDataDir: makes 0700 directories, and says why it cannot use what is not one", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-data-" });
  const path = `${directory}/x/y`;
  {
    await using dir = await openDataDir(path, openDisk(), OPTIONS);
    await dir.save(IDENTITY);
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o700);
    assert.equal((Deno.statSync(`${path}/node.json`).mode ?? 0) & 0o777, 0o600);
  }
  await Deno.writeTextFile(`${directory}/file`, "");
  await assert.rejects(
    openDataDir(`${directory}/file`, openDisk(), OPTIONS),
    (error) =>
      error instanceof ConfigError && error.message.startsWith(`Cannot use data directory "${directory}/file"`),
  );
  await Deno.remove(directory, { recursive: true });
});
