import assert from "node:assert/strict";
import { CONFIG_FILE_BYTES_MAX, parseConfigText } from "../../../core/node/config_text.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";

function refused(path: string, text: string, pattern: RegExp): void {
  assert.throws(
    () => parseConfigText(path, text),
    (error) => error instanceof ConfigError && pattern.test(error.message),
  );
}

Deno.test("parseConfigText: YAML, JSON and TOML say the same", () => {
  const yaml = "node-id: a\njoin: [192.0.2.1:8443]\ninsecure: true\nmtu: 1400\n";
  const json = '{"node-id": "a", "join": ["192.0.2.1:8443"], "insecure": true, "mtu": 1400}';
  const toml = 'node-id = "a"\njoin = ["192.0.2.1:8443"]\ninsecure = true\nmtu = 1400\n';
  const values = [["w.yaml", yaml], ["w.json", json], ["w.toml", toml]].map(([path, text]) =>
    [...parseConfigText(path ?? "", text ?? "").options].map(([name, option]) => [name, option.value])
  );
  assert.deepEqual(values[0], [["node-id", "a"], ["join", ["192.0.2.1:8443"]], ["insecure", true], ["mtu", 1400]]);
  assert.deepEqual(values[1], values[0]);
  assert.deepEqual(values[2], values[0]);
});

Deno.test("parseConfigText: unknown keys name file, line and the likely key", () => {
  refused(
    "w.yaml",
    "mtu: 1400\ngrpc-lisen: '[::]:1'\n",
    /Unknown key "grpc-lisen" in w.yaml line 2\. Did you mean "grpc-listen"\?/,
  );
  refused("w.toml", 'mtu = 1400\n\ngrpc-lisen = "x"\n', /in w.toml line 3\. Did you mean "grpc-listen"/);
  refused("w.json", '{\n  "nodeid": "a"\n}', /in w.json line 2\. Did you mean "node-id"/);
});

Deno.test("parseConfigText: syntax errors and wrong kinds name the line", () => {
  refused("w.yaml", "a: 1\n  b: 2\n", /Cannot parse w.yaml line \d/);
  refused("w.toml", "mtu = \n", /Cannot parse w.toml line 1/);
  refused("w.yaml", "mtu: fast\n", /key "mtu" in w.yaml line 1: expected a number/);
  refused("w.yaml", "insecure: 'yes'\n", /expected true or false/);
  refused("w.yaml", "mtu: 1\nmtu: 2\n", /w.yaml line 2/);
  refused("w.yaml", "- a\n", /expected keys and values/);
});

Deno.test("parseConfigText: an empty file is no options, a huge one is refused", () => {
  assert.equal(parseConfigText("w.yaml", "# nothing\n").options.size, 0);
  refused("w.yaml", "#".repeat(CONFIG_FILE_BYTES_MAX + 1), /longer than/);
});

Deno.test("parseConfigText: sections of plugins, by either spelling, with where each option stands", () => {
  for (
    const [path, text] of [
      ["w.yaml", "mtu: 1300\nmesh-dns:\n  listen: '[::]:53'\n  tsig_key: k\n  forward: [a, b]\n"],
      ["w.toml", "mtu = 1300\n[mesh_dns]\nlisten = '[::]:53'\ntsig-key = 'k'\nforward = ['a', 'b']\n"],
    ]
  ) {
    const { options, sections } = parseConfigText(path ?? "", text ?? "");
    assert.equal(options.get("mtu")?.value, 1300);
    const section = sections.get("mesh_dns");
    assert.equal(section?.source, `${path} line 2`);
    assert.deepEqual([...section?.options ?? []].map(([name, { value }]) => [name, value]), [
      ["listen", "[::]:53"],
      ["tsig-key", "k"],
      ["forward", ["a", "b"]],
    ]);
  }
  refused("w.yaml", "a_b: {}\na-b: {}\n", /second section/);
  refused("w.yaml", "dns:\n  listen:\n    deep: 1\n", /Cannot use key "dns.listen" in w.yaml line 1/);
});
