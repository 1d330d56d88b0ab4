import assert from "node:assert/strict";
import { hostMetrics, peerMetrics } from "../../../core/node/node_metrics.ts";
import { readHostFacts } from "../../../core/io/host_facts_linux.ts";

const PEER = {
  publicKey: "key",
  endpoint: undefined,
  allowedIps: ["10.0.0.1/32"],
  persistentKeepaliveMs: 25_000,
  hasPresharedKey: false,
  sessionState: "none",
  lastHandshakeWallMs: undefined,
  rxBytes: 1,
  txBytes: 2,
} as const;

Deno.test("peerMetrics: Go durations, RFC 3339, the zero time for a peer that never shook hands", () => {
  const { persistentKeepAlive, lastHandshakeTime, endpoint } = peerMetrics(PEER);
  assert.deepEqual([persistentKeepAlive, lastHandshakeTime, endpoint], ["25s", "0001-01-01T00:00:00Z", ""]);
  const at = (wallMs: number) => peerMetrics({ ...PEER, lastHandshakeWallMs: wallMs }).lastHandshakeTime;
  assert.deepEqual([at(1_000), at(1_500)], ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01.5Z"]);
});

Deno.test("hostMetrics: uptime, version parts and percentages", async () => {
  const facts = await readHostFacts();
  const disk = { device: "/dev/a", path: "/", total: 200, free: 50, inodesTotal: 0, inodesFree: 0 };
  const os = { ...facts.os, versionId: "12.4rc" };
  const { host, disks, memory } = hostMetrics({ ...facts, os, bootWallMs: 0, disks: [disk] }, 3_723_500);
  assert.deepEqual([host?.uptime, host?.bootTime], ["1h2m3.5s", "1970-01-01T00:00:00Z"]);
  assert.deepEqual([host?.os?.major, host?.os?.minor, host?.os?.patch], [12n, 4n, 0n]);
  assert.deepEqual([disks?.[0]?.used, disks?.[0]?.usedPercent, disks?.[0]?.inodesUsedPercent], [150n, 75, 0]);
  assert.equal(memory?.used, BigInt(facts.memory.total - facts.memory.free));
});
