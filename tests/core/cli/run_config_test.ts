import assert from "node:assert/strict";
import { UsageError } from "../../../core/cli/exit.ts";
import {
  type ConfigHost,
  type ConfigRequest,
  misspeltVariables,
  readNodeConfig,
} from "../../../core/cli/run_config.ts";
import type { FileText } from "../../../core/io/process.ts";
import type { NodeConfig } from "../../../core/node/config.ts";
import type { OptionName, RawOptions, RawValue } from "../../../core/node/options.ts";

function flags(values: Partial<Record<OptionName, RawValue>>): RawOptions {
  return new Map(
    Object.entries(values).map(([name, value]) => [name as OptionName, { value: value ?? "", source: `--${name}` }]),
  );
}

interface Setting {
  readonly flags?: Partial<Record<OptionName, RawValue>>;
  readonly configPath?: string;
  readonly environment?: Record<string, string>;
  readonly files?: Record<string, FileText>;
  readonly assume?: ConfigRequest["assume"];
}

async function read({ environment = {}, files = {}, ...request }: Setting): Promise<NodeConfig> {
  const host: ConfigHost = {
    environment,
    defaults: { hostName: "host", dataDir: "/default", features: [] },
    readFile: (path) => Promise.resolve(files[path] ?? { kind: "absent" }),
  };
  const assume = request.assume === undefined ? {} : { assume: request.assume };
  const asked = { flags: flags(request.flags ?? {}), configPath: request.configPath, ...assume };
  return (await readNodeConfig(asked, host)).node;
}

async function refused(setting: Setting, pattern: RegExp): Promise<void> {
  await assert.rejects(read(setting), (error) => error instanceof UsageError && pattern.test(error.message));
}

const FILE: FileText = { kind: "text", text: "insecure: true\nnode-id: file\nmtu: 1300\ninterface: file0\n" };

Deno.test("readNodeConfig: flags before environment before file before assumptions before defaults", async () => {
  const config = await read({
    flags: { "node-id": "flag" },
    environment: { WEFT_NODE_ID: "variable", WEFT_MTU: "1350" },
    configPath: "w.yaml",
    files: { "w.yaml": FILE },
    assume: () => flags({ "node-id": "assumed", mtu: 1, interface: "assumed0", "raft-listen": "[::1]:1" }),
  });
  assert.equal(config.nodeId, "flag");
  assert.equal(config.mtu, 1350);
  assert.equal(config.interfaceName, "file0");
  assert.deepEqual(config.raftListen, { host: "::1", port: 1 });
  assert.deepEqual(config.grpcListen, { host: "::", port: 8443 });
  assert.equal(config.dataDir, "/default");
});

Deno.test("readNodeConfig: WEFT_CONFIG stands in for --config, and an empty one for none", async () => {
  const files = { "a.yaml": FILE, "b.yaml": { kind: "text", text: "insecure: true\nnode-id: b\n" } as const };
  const environment = { WEFT_CONFIG: "a.yaml" };
  assert.equal((await read({ environment, files })).nodeId, "file");
  assert.equal((await read({ environment, files, configPath: "b.yaml" })).nodeId, "b");
  assert.equal((await read({ environment: { WEFT_CONFIG: "", WEFT_INSECURE: "true" } })).nodeId, "host");
});

Deno.test("readNodeConfig: assumptions see what every source says", async () => {
  const asked: Partial<Record<OptionName, boolean>> = {};
  await read({
    flags: { insecure: true },
    environment: { WEFT_MTU: "1400" },
    configPath: "w.yaml",
    files: { "w.yaml": { kind: "text", text: "join: ['a:1']" } },
    assume(isSaid) {
      for (const name of ["insecure", "mtu", "join", "bootstrap"] as const) asked[name] = isSaid(name);
      return new Map();
    },
  });
  assert.deepEqual(asked, { insecure: true, mtu: true, join: true, bootstrap: false });
});

Deno.test("readNodeConfig: files that cannot be read are a matter of usage, by name", async () => {
  const files: Record<string, FileText> = {
    "big": { kind: "too-long" },
    "dir": { kind: "unreadable", why: "Is a directory" },
    "bad.yaml": { kind: "text", text: "insecure: true\nmto: 1\n" },
  };
  await refused({ configPath: "none", files }, /"none": there is no such file/);
  await refused({ configPath: "big", files }, /"big": longer than/);
  await refused({ configPath: "dir", files }, /"dir": Is a directory/);
  await refused({ configPath: "bad.yaml", files }, /"mto" in bad\.yaml line 2\. Did you mean "mtu"\?/);
});

Deno.test("readNodeConfig: every complaint names its source and keeps its hint", async () => {
  await refused({ flags: { insecure: true, mtu: "1" } }, /mtu "1" from --mtu/);
  await refused({ flags: { insecure: true }, environment: { WEFT_MTU: "1" } }, /mtu "1" from WEFT_MTU/);
  await refused({ environment: { WEFT_INSECURE: "maybe" } }, /WEFT_INSECURE="maybe"/);
  await assert.rejects(read({}), (error) => error instanceof UsageError && /insecure/.test(error.hint ?? ""));
});

Deno.test("misspeltVariables: only near misses of our own prefix", () => {
  const environment = {
    WEFT_NODE_ID: "a",
    WEFT_CONFIG: "a",
    WEFT_SOCKET: "a",
    WEFT_SERVER: "a",
    WEFT_NODEID: "a",
    WEFT_PRIMARY_ENDPONT: "a",
    WEFT_SERVICE_HOST_AND_MORE: "a",
    WEFTY_MTU: "a",
    PATH: "a",
  };
  assert.deepEqual(misspeltVariables(environment), [
    { variable: "WEFT_NODEID", likely: "WEFT_NODE_ID" },
    { variable: "WEFT_PRIMARY_ENDPONT", likely: "WEFT_PRIMARY_ENDPOINT" },
  ]);
});
