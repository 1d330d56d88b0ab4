import assert from "node:assert/strict";
import { UnixStreamListener } from "../../../core/io/unix_stream.ts";
import { mustRun } from "../../e2e/lab/command.ts";
import { canTrace, doubleCloses } from "./double_closes.ts";

const CONVERSATION = new URL("unix_conversation.ts", import.meta.url).href;

Deno.test("UnixStreamListener: bytes both ways, whoever ends, and no descriptor is left", async () => {
  // A process of its own, because other tests of this one open files meanwhile.
  const script = `import { converse } from "${CONVERSATION}";
    const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const heard = [await converse("client")];
    const before = count();
    heard.push(await converse("client"), await converse("server"));
    console.log(...heard, count() - before);`;
  assert.equal(await mustRun([Deno.execPath(), "eval", "--quiet", script]), "hello hello hello 0\n");
});

Deno.test("UnixStreamListener.open: says why it cannot", async () => {
  await assert.rejects(UnixStreamListener.open("/nonexistent/socket", () => {}), /ENOENT/);
});

Deno.test({
  name: "closeOnce: listening, accepted and connected, every descriptor is closed once",
  ignore: !canTrace,
  async fn() {
    const script = `import { converse } from "${CONVERSATION}"; await converse("client"); await converse("server");`;
    assert.deepEqual(await doubleCloses([Deno.execPath(), "eval", "--quiet", script]), []);
  },
});
