import { strict as assert } from "node:assert";
import { writeLongLog } from "./long_log.ts";
import type { Opened } from "./writer_main.ts";

const PROGRAM = new URL("writer_main.ts", import.meta.url);
const ENTRIES_COUNT = 100_000;
/** Half of them lie behind the newest snapshot; the other half is what the older one needs, should the newest not verify. */
const ENTRIES_PER_SNAPSHOT = 50_000;
const RESTART_MS_MAX = 1_000;
/** Others may use the machine too: it is measured until it was quick once, at most so often. */
const STARTS_COUNT_MAX = 3;

async function start(directory: string): Promise<Opened> {
  const args = ["run", "--no-check", "--allow-all", PROGRAM.href, directory, "0", String(10 * ENTRIES_COUNT)];
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  assert(success, "the member starts and stops");
  return JSON.parse(new TextDecoder().decode(stdout)) as Opened;
}

Deno.test("RaftLoop: a restart with 100,000 entries in the log takes less than a second", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-restart-" });
  try {
    await writeLongLog(directory, ENTRIES_COUNT - 1, ENTRIES_PER_SNAPSHOT);
    const restartsMs: number[] = [];
    while (restartsMs.length < STARTS_COUNT_MAX && Math.min(...restartsMs) >= RESTART_MS_MAX) {
      const { recovery, appliedIndex, writers } = await start(directory);
      assert(recovery.entriesCount >= ENTRIES_COUNT - ENTRIES_PER_SNAPSHOT - 1, `${recovery.entriesCount} entries`);
      assert(appliedIndex > ENTRIES_COUNT && writers.length > 0, "everything is applied");
      restartsMs.push(recovery.openMs + recovery.loadMs + recovery.replayMs);
      console.log(JSON.stringify(recovery));
    }
    assert(Math.min(...restartsMs) < RESTART_MS_MAX, `restarts took ${restartsMs.map(Math.round)} ms`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
