/** Plugins from elsewhere on a whole node: one that works, the one of the guide, and those that do not work. */
import assert from "node:assert/strict";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import type { DescMessage } from "@bufbuild/protobuf";
import { loadPluginModule } from "../../../core/io/plugin_module.ts";
import type { PluginState } from "../../../core/plugin/plugin_state.ts";
import { planPlugins, type PluginChoice } from "../../../core/node/plugin_setup.ts";
import { splitPluginArguments } from "../../../core/node/plugin_settings.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { LunchMenu } from "../../fixtures/plugins/lunch_menu/mod.ts";
import { PluginNode } from "./plugin_node.ts";

const WAIT_MS = 10_000;
const FIXTURES = new URL("../../fixtures/plugins/", import.meta.url);

async function nodeWith(names: readonly string[], args: readonly string[] = []): Promise<PluginNode> {
  return await PluginNode.start(await plan(names.map((name) => new URL(name, FIXTURES).href), args));
}

async function plan(sources: readonly string[], args: readonly string[] = []): Promise<ReturnType<typeof planPlugins>> {
  const { sections } = splitPluginArguments(args, () => false);
  const choice: PluginChoice = { features: ["nodes"], disabled: [], sections: [sections], environment: {} };
  return planPlugins(await Promise.all(sources.map((source) => loadPluginModule(source))), choice);
}

function stateOf(node: PluginNode, name: string): PluginState {
  const state = node.plugins.list().find((each) => each.name === name);
  assert(state, `no plugin ${name}`);
  return state;
}

Deno.test("a plugin from elsewhere: its service, table, metric, DNS name, option and health line", async () => {
  await using node = await nodeWith(["lunch_menu/mod.ts"], ["--lunch-menu.greeting", "now"]);
  const { cook, ask } = LunchMenu.method;
  assert.deepEqual(stateOf(node, "lunch_menu").health.map(({ code }) => code), ["lunch_menu.hungry"]);
  await assert.rejects(node.client.unary(ask, {}), { reason: "not-found" });
  assert.equal((await node.client.unary(cook, { value: "soup" })).message.value, "day 1");
  assert.equal((await node.client.unary(cook, { value: "rice" })).message.value, "day 2");
  await assert.rejects(node.client.unary(cook, { value: "soup" }), { reason: "precondition" });
  const asked = await node.client.unary(ask, {}, { metadata: { "read-consistency": "linearizable" } });
  assert.equal(asked.message.value, "now: rice");
  assert.equal(asked.trailers.get("read-consistency"), "linearizable");
  assert.deepEqual(stateOf(node, "lunch_menu").health, []);
  const families = await node.plugins.metrics.collect();
  const dishes = families.find(({ name }) => name === "lunch_menu_dishes_total");
  assert.deepEqual(dishes?.series, [
    { labelValues: ["cooked"], value: 2 },
    { labelValues: ["refused"], value: 1 },
  ]);
  assert.deepEqual(node.plugins.dns.records().map(({ name, type }) => `${name} ${type}`), ["lunch TXT"]);
  await node.plugins.disable("lunch_menu");
  assert.deepEqual(node.plugins.dns.records(), []);
  assert.equal(node.plugins.metrics.size, families.length - 1);
  await node.plugins.enable("lunch_menu");
  assert.equal((await node.client.unary(ask, {})).message.value, "now: rice");
});

Deno.test("plugins/README.md: the plugin of the guide does what the guide says", async () => {
  const guide = await Deno.readTextFile(new URL("../../../plugins/README.md", import.meta.url));
  const code = /<!-- guide: guest_book\.ts -->\s*```ts[^\n]*\n([^]*?)\n```/.exec(guide)?.[1];
  assert(code, "the guide has a plugin");
  const folder = await Deno.makeTempDir({ prefix: "weft-guide-" });
  try {
    const path = `${folder}/guest_book.ts`;
    await Deno.writeTextFile(path, `${code}\n`);
    const { GuestBook } = await import(path) as { GuestBook: GuestBookDescriptor };
    await using node = await PluginNode.start(await plan([path], ["--guest-book.words-max", "5"]));
    const { write, read } = GuestBook.method;
    await assert.rejects(node.client.unary(read, { guest: "ada" }), { reason: "not-found" });
    await node.client.unary(write, { guest: "ada", words: "hello" });
    await assert.rejects(node.client.unary(write, { guest: "ada", words: "much more" }), /At most 5 characters/);
    const { message } = await node.client.unary(read, { guest: "ada" });
    assert.equal("words" in message && message.words, "hello");
    const [writes] = (await node.plugins.metrics.collect()).filter(({ name }) => name === "guest_book_writes_total");
    assert.equal(writes?.series[0]?.value, 1);
    assert.deepEqual(node.plugins.dns.records().map(({ name, type }) => `${name} ${type}`), ["guest-book AAAA"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

type GuestBookDescriptor = GenService<{
  write: { methodKind: "unary"; input: DescMessage; output: DescMessage };
  read: { methodKind: "unary"; input: DescMessage; output: DescMessage };
}>;

Deno.test("plugins that do not work: each with its reason, the others and the node are up", async () => {
  await using node = await nodeWith([
    "throws_at_start.ts",
    "wants_more.ts",
    "wants_packets.ts",
    "no_such_file.ts",
    "lunch_menu/mod.ts",
    "lunch_menu/mod.ts",
    "fails_in_the_background.ts",
    "never_starts.ts",
    "never_stops.ts",
    "spins.ts",
  ], ["--wants-more.lisen", "1"]);
  const hasFailed = (name: string) => () => stateOf(node, name).phase === "failed";
  await eventually("the one in the background to fail", hasFailed("fails_in_the_background"), WAIT_MS);
  await eventually("the one that spins to be stopped", hasFailed("spins"), WAIT_MS);
  const states = node.plugins.list().map(({ name, phase, reason }) => [name, phase, reason] as const);
  const reasons = states.map(([name, phase, reason]) => `${name} ${phase} ${reason}`);
  const expected = [
    /^throws_at_start failed no such luck$/,
    /^wants_more failed unknown option "lisen" in --wants-more.lisen$/,
    /^wants_packets failed it needs "packets", which this node does not have: rules for the packet filter come/,
    /^no_such_file failed it cannot be loaded: /,
    /^lunch_menu running $/,
    /^lunch_menu failed there is another plugin "lunch_menu", which is file:.*lunch_menu\/mod.ts$/,
    /^fails_in_the_background failed failed in the background: nobody caught this$/,
    /^never_starts failed start did not settle within 5 s$/,
    /^never_stops running $/,
    /^spins failed kept the thread for \d+ ms, 100 are allowed \(.*3 times within 60 s\)/,
  ];
  assert.equal(reasons.length, expected.length);
  expected.forEach((pattern, i) => assert.match(reasons[i] ?? "", pattern));
  assert(!(await node.plugins.metrics.collect()).some(({ name }) => name.startsWith("throws_at_start")));
  assert.equal((await node.client.unary(LunchMenu.method.cook, { value: "soup" })).message.value, "day 1");
  const status = await node.status();
  assert.equal(status.plugins.filter(({ phase }) => phase === "failed").length, 8);
  assert.equal(status.plugins[0]?.health[0]?.code, "plugin.failed");
  await node.plugins.disable("never_stops");
  assert.match(stateOf(node, "never_stops").reason, /stop did not settle within 1 s/);
});

Deno.test("a plugin that reaches for more than its needs name is told so, and does not run", async () => {
  await using node = await nodeWith(["wants_more.ts"]);
  const { phase, reason } = stateOf(node, "wants_more");
  assert.equal(phase, "failed");
  assert.match(reason, /^The plugin "wants_more" reached for "propose", which its needs do not name\. Add "propose"/);
});

Deno.test("a service that does not say who may call it: the node does not start", async () => {
  await assert.rejects(
    nodeWith(["unsaid_authorisation.ts"]),
    /"\/lunch_menu.LunchMenu\/Cook" does not state who may call it/,
  );
});
