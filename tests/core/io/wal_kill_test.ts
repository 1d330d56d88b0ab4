/**
 * The log on the real disk, under a process that is killed again and again.
 *
 * @module
 */
import { strict as assert } from "node:assert";

const KILLS_COUNT = 20;
const CHILD = new URL("wal_kill_child.ts", import.meta.url);

/** Runs a child until it has acknowledged `acksCount` appends and kills it. Returns the last acknowledged index. */
async function runAndKill(directory: string, acksCount: number, ackedBefore: number): Promise<number> {
  const args = ["run", "--no-check", "--allow-all", CHILD.href, `${directory}/raft`];
  await using child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).spawn();
  let acked = ackedBefore;
  let linesCount = 0;
  let isKilled = false;
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const found = /^open (\d+)$/.exec(line)?.[1];
      if (found !== undefined) assert(Number(found) >= ackedBefore, `${ackedBefore} acknowledged, ${found} found`);
      else acked = Number(line);
      linesCount++;
    }
    // The pipe is read to its end, so every acknowledgement counts.
    if (linesCount > acksCount && !isKilled) {
      child.kill("SIGKILL");
      isKilled = true;
    }
  }
  const { signal } = await child.status;
  assert.equal(signal, "SIGKILL", "the child ended by itself");
  return acked;
}

Deno.test("openFileLogStore: what was acknowledged survives SIGKILL, again and again", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-kill-" });
  let acked = 0;
  for (let kill = 0; kill < KILLS_COUNT; kill++) {
    const next = await runAndKill(directory, 7 * kill % 60, acked);
    assert(next >= acked);
    acked = next;
  }
  assert(acked > 500, `${acked} acknowledged`);
  await Deno.remove(directory, { recursive: true });
});
