import assert from "node:assert/strict";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { meshDnsConfig, UPSTREAMS_MAX } from "../../../plugins/mesh_dns/config.ts";

const KEY = new Uint8Array(32).toBase64();

Deno.test("meshDnsConfig: defaults, and everything given", () => {
  const usual = meshDnsConfig({});
  assert.deepEqual(usual.listen, { host: "::", port: 5353 });
  assert.deepEqual([usual.domain, usual.ttlS, usual.negativeTtlS], ["webmesh.internal", 30, 5]);
  const given = meshDnsConfig({
    listen: "[::1]:53",
    domain: "Mesh.Example.",
    "tsig-key": `hmac-sha256:Key.:${KEY}`,
    forward: ["192.0.2.1", "192.0.2.2:5300", "[2001:db8::1]:53", "2001:db8::2"],
    allow: ["192.0.2.9/24"],
    resolved: true,
  });
  assert.deepEqual([given.domain, given.tsigKey?.name, given.usesResolved], ["mesh.example", "key", true]);
  assert.deepEqual(given.upstreams, [
    { host: "192.0.2.1", port: 53 },
    { host: "192.0.2.2", port: 5300 },
    { host: "2001:db8::1", port: 53 },
    { host: "2001:db8::2", port: 53 },
  ]);
  assert.deepEqual(given.allow.map(String), ["192.0.2.0/24"]);
});

Deno.test("meshDnsConfig: refuses what it cannot use, without repeating the key", () => {
  const bad: Readonly<Record<string, unknown>>[] = [
    { domain: "no..domain" },
    { domain: "-a" },
    { "ttl-s": "-1" },
    { forward: ["dns.example"] },
    { forward: ["192.0.2.1:0"] },
    { forward: Array(UPSTREAMS_MAX + 1).fill("192.0.2.1") },
    { allow: ["everybody"] },
    { "tsig-key": "name" },
    { "tsig-key": "name:AAAA" },
    { unknown: 1 },
  ];
  for (const raw of bad) assert.throws(() => meshDnsConfig(raw), ConfigError, JSON.stringify(raw));
  assert.throws(
    () => meshDnsConfig({ "tsig-key": "name:c2VjcmV0" }),
    (error: Error) => !error.message.includes("c2Vj"),
  );
});
