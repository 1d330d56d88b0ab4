import assert from "node:assert/strict";
import { IpAddress } from "../../../core/ip/address.ts";
import { type MeshPeer, NAT_KEEPALIVE_MS, planPeers, tunnelPeer } from "../../../core/node/reconcile.ts";

const PUBLIC = IpAddress.parse("203.0.113.9");
const PRIVATE = IpAddress.parse("192.168.1.9");
assert(PUBLIC && PRIVATE);

const peer: MeshPeer = {
  publicKey: "key-b",
  primaryEndpoint: PUBLIC,
  endpoints: [PRIVATE, PUBLIC],
  wireguardPort: 51820,
  allowedIps: ["fd00:1:2:3::/64", "172.16.0.2/32"],
};

Deno.test("tunnelPeer: primary endpoint first, each address once", () => {
  const tunnel = tunnelPeer(peer, { primaryEndpoint: PUBLIC, ipv4: true, ipv6: true });
  assert.deepEqual(tunnel.endpoints, ["203.0.113.9:51820", "192.168.1.9:51820"]);
  assert.equal(tunnel.persistentKeepaliveMs, 0);
});

Deno.test("tunnelPeer: a node behind address translation keeps its mapping to public peers open", () => {
  for (const primaryEndpoint of [PRIVATE, undefined]) {
    assert.equal(tunnelPeer(peer, { primaryEndpoint, ipv4: true, ipv6: true }).persistentKeepaliveMs, NAT_KEEPALIVE_MS);
  }
  const neighbour = { ...peer, primaryEndpoint: PRIVATE, endpoints: [] };
  assert.equal(tunnelPeer(neighbour, { primaryEndpoint: PRIVATE, ipv4: true, ipv6: true }).persistentKeepaliveMs, 0);
});

Deno.test("tunnelPeer: families this node does not use are left out", () => {
  assert.deepEqual(tunnelPeer(peer, { primaryEndpoint: PUBLIC, ipv4: false, ipv6: true }).allowedIps, [
    "fd00:1:2:3::/64",
  ]);
  assert.deepEqual(tunnelPeer(peer, { primaryEndpoint: PUBLIC, ipv4: true, ipv6: false }).allowedIps, [
    "172.16.0.2/32",
  ]);
});

Deno.test("planPeers: upserts what is new or changed, removes what is gone, leaves the rest", () => {
  const own = { primaryEndpoint: PUBLIC, ipv4: true, ipv6: true };
  const [b, c, d] = ["b", "c", "d"].map((id) => tunnelPeer({ ...peer, publicKey: `key-${id}` }, own));
  assert(b && c && d);
  const present = new Map([[b.publicKey, b], [c.publicKey, { ...c, endpoints: [] }], ["key-x", b]]);
  assert.deepEqual(planPeers([b, c, d], present), { upserts: [c, d], removals: ["key-x"] });
  assert.deepEqual(planPeers([b], new Map([[b.publicKey, { ...b }]])), { upserts: [], removals: [] });
});
