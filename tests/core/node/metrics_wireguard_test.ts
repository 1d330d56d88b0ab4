import assert from "node:assert/strict";
import { namedPeers, PEER_SERIES_MAX, peerSamples } from "../../../core/node/metrics_wireguard.ts";

const peers = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    publicKey: `k${i}`,
    endpoint: undefined,
    allowedIps: [],
    persistentKeepaliveMs: 0,
    hasPresharedKey: false,
    sessionState: "none" as const,
    lastHandshakeWallMs: undefined,
    rxBytes: 1,
    txBytes: 2,
  }));
const nodes = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ publicKey: `k${i}`, id: `n${String(i).padStart(4, "0")}` }));

Deno.test("peerSamples: up to the limit every peer has its own series", () => {
  const samples = peerSamples(namedPeers(peers(PEER_SERIES_MAX), nodes(PEER_SERIES_MAX)), ({ rxBytes }) => rxBytes);
  assert.equal(samples.length, PEER_SERIES_MAX);
  assert(samples.every(({ labels }) => labels.peer !== "other"));
});

Deno.test("peerSamples: one past the limit is in one series with all others, and nothing is lost", () => {
  const named = namedPeers(peers(PEER_SERIES_MAX + 2), nodes(PEER_SERIES_MAX + 2));
  const samples = peerSamples(named, ({ txBytes }) => txBytes);
  assert.deepEqual(samples.at(-1), { labels: { peer: "other" }, value: 4 });
  assert.equal(samples.length, PEER_SERIES_MAX + 1);
});

Deno.test("namedPeers: by name, whatever the order of keys; who is no node is unknown", () => {
  assert.deepEqual(namedPeers(peers(3), nodes(2)).map(({ name }) => name), ["n0000", "n0001", "unknown"]);
});
