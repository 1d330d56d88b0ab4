import assert from "node:assert/strict";
import { UnixStreamListener } from "../../../core/io/unix_stream.ts";
import { canTrace, doubleCloses } from "./double_closes.ts";
import { converse } from "./unix_conversation.ts";

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("UnixStreamListener: bytes both ways, whoever ends, and no descriptor is left", async () => {
  assert.equal(await converse("client"), "hello");
  const before = openDescriptors();
  for (const first of ["client", "server"] as const) assert.equal(await converse(first), "hello");
  assert.equal(openDescriptors(), before);
});

Deno.test("UnixStreamListener.open: says why it cannot", async () => {
  await assert.rejects(UnixStreamListener.open("/nonexistent/socket", () => {}), /ENOENT/);
});

Deno.test({
  name: "closeOnce: listening, accepted and connected, every descriptor is closed once",
  ignore: !canTrace,
  async fn() {
    const module = new URL("unix_conversation.ts", import.meta.url).href;
    const script = `import { converse } from "${module}"; await converse("client"); await converse("server");`;
    assert.deepEqual(await doubleCloses([Deno.execPath(), "eval", "--quiet", script]), []);
  },
});
