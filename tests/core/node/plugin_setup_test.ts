import assert from "node:assert/strict";
import { type FoundPlugin, planPlugins, type PluginChoice } from "../../../core/node/plugin_setup.ts";
import { type PluginSections, splitPluginArguments } from "../../../core/node/plugin_settings.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { OptionReader, type PluginOption } from "../../../core/plugin/options.ts";
import { Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { parseConfigText } from "../../../core/node/config_text.ts";

const OPTIONS: readonly PluginOption[] = [
  { name: "listen", kind: "text", help: "where", defaultText: ":53" },
  { name: "ttl-s", kind: "number", help: "how long", defaultText: "10" },
  { name: "quiet", kind: "flag", help: "says less" },
  { name: "forward", kind: "list", help: "to whom" },
];

/** What the plugin was configured with. */
const told: unknown[] = [];

function found(changes: Readonly<Record<string, unknown>> = {}, source = "built in"): FoundPlugin {
  const value = {
    name: "mesh_dns",
    summary: "names",
    needs: ["log"],
    options: OPTIONS,
    feature: Feature.MESH_DNS,
    configure: (raw: unknown) => {
      told.push(raw);
      new OptionReader(raw, OPTIONS).integer("ttl-s", 1, 100);
      return () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
    ...changes,
  };
  return { source, moduleUrl: undefined, value };
}

function choice(changes: Partial<PluginChoice> = {}): PluginChoice {
  return { features: ["nodes", "mesh-dns"], disabled: [], sections: [], environment: {}, ...changes };
}

function flags(...args: string[]): PluginSections {
  return splitPluginArguments(args, (_plugin, option) => option === "quiet").sections;
}

Deno.test("planPlugins: command line before environment before file before defaults", () => {
  const file = parseConfigText("w.yaml", "mesh-dns:\n  listen: file\n  ttl_s: 20\n  forward: [a, b]\n").sections;
  const environment = { WEFT_MESH_DNS_LISTEN: "variable", WEFT_MESH_DNS_TTL_S: "30", WEFT_OTHER: "x" };
  const sections = [flags("--mesh_dns.listen=flag", "--mesh-dns.quiet"), file];
  const [plugin] = planPlugins([found()], choice({ sections, environment }));
  assert.equal(plugin?.problem, undefined);
  assert.deepEqual(told.pop(), { listen: "flag", quiet: true, "ttl-s": "30", forward: ["a", "b"] });
});

Deno.test("planPlugins: what cannot be used is said with where it stands, and the plugin is not started", () => {
  const file = parseConfigText("w.yaml", "mesh_dns:\n  ttl-s: 1000\n").sections;
  const cases: [Partial<PluginChoice>, RegExp][] = [
    [
      { sections: [flags("--mesh-dns.lisen", "x")] },
      /^unknown option "lisen" in --mesh-dns.lisen. Did you mean "listen"\?$/,
    ],
    [
      { sections: [flags(), file] },
      /^Cannot use ttl-s "1000": expected a number from 1 to 100 \(mesh_dns.ttl-s of w.yaml\)$/,
    ],
    [{ environment: { WEFT_MESH_DNS_QUIET: "perhaps" } }, /^Cannot use WEFT_MESH_DNS_QUIET: expected true or false$/],
  ];
  for (const [changes, pattern] of cases) {
    const [plugin] = planPlugins([found()], choice(changes));
    assert.match(plugin?.problem ?? "", pattern);
    assert.throws(() => plugin?.start());
  }
});

Deno.test("planPlugins: features and --disable decide; one from elsewhere was asked for by naming it", () => {
  const isEnabled = (plugin: FoundPlugin, changes: Partial<PluginChoice> = {}) =>
    planPlugins([plugin], choice(changes))[0]?.isEnabled;
  assert.equal(isEnabled(found()), true);
  assert.equal(isEnabled(found(), { features: ["nodes"] }), false);
  assert.equal(isEnabled(found({ feature: undefined }), { features: ["nodes"] }), true);
  assert.equal(isEnabled(found({ feature: undefined }), { disabled: ["mesh-dns"] }), false);
  assert.equal(isEnabled(found({}, "./mesh_dns.ts"), { features: ["nodes"] }), true);
});

Deno.test("planPlugins: values that are no plugins, needs that cannot be met, names that are taken", () => {
  const cases: [Readonly<Record<string, unknown>>, RegExp][] = [
    [{ name: "Mesh-DNS" }, /^its name "Mesh-DNS" is not lower case words/],
    [{ summary: undefined }, /no summary/],
    [{ needs: undefined }, /no list of needs/],
    [{ needs: ["lag"] }, /^it needs "lag", and there is no such capability. Did you mean "log"\?$/],
    [{ needs: ["udp"] }, /^it needs "udp", which this node does not have: datagrams of the WireGuard port/],
    [{ needs: ["privateKey"] }, /there is no such capability/],
    [{ options: [{ name: "x" }] }, /no table/],
    [{ configure: 1 }, /no function configure/],
    [{ configure: () => 1 }, /configure did not return a function/],
    [{ feature: 99 }, /not in the Feature enum/],
  ];
  for (const [changes, pattern] of cases) {
    assert.match(planPlugins([found(changes)], choice())[0]?.problem ?? "", pattern);
  }
  const [, second] = planPlugins([found(), found({}, "./mine.ts")], choice());
  assert.equal(second?.problem, 'there is another plugin "mesh_dns", which is built in');
});

Deno.test("planPlugins: what is said to a plugin that there is not is a matter of usage", () => {
  const refused = (changes: Partial<PluginChoice>, pattern: RegExp) =>
    assert.throws(
      () => planPlugins([found()], choice(changes)),
      (error) => error instanceof ConfigError && pattern.test(error.message),
    );
  refused({ disabled: ["mesh-dn"] }, /Cannot leave out the plugin "mesh-dn": there is none. Did you mean "mesh_dns"/);
  refused(
    { sections: [flags("--mesh-dsn.listen", "x")] },
    /Unknown plugin "mesh-dsn" in --mesh-dsn.listen. Did you mean/,
  );
});

Deno.test("splitPluginArguments: takes out options of plugins and nothing else", () => {
  const args = ["run", "--a.x", "1", "--mtu", "1300", "--a.flag", "--b-c.y=", "--a.x", "2", "--b_c.last"];
  const { rest, sections } = splitPluginArguments(args, () => false);
  assert.deepEqual(rest, ["run", "--mtu", "1300"]);
  const values = (name: string) => [...sections.get(name)?.options ?? []].map(([key, { value }]) => [key, value]);
  assert.deepEqual(values("a"), [["x", ["1", "2"]], ["flag", true]]);
  assert.deepEqual(values("b_c"), [["y", ""], ["last", true]]);
});
