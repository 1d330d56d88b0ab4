import { strict as assert } from "node:assert";
import { openDisk } from "../../core/io/disk_deno.ts";
import type { Disk, DiskFile } from "../../core/seams/disk.ts";
import { LogStoreFailedError } from "../../core/seams/log_store.ts";
import { type LoneMember, openLoneMember } from "./lone_member.ts";
import { sequences, tableEntry, writeEntry } from "./workload.ts";

/** The real disk, until it is told to fail. */
class FailingDisk {
  failing: "no" | "sync" | "write" = "no";
  /** Writes and syncs since it began to fail. */
  callsCount = 0;

  get disk(): Disk {
    const disk = openDisk();
    return { ...disk, open: async (path, mode) => this.#watch(await disk.open(path, mode)) };
  }

  #watch(file: DiskFile): DiskFile {
    return {
      read: (target, position) => file.read(target, position),
      size: () => file.size(),
      write: async (bytes, position) => {
        this.#call("write");
        await file.write(bytes, position);
      },
      sync: async () => {
        this.#call("sync");
        await file.sync();
      },
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  }

  #call(kind: "sync" | "write"): void {
    if (this.failing === "no") return;
    this.callsCount++;
    if (this.failing === kind) throw new Error(`${kind} says EIO`);
  }
}

async function isOver({ loop }: LoneMember): Promise<void> {
  await assert.rejects(loop.ended, LogStoreFailedError);
  await assert.rejects(loop.propose(writeEntry(1, 3)));
}

for (const kind of ["sync", "write"] as const) {
  Deno.test(`RaftLoop: a ${kind} that fails ends the member, nothing is tried again, and what was acknowledged is there`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "weft-failing-" });
    const failing = new FailingDisk();
    try {
      {
        await using member = await openLoneMember(directory, { disk: failing.disk });
        await member.loop.propose(tableEntry());
        await member.loop.propose(writeEntry(1, 1));
        failing.failing = kind;
        await assert.rejects(member.loop.propose(writeEntry(1, 2)));
        await isOver(member);
        assert.equal(failing.callsCount, kind === "sync" ? 2 : 1, "one write, and perhaps its sync");
      }
      await using again = await openLoneMember(directory);
      // The write that failed was never acknowledged: both are right.
      assert([1, 2].includes(sequences(again.machine).get(1) ?? 0));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("RaftLoop: a snapshot that cannot be written ends an idle member too", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-failing-" });
  const failing = new FailingDisk();
  try {
    {
      await using member = await openLoneMember(directory, { disk: failing.disk });
      await member.loop.propose(tableEntry());
      failing.failing = "sync";
      await assert.rejects(member.loop.takeSnapshot(), LogStoreFailedError);
      await isOver(member);
    }
    await using again = await openLoneMember(directory);
    assert.equal(sequences(again.machine).size, 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
