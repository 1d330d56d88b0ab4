import assert from "node:assert/strict";
import {
  formatHostPort,
  type HostDefaults,
  optionsFromEnvironment,
  parseConfig,
  parseHostPort,
} from "../../../core/node/config.ts";
import { parseConfigText } from "../../../core/node/config_text.ts";
import type { OptionName, RawOption, RawOptions, RawValue } from "../../../core/node/options.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";

const HOST: HostDefaults = { hostName: "alpha", dataDir: "/var/lib/weft", features: [] };

function flags(values: Partial<Record<OptionName, RawValue>>): RawOptions {
  const entries = Object.entries(values) as [OptionName, RawValue][];
  return new Map(entries.map(([name, value]): [OptionName, RawOption] => [name, { value, source: `--${name}` }]));
}

function refused(values: Partial<Record<OptionName, RawValue>>, pattern: RegExp): void {
  assert.throws(() => parseConfig([flags({ insecure: true, ...values })], HOST), (error) => {
    assert(error instanceof ConfigError);
    assert.match(error.message, pattern);
    return true;
  });
}

Deno.test("parseConfig: defaults are the documented ones", () => {
  const config = parseConfig([flags({ insecure: true })], HOST);
  assert.deepEqual(config.origin, { kind: "resume" });
  assert.equal(formatHostPort(config.grpcListen), "[::]:8443");
  assert.equal(formatHostPort(config.raftListen), "[::]:9443");
  assert.equal(config.wireguardListenPort, 51820);
  assert.equal(config.interfaceName, "weft0");
  assert.equal(config.mtu, undefined, "follows the underlay");
  assert.equal(String(config.ipv4Network), "172.16.0.0/12");
  assert.equal(config.nodeId, "alpha");
  assert.equal(config.dataDir, "/var/lib/weft");
  assert.deepEqual(config.features, ["nodes"]);
});

Deno.test("parseConfig: flags beat environment beat file beat defaults", () => {
  const { options: file } = parseConfigText("weft.yaml", "mtu: 1300\nnode-id: file\ninterface: file0\n");
  const environment = optionsFromEnvironment({ WEFT_NODE_ID: "env", WEFT_MTU: "1310" });
  const config = parseConfig([flags({ insecure: true, mtu: "1320" }), environment, file], HOST);
  assert.equal(config.mtu, 1320);
  assert.equal(config.nodeId, "env");
  assert.equal(config.interfaceName, "file0");
});

Deno.test("parseConfig: join takes commas and repeated flags, IPv6 in brackets", () => {
  const config = parseConfig(
    [flags({ insecure: true, join: ["192.0.2.1:8443,[2001:db8::1]:8443", "mesh.example:1"] })],
    HOST,
  );
  assert.deepEqual(config.origin, {
    kind: "join",
    servers: [{ host: "192.0.2.1", port: 8443 }, { host: "2001:db8::1", port: 8443 }, {
      host: "mesh.example",
      port: 1,
    }],
  });
});

Deno.test("parseConfig: refuses what cannot work and says where it came from", () => {
  refused({ bootstrap: true, join: ["192.0.2.1:8443"] }, /--bootstrap with --join/);
  refused({ join: ["192.0.2.1"] }, /join "192.0.2.1" from --join: expected HOST:PORT/);
  refused({ join: Array(17).fill("192.0.2.1:8443") }, /at most 16/);
  refused({ "no-ipv4": true, "no-ipv6": true }, /no address would be left/);
  refused({ "ipv4-network": "10.0.0.0/33" }, /expected an IPv4 CIDR/);
  refused({ "ipv4-network": "10.0.0.0/31" }, /8 to 30/);
  refused({ "ipv4-network": "fd00::/64" }, /expected an IPv4 CIDR/);
  refused({ "primary-endpoint": "192.0.2.1:51820" }, /IP address without port/);
  refused({ endpoint: ["127.0.0.1"] }, /cannot reach/);
  refused({ endpoint: Array(17).fill("192.0.2.1") }, /at most 16/);
  refused({ mtu: "1279" }, /1280 to 65535/);
  refused({ mtu: "1e3" }, /1280 to 65535/);
  refused({ "wireguard-listen-port": "65536" }, /0 to 65535/);
  refused({ interface: "a".repeat(16) }, /longer than 15/);
  refused({ interface: "we ft" }, /letters, digits/);
  refused({ "grpc-listen": "8443" }, /expected HOST:PORT/);
  refused({ "log-level": "inof" }, /Did you mean "info"/);
  refused({ feature: ["mesh-dnss"] }, /no such feature\. Did you mean "mesh-dns"/);
  refused({ feature: ["mesh-dns"] }, /this build does not have it/);
  for (const later of ["ice-negotiation", "turn-server"]) {
    refused({ feature: [later] }, /it comes with a later version of Weft/);
  }
  refused({ "tls-cert-file": "a.pem" }, /choose one/);
  refused({ "data-dir": `/${"a".repeat(96)}` }, /longer than 96/);
});

Deno.test("parseConfig: TLS needs all three files or --insecure", () => {
  assert.throws(() => parseConfig([flags({})], HOST), /neither TLS files nor --insecure/);
  assert.throws(() => parseConfig([flags({ "tls-cert-file": "a" })], HOST), /belong together/);
  const files = flags({ "tls-cert-file": "a", "tls-key-file": "b", "tls-ca-file": "c", mtls: true });
  assert.deepEqual(parseConfig([files], HOST).tls, {
    kind: "files",
    certFile: "a",
    keyFile: "b",
    caFile: "c",
    mtls: true,
  });
});

Deno.test("optionsFromEnvironment: flags are true or false, nothing else", () => {
  assert.equal(optionsFromEnvironment({ WEFT_INSECURE: "1" }).get("insecure")?.value, true);
  assert.equal(optionsFromEnvironment({ WEFT_INSECURE: "false" }).get("insecure")?.value, false);
  assert.throws(() => optionsFromEnvironment({ WEFT_INSECURE: "yes" }), /WEFT_INSECURE="yes"/);
});

Deno.test("parseHostPort: accepts names, addresses and bare ports", () => {
  assert.deepEqual(parseHostPort(":8443"), { host: "::", port: 8443 });
  assert.deepEqual(parseHostPort("[::1]:0"), { host: "::1", port: 0 });
  for (const bad of ["", "a", "a:", "a:65536", "::1:80", "[::1]", "[zz]:1", "a b:1", "http://a:1"]) {
    assert.equal(parseHostPort(bad), undefined, bad);
  }
});
