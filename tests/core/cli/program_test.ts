import assert from "node:assert/strict";
import type { DeviceRequest } from "../../../core/cli/device.ts";
import { type Layout, PLAIN_LAYOUT, styleFor } from "../../../core/cli/format.ts";
import { runProgram, type Surroundings } from "../../../core/cli/program.ts";
import type { RunRequest } from "../../../core/cli/run.ts";
import { parseConfig } from "../../../core/node/config.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { Plugin } from "../../../core/plugin/plugin.ts";
import { FakeNode } from "./fake_node.ts";
import { RecordedOutput } from "./recorded_output.ts";

/** What one command line did. */
interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly requests: readonly RunRequest[];
  readonly devices: readonly DeviceRequest[];
}

interface Setting extends Partial<Omit<Surroundings, "output">> {
  readonly layout?: Layout;
}

async function weft(line: string, { layout = PLAIN_LAYOUT, ...around }: Setting = {}): Promise<Result> {
  const recorded = new RecordedOutput(layout);
  const requests: RunRequest[] = [];
  const devices: DeviceRequest[] = [];
  const code = await runProgram(line.split(" ").filter((word) => word !== ""), {
    output: recorded.output,
    environment: {},
    dataDir: "/nonexistent",
    runNode: (request) => {
      requests.push(request);
      return Promise.resolve(0);
    },
    runDevice: (request) => {
      devices.push(request);
      return Promise.resolve(0);
    },
    readStdin: () => Promise.resolve(""),
    stdinLines: () => ({ isTerminal: false, async *lines() {} }),
    ...around,
  });
  return { code, out: recorded.out, err: recorded.err, requests, devices };
}

Deno.test("runProgram: without a command, help on standard error and exit code 2", async () => {
  for (const line of ["", "keys"]) {
    const { code, out, err } = await weft(line);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, /^Usage: weft /);
  }
});

Deno.test("runProgram: help on request goes to standard output, with exit codes and examples", async () => {
  const lines = ["--help", "-h", "help"];
  for (const line of lines) {
    const { code, out, err } = await weft(line);
    assert.equal(code, 0);
    assert.equal(err, "");
    for (const command of ["run", "up", "status", "nodes", "plugins", "leave", "device", "keys", "version"]) {
      assert.match(out, new RegExp(`^  ${command} `, "m"));
    }
    for (const exit of ["0  ok", "1  failed", "2  ", "3  ", "4  ", "5  ", "6  ", "8  "]) {
      assert(out.includes(`  ${exit}`));
    }
    assert.match(out, /weft run --bootstrap/);
    assert.match(out, /WEFT_NODE_ID/);
  }
});

Deno.test("runProgram: every command has help of its own", async () => {
  const commands = [
    "run",
    "up",
    "status",
    "nodes",
    "plugins",
    "leave",
    "device",
    "keys",
    "keys generate",
    "keys public",
    "version",
  ];
  for (const command of commands) {
    const { code, out } = await weft(`${command} --help`);
    assert.equal(code, 0, command);
    assert.match(out, new RegExp(`^Usage: weft ${command} [^]*\n\n\\S`), command);
    assert.match(out, /-h, --help/, command);
  }
  assert.match((await weft("status --help")).out, /--data-dir <DIR> .*\(default:\s+\/nonexistent\)/);
});

Deno.test("runProgram: help fits a narrow terminal, and has colours only where they are wanted", async () => {
  const { out } = await weft("run --help", { layout: { style: styleFor(true), columns: 60 } });
  assert(out.includes(styleFor(true).bold("Mesh:")));
  // deno-lint-ignore no-control-regex -- colours are what is taken out
  const plain = out.replace(/\u001b\[\d+m/g, "");
  // Usage and examples are one line each, to be copied.
  const options = plain.split("\n").filter((line) => /^ {2,}-/.test(line));
  assert(options.length > 20, plain);
  for (const line of options) assert(line.length <= 60, line);
  assert(!(await weft("run --help")).out.includes("\u001b"));
});

Deno.test("runProgram: --version says what the command says", async () => {
  const { code, out } = await weft("version");
  assert.equal(code, 0);
  for (const line of ["--version", "-V"]) {
    assert.deepEqual({ ...await weft(line) }, { code, out, err: "", requests: [], devices: [] });
  }
});

Deno.test("runProgram: what cannot be understood is one line, a way out, and exit code 2", async () => {
  const cases: [string, string, string][] = [
    ["rnu", 'Unknown command "rnu". Did you mean run?', "weft --help"],
    ["--x", 'Unknown option "--x"', "weft --help"],
    ["run --mto 1", 'Unknown option "--mto". Did you mean --mtu?', "weft run --help"],
    ["run --mtu", 'Option "--mtu <N>" argument missing', "weft run --help"],
    ["run a", 'Too many arguments for "run". Expected 0 arguments but got 1: a', "weft run --help"],
    ["status a b", 'Too many arguments for "status". Expected 1 argument but got 2: a, b', "weft status --help"],
    ["keys pubic", 'Unknown command "pubic". Did you mean public?', "weft keys --help"],
  ];
  for (const [line, message, help] of cases) {
    assert.deepEqual(await weft(line), {
      code: 2,
      out: "",
      err: `error: ${message}\nnext: See: ${help}\n`,
      requests: [],
      devices: [],
    });
  }
});

Deno.test("runProgram: hostile arguments cannot drive the terminal", async () => {
  const { err } = await weft("\u001b[2Jrun");
  assert.match(err, /"\?\[2Jrun"/);
  assert(!err.includes("\u001b"));
});

Deno.test("runProgram: errors are JSON where JSON was asked for", async () => {
  const { code, out, err } = await weft("status --json");
  assert.equal(code, 3);
  assert.equal(out, "");
  const { hint, ...rest } = JSON.parse(err);
  assert.deepEqual(rest, { schemaVersion: 1, code: 3, error: 'No node listens on "/nonexistent/weft.sock"' });
  assert.equal(typeof hint, "string");
  assert.equal(JSON.parse((await weft("status --json --x")).err).code, 2);
});

Deno.test("runProgram: what nobody expected has no stack, unless it was asked for", async () => {
  const runNode = () => Promise.reject(new TypeError("x is not a function"));
  const quiet = await weft("run", { runNode });
  assert.equal(quiet.code, 1);
  assert.match(quiet.err, /^error: x is not a function\nnext: .*WEFT_LOG_LEVEL=debug.*\n$/);
  const loud = await weft("run", { runNode, environment: { WEFT_LOG_LEVEL: "debug" } });
  assert.match(loud.err, /program_test\.ts:\d+/);
  const explained = () => Promise.reject(new MeshError("no-leader", "no leader"));
  const { code, err } = await weft("run", { runNode: explained, environment: { WEFT_LOG_LEVEL: "debug" } });
  assert.equal(code, 8);
  assert.equal(err, "error: no leader\n");
});

Deno.test("runProgram: run passes flags and file, and its exit code on", async () => {
  const { code, requests } = await weft("run --join a:1 --join b:2 --no-ipv4 --config w.yaml", {});
  assert.equal(code, 0);
  const [request] = requests;
  assert.equal(request?.configPath, "w.yaml");
  assert.deepEqual([...request?.flags ?? []], [
    ["join", { value: ["a:1", "b:2"], source: "--join" }],
    ["no-ipv4", { value: true, source: "--no-ipv4" }],
  ]);
  assert.equal(request?.assume, undefined);
  assert.equal((await weft("run", { runNode: () => Promise.resolve(4) })).code, 4);
});

Deno.test("runProgram: up assumes, and says how to join once the node is ready", async () => {
  await using node = await FakeNode.start({
    status: () => ({
      status: { id: "nas" },
      addresses: { ipv4: "172.16.0.1/12", primaryEndpoint: "203.0.113.9", grpcPort: 8443 },
    }),
  });
  const { out, code } = await weft("up", {
    async runNode({ flags, assume, onReady }) {
      const assumed = assume?.(() => false) ?? new Map();
      const config = parseConfig([flags, assumed], { hostName: "nas", dataDir: node.dataDir, features: [] });
      assert.equal(config.origin.kind, "bootstrap");
      assert.equal(config.tls.kind, "insecure");
      await onReady?.(config);
      return 0;
    },
  });
  assert.equal(code, 0);
  assert.match(out, /weft run --join 203\.0\.113\.9:8443 --insecure\n/);
  assert(out.includes(`deno@${Deno.version.deno} task weft run --join 203.0.113.9:8443`));
  assert(out.endsWith(`weft status --data-dir ${node.dataDir}\n`));
});

Deno.test("runProgram: client commands find the node by directory, socket and server", async () => {
  await using node = await FakeNode.start({
    status: (id) => ({ status: { id: `<${id}>` } }),
    nodes: () => [{ id: "a" }],
  });
  const ways = [
    `--data-dir ${node.dataDir}`,
    `--socket ${node.dataDir}/weft.sock`,
    `--server ${node.address} --insecure`,
  ];
  for (const way of ways) {
    assert.match((await weft(`status nas ${way}`)).out, /^<nas> /, way);
    assert.match((await weft(`nodes ${way}`)).out, /\na /, way);
  }
  const environment = { WEFT_DATA_DIR: node.dataDir };
  assert.equal(JSON.parse((await weft("status --json", { environment })).out).id, "<>");
  assert.equal((await weft("leave", { dataDir: node.dataDir })).code, 0);
});

Deno.test("runProgram: keys", async () => {
  const { out: key, code } = await weft("keys generate");
  assert.equal(code, 0);
  assert.match(key, /^[A-Za-z0-9+/]{43}=\n$/);
  const readStdin = () => Promise.resolve("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n");
  assert.equal((await weft("keys public", { readStdin })).out, "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n");
  const wrong = await weft("keys public", { readStdin: () => Promise.resolve("secret") });
  assert.equal(wrong.code, 1);
  assert.doesNotMatch(wrong.err, /secret/);
});

Deno.test("runProgram: device takes a name, and the flag that wireguard-go needs", async () => {
  const request = { interfaceName: "wg0", logLevel: "info", logFormat: "auto" };
  for (const line of ["device wg0", "device -f wg0", "device --foreground wg0"]) {
    const { code, devices } = await weft(line);
    assert.deepEqual([code, devices], [0, [request]], line);
  }
  const { devices } = await weft("device wg0 --log-level debug --log-format json");
  assert.deepEqual(devices, [{ ...request, logLevel: "debug", logFormat: "json" }]);
  assert.match((await weft("device --help")).out, /WG_QUICK_USERSPACE_IMPLEMENTATION/);
});

Deno.test("runProgram: device says what is wrong with a name or a log, with exit code 2", async () => {
  for (
    const [line, message] of [
      ["device", /[Mm]issing required argument "INTERFACE"/],
      ["device wg0 wg1", /too many arguments/i],
      ["device sixteen-letters0", /has 16 characters, Linux allows 15/],
      ["device a/b", /"a\/b" is not valid/],
      ["device wg0 --log-level loud", /log level "loud": expected one of debug, info, warn, error/],
      ["device wg0 --mtu 5", /Unknown option "--mtu"/],
    ] as const
  ) {
    const { code, err, devices } = await weft(line);
    assert.equal(code, 2, line);
    assert.match(err, message);
    assert.deepEqual(devices, []);
  }
});

Deno.test("runProgram: options of plugins go to the node, and their help stands with its help", async () => {
  const plugins: readonly Plugin[] = [{
    name: "mesh_dns",
    summary: "names of nodes",
    needs: [],
    options: [
      { name: "listen", kind: "text", placeholder: "HOST:PORT", help: "where it answers", defaultText: "[::]:5353" },
      { name: "quiet", kind: "flag", help: "says less" },
    ],
    configure: () => () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() }),
  }];
  const { code, requests: [request] } = await weft("run --mesh-dns.quiet --mtu 1300 --mesh_dns.listen :53", {
    plugins,
  });
  assert.equal(code, 0);
  const section = request?.pluginFlags?.get("mesh_dns");
  assert.deepEqual([...section?.options ?? []].map(([name, { value }]) => [name, value]), [
    ["quiet", true],
    ["listen", ":53"],
  ]);
  assert.equal(request?.flags.get("mtu")?.value, "1300");
  const { out } = await weft("run --help", { plugins });
  assert.match(
    out,
    /Plugin mesh_dns \(names of nodes\):\n {2}--mesh-dns.listen <HOST:PORT> +where it answers \(default: /,
  );
  assert.equal((await weft("status --mesh-dns.listen :53", { plugins })).code, 2);
});

Deno.test("runProgram: weft plugins prints what plugins do, as a table and as JSON", async () => {
  const health = [{ code: "plugin.failed", severity: "medium", text: "It does not run: no luck", fix: "Look." }];
  const listed = [
    { name: "mesh_api", phase: "running", source: "built in", summary: "nodes over gRPC" },
    { name: "guest", phase: "failed", reason: "no luck", source: "./guest.ts\u001b[31m", summary: "", health },
  ];
  await using node = await FakeNode.start({ status: () => ({ plugins: listed }) });
  const { out } = await weft("plugins", node.host);
  assert.match(out, /^PLUGIN +STATE +SINCE +FROM +WHAT IT IS\nmesh_api +running /);
  assert.match(out, /! plugin.failed: It does not run: no luck\n {2}Look\.\n/);
  assert(!out.includes("\u001b"));
  const json = JSON.parse((await weft("plugins --json", node.host)).out);
  assert.deepEqual(json.plugins.map(({ name, phase, reason }: Record<string, unknown>) => [name, phase, reason]), [
    ["mesh_api", "running", ""],
    ["guest", "failed", "no luck"],
  ]);
});
