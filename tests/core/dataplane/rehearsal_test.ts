import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { allocateLoopMemory } from "../../../core/dataplane/packet_loop.ts";
import { type Rehearsal, rehearse } from "../../../core/dataplane/rehearsal.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { whyNoPrivateNetwork } from "../io/private_network.ts";

const ignore = whyNoPrivateNetwork() !== undefined;
/** Both scenes, both families, with some for what the kernel does late. */
const TURNS_MAX = 10_000;
/** Both ends' first turns, and the patience for a handshake. */
const TURNS_ALONE_MAX = 40;

async function inProcessOfItsOwn(...args: string[]): Promise<Rehearsal & { before: number; after: number }> {
  const program = new URL("./rehearsal_descriptors.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, ...args],
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(text.startsWith("{"), new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

Deno.test("rehearse: packets go to and fro, in a bounded number of turns, and no descriptor stays open", async () => {
  const { whyNot, turnCount, before, after } = await inProcessOfItsOwn();
  assert.equal(whyNot, undefined);
  assert.ok(turnCount > 2_000 && turnCount <= TURNS_MAX, `${turnCount} turns`);
  assert.equal(after, before);
});

Deno.test("rehearse: works with whatever cryptography there is", () => {
  using libc = Libc.open();
  assert.equal(rehearse({ libc, suite: nobleSuite, memory: allocateLoopMemory() }).whyNot, undefined);
});

Deno.test({
  name: "rehearse: on a host whose loopback interface is down it says so, soon, and leaves nothing open",
  ignore,
  async fn() {
    const { whyNot, turnCount, before, after } = await inProcessOfItsOwn("alone");
    assert.ok(whyNot, "nothing arrives");
    assert.ok(turnCount <= TURNS_ALONE_MAX, `${turnCount} turns`);
    assert.equal(after, before);
  },
});
