import assert from "node:assert/strict";
import { readConfig } from "../../../plugins/metrics/config.ts";
import { isOfMesh } from "../../../plugins/metrics/readers.ts";
import { Prefix } from "../../../core/ip/prefix.ts";

Deno.test("readConfig: defaults, and what cannot be used", () => {
  assert.deepEqual(readConfig({}), { listen: { host: "::", port: 8080 }, path: "/metrics", nodeMetrics: "mesh" });
  assert.throws(() => readConfig({ path: "metrics" }), /path "metrics"/);
  assert.throws(() => readConfig({ path: "/v1/node-metrics" }), /not below/);
  assert.throws(() => readConfig({ "node-metrics": "some" }), /one of mesh, all, off/);
  assert.throws(() => readConfig({ listen: "8080" }), /HOST:PORT/);
});

Deno.test("isOfMesh: this host and the mesh's networks, nobody else", () => {
  const [networkIpv4, networkIpv6] = [Prefix.parse("10.83.0.0/16"), Prefix.parse("fd00:1::/48")];
  assert(networkIpv4 && networkIpv6);
  const mesh = { networkIpv4, networkIpv6 };
  for (const host of ["127.0.0.1", "::1", "10.83.7.9", "::ffff:10.83.7.9", "fd00:1::5"]) {
    assert(isOfMesh(host, mesh), host);
  }
  for (const host of ["192.0.2.1", "fd00:2::1", "::ffff:192.0.2.1", "", "x"]) assert(!isOfMesh(host, mesh), host);
  assert(!isOfMesh("10.83.7.9", undefined));
});
