import { strict as assert } from "node:assert";
import { killLoop } from "./kill_loop.ts";

const KILLS = 8;

Deno.test("RaftLoop: what was acknowledged survives SIGKILL under load, and the state is the log's", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-kill-" });
  try {
    const report = await killLoop(directory, KILLS, 1);
    console.log(JSON.stringify(report));
    assert(report.acknowledgedCount > 1_000, `${report.acknowledgedCount} acknowledged`);
    assert(report.earlyCount < KILLS, "some lived to lead");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
