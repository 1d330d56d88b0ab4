import assert from "node:assert/strict";
import { readHostFacts } from "../../../core/io/host_facts_linux.ts";

Deno.test("readHostFacts: this host has a name, memory, a root disk and addresses", async () => {
  const facts = await readHostFacts();
  assert.equal(facts.hostname, Deno.hostname());
  assert(facts.memory.total > facts.memory.free && facts.memory.free > 0);
  assert(facts.cpu.userMs > 0 && facts.bootWallMs > 0 && facts.bootWallMs < Date.now());
  assert(facts.addresses.some((text) => /^127\.0\.0\.1\/8$/.test(text)));
  assert(facts.kernelVersion !== "" && facts.os.platform !== "" && facts.timezone !== "");
  for (const { total, free } of facts.disks) assert(total >= free);
});
