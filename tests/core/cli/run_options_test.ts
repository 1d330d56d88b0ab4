import assert from "node:assert/strict";
import { Command } from "commander";
import { addRunOptions, givenOptions } from "../../../core/cli/run_options.ts";
import { type RawOptions, RUN_OPTIONS } from "../../../core/node/options.ts";

function parse(...args: string[]): RawOptions {
  const command = addRunOptions(new Command("run"), { dataDir: "/data" }).exitOverride().configureOutput({
    writeErr: () => {},
  });
  command.parse(args, { from: "user" });
  return givenOptions(command);
}

/** Every flag on one command line, and what is to come out. */
const ALL: readonly (readonly [args: readonly string[], name: string, value: unknown])[] = [
  [["--bootstrap"], "bootstrap", true],
  [["--join", "a:1,b:2", "--join", "[::1]:3"], "join", ["a:1,b:2", "[::1]:3"]],
  [["--as-voter"], "as-voter", true],
  [["--node-id", "nas"], "node-id", "nas"],
  [["--data-dir", "/d"], "data-dir", "/d"],
  [["--in-memory"], "in-memory", true],
  [["--primary-endpoint", "192.0.2.1"], "primary-endpoint", "192.0.2.1"],
  [["--endpoint", "192.0.2.2", "--endpoint", "2001:db8::2"], "endpoint", ["192.0.2.2", "2001:db8::2"]],
  [["--ipv4-network", "10.83.0.0/16"], "ipv4-network", "10.83.0.0/16"],
  [["--no-ipv4"], "no-ipv4", true],
  [["--no-ipv6"], "no-ipv6", true],
  [["--grpc-listen", "[::]:1"], "grpc-listen", "[::]:1"],
  [["--raft-listen", "[::]:2"], "raft-listen", "[::]:2"],
  [["--wireguard-listen-port", "3"], "wireguard-listen-port", "3"],
  [["--interface", "weft1"], "interface", "weft1"],
  [["--mtu", "1400"], "mtu", "1400"],
  [["--insecure"], "insecure", true],
  [["--tls-cert-file", "c"], "tls-cert-file", "c"],
  [["--tls-key-file", "k"], "tls-key-file", "k"],
  [["--tls-ca-file", "a"], "tls-ca-file", "a"],
  [["--mtls"], "mtls", true],
  [["--feature", "nodes", "--feature", "all"], "feature", ["nodes", "all"]],
  [["--plugin", "./a.ts"], "plugin", ["./a.ts"]],
  [["--disable", "admin-api"], "disable", ["admin-api"]],
  [["--log-level", "debug"], "log-level", "debug"],
  [["--log-format", "json"], "log-format", "json"],
];

Deno.test("givenOptions: every option of the table, together and alone", () => {
  assert.deepEqual(ALL.map(([, name]) => name), RUN_OPTIONS.map(({ name }) => name), "the table is complete");
  const given = parse(...ALL.flatMap(([args]) => args));
  for (const [args, name, value] of ALL) {
    assert.deepEqual(new Map(given).get(name as never), { value, source: `--${name}` });
    assert.deepEqual([...parse(...args)], [[name, { value, source: `--${name}` }]]);
  }
});

Deno.test("givenOptions: what is not on the command line leaves room for other sources", () => {
  assert.equal(parse().size, 0);
  assert.equal(parse("--config", "weft.yaml").size, 0, "the file is no option of a node");
});

Deno.test("givenOptions: of an option that takes one value the last one counts", () => {
  assert.equal(parse("--mtu", "1300", "--mtu", "1400").get("mtu")?.value, "1400");
});

Deno.test("addRunOptions: unknown options, missing values and values for flags are refused", () => {
  for (const args of [["--mto", "1"], ["--mtu"], ["--insecure=maybe"], ["--ipv4"], ["--no-mtu"]]) {
    assert.throws(() => parse(...args), /error: /, args.join(" "));
  }
});

Deno.test("addRunOptions: the help has every option and every default under a heading", () => {
  const help = addRunOptions(new Command("run"), { dataDir: "/data" }).configureHelp({ helpWidth: 200 })
    .helpInformation();
  for (const spec of RUN_OPTIONS) {
    const line = help.split("\n").find((text) => new RegExp(`^  --${spec.name}( |$)`).test(text));
    assert(line, spec.name);
    if ("defaultText" in spec) assert(line.includes(`(default: ${spec.defaultText})`), line);
    if (spec.kind === "list") assert(line.includes("may be repeated"), line);
  }
  assert.match(help, /--data-dir <DIR> .*\(default: \/data\)/);
  assert.match(help, /--config <FILE>/);
  for (const heading of ["Mesh:", "Node:", "Addresses:", "Ports and interface:", "Transport security:", "Log:"]) {
    assert(help.includes(`\n${heading}\n`), heading);
  }
  assert.match(help, /\nOptions:\n +-h, --help/, "nothing else is left without a heading");
});
