import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { socketPathOf, upAssumptions, upLines } from "../../../core/cli/up.ts";
import { type NodeConfig, parseConfig } from "../../../core/node/config.ts";
import type { OptionName, RawValue } from "../../../core/node/options.ts";
import { type NodeStatus, NodeStatusSchema } from "../../../proto/gen/weft/v1/control_pb.ts";

function assumed(...said: OptionName[]): [OptionName, RawValue][] {
  return [...upAssumptions((name) => said.includes(name))].map(([name, { value }]) => [name, value]);
}

Deno.test("upAssumptions: a new mesh without TLS", () => {
  assert.deepEqual(assumed(), [["bootstrap", true], ["insecure", true]]);
});

Deno.test("upAssumptions: who says how to begin or how to be safe is believed", () => {
  assert.deepEqual(assumed("join"), [["insecure", true]]);
  assert.deepEqual(assumed("bootstrap", "insecure"), []);
  for (const name of ["tls-cert-file", "tls-key-file", "tls-ca-file", "mtls"] as const) {
    assert.deepEqual(assumed(name), [["bootstrap", true]]);
  }
});

const HOST = { dataDir: "/default", denoVersion: "2.9.3" };

function configOf(...flags: [OptionName, RawValue][]): NodeConfig {
  const options = new Map(flags.map(([name, value]) => [name, { value, source: `--${name}` }]));
  return parseConfig([options], { hostName: "nas", dataDir: "/default", features: [] });
}

function statusOf(primaryEndpoint: string, endpoints: string[] = []): NodeStatus {
  const addresses = { ipv4: "172.16.0.1/12", ipv6: "fd00:1:2:1::1/64", grpcPort: 8443, primaryEndpoint, endpoints };
  return create(NodeStatusSchema, { status: { id: "nas" }, addresses });
}

Deno.test("upLines: what to type on a second machine, from the announced address", () => {
  assert.deepEqual(upLines(statusOf("203.0.113.9"), configOf(["insecure", true]), HOST), [
    'This node is "nas" at 172.16.0.1/12 and fd00:1:2:1::1/64.',
    "",
    "On a second machine, as root, run one of:",
    "  weft run --join 203.0.113.9:8443 --insecure",
    "  npx -y deno@2.9.3 task weft run --join 203.0.113.9:8443 --insecure      (in a copy of the sources)",
    "",
    "Then look here:",
    "  weft status",
  ]);
});

Deno.test("upLines: an IPv6 address has brackets, another data directory is named", () => {
  const config = configOf(["insecure", true], ["data-dir", "/other"]);
  const text = upLines(statusOf("", ["2001:db8::9"]), config, HOST).join("\n");
  assert.match(text, /weft run --join \[2001:db8::9\]:8443 --insecure\n/);
  assert.match(text, /weft status --data-dir \/other$/);
  assert.equal(socketPathOf(config), "/other/weft.sock");
});

Deno.test("upLines: with TLS the other machine needs files", () => {
  const config = configOf(["tls-cert-file", "c"], ["tls-key-file", "k"], ["tls-ca-file", "a"]);
  const text = upLines(statusOf("203.0.113.9"), config, HOST).join("\n");
  assert.match(text, /--join 203\.0\.113\.9:8443 --tls-cert-file \S+ --tls-key-file \S+ --tls-ca-file \S+/);
  assert.doesNotMatch(text, /--insecure/);
});

Deno.test("upLines: without an address to announce it says which option helps", () => {
  const lines = upLines(statusOf(""), configOf(["insecure", true]), HOST);
  assert.match(lines.at(-1) ?? "", /--primary-endpoint/);
  assert(!lines.join().includes("--join"));
});
