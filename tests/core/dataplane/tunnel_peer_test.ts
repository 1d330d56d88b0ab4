import { strict as assert } from "node:assert";
import type { TunnelPeer } from "../../../core/dataplane/messages.ts";
import { parseEndpoint, parsePeer, peerStatus, printEndpoint } from "../../../core/dataplane/tunnel_peer.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";

const KEY = `${"A".repeat(42)}E=`;

const PEER: TunnelPeer = {
  publicKey: KEY,
  endpoints: ["192.0.2.1:51820", "[2001:db8::1]:51820"],
  allowedIps: ["10.0.0.7/24", "fd00::/64"],
  persistentKeepaliveMs: 25_000,
};

Deno.test("parsePeer: the first endpoint is preferred, the others are alternates, prefixes lose their host bits", () => {
  const config = parsePeer(PEER);
  assert.equal(String(config.publicKey), KEY);
  assert.equal(String(config.endpoint), "192.0.2.1:51820");
  assert.deepEqual(config.alternateEndpoints.map(String), ["[2001:db8::1]:51820"]);
  assert.deepEqual(config.allowedIps.map(String), ["10.0.0.0/24", "fd00::/64"]);
  assert.equal(config.persistentKeepaliveMs, 25_000);
  assert.equal("presharedKey" in config, false);
});

Deno.test("parsePeer: a peer may have no endpoint, no prefix and a preshared key", () => {
  const config = parsePeer({ ...PEER, endpoints: [], allowedIps: [], presharedKey: KEY });
  assert.equal(config.endpoint, undefined);
  assert.equal(config.presharedKey?.reveal().toBase64(), KEY);
});

Deno.test("parsePeer: names the part that is malformed, and never a secret", () => {
  const refused = (part: Partial<TunnelPeer>, message: RegExp) =>
    assert.throws(() => parsePeer({ ...PEER, ...part }), { name: "MeshError", reason: "invalid-argument", message });
  refused({ publicKey: "x" }, /public key "x"/);
  refused({ presharedKey: "hush" }, /preshared key "\[redacted\]"/);
  refused({ endpoints: ["192.0.2.1:1", "host:1"] }, /endpoint "host:1"/);
  refused({ endpoints: ["192.0.2.1:0"] }, /endpoint "192\.0\.2\.1:0"/);
  refused({ allowedIps: ["10.0.0.1"] }, /allowed IP "10\.0\.0\.1"/);
  refused({ allowedIps: ["10.0.0.1/33"] }, /allowed IP/);
  for (const persistentKeepaliveMs of [-1, 0.5, NaN, Infinity]) {
    refused({ persistentKeepaliveMs }, /keepalive interval/);
  }
});

Deno.test("peerStatus: what is unknown is undefined", () => {
  const publicKey = PublicKey.fromBase64(KEY);
  const prefix = Prefix.parse("10.0.0.0/24");
  assert.ok(publicKey && prefix);
  const peer = {
    publicKey,
    endpoint: new Endpoint(),
    endpointChangeCount: 0,
    path: { packetBytesMax: Infinity, staleAtMs: Infinity, endpointChangeCount: 0 },
    allowedIps: [prefix],
    persistentKeepaliveMs: 25_000,
    hasPresharedKey: true,
    rxBytes: 1,
    txBytes: 2,
    lastHandshakeWallMs: 0,
    sessionState: (nowMs: number) => nowMs === 5 ? "handshaking" as const : "none" as const,
  };
  const unknown = {
    publicKey: KEY,
    endpoint: undefined,
    allowedIps: ["10.0.0.0/24"],
    persistentKeepaliveMs: 25_000,
    hasPresharedKey: true,
    sessionState: "handshaking",
    lastHandshakeWallMs: undefined,
    rxBytes: 1,
    txBytes: 2,
  };
  assert.deepEqual(peerStatus(peer, 5), unknown);
  const endpoint = Endpoint.parse("192.0.2.1:9");
  assert.ok(endpoint);
  assert.deepEqual(peerStatus({ ...peer, endpoint, lastHandshakeWallMs: 7 }, 5), {
    ...unknown,
    endpoint: "192.0.2.1:9",
    lastHandshakeWallMs: 7,
  });
});

Deno.test("parseEndpoint: reads what printEndpoint prints, scopes of link-local addresses among it", () => {
  for (const text of ["192.0.2.1:9", "[2001:db8::1]:65535", "[fe80::1%2]:51820", "[fe80::1%4294967295]:1"]) {
    const endpoint = parseEndpoint(text);
    assert.ok(endpoint, text);
    assert.equal(printEndpoint(endpoint), text);
  }
  assert.deepEqual([...parseEndpoint("[fe80::1%258]:1")?.bytes.subarray(20) ?? []], [0, 0, 1, 2]);
  assert.equal(String(parsePeer({ ...PEER, endpoints: ["[fe80::1%2]:7"] }).endpoint), "[fe80::1]:7");
});

Deno.test("parseEndpoint: malformed endpoints and scopes are undefined", () => {
  const bad = ["", "host:1", "[fe80::1%]:1", "[fe80::1%eth0]:1", "[fe80::1%4294967296]:1", "[1.2.3.4%1]:1"];
  for (const text of [...bad, "[fe80::1%1]:0", "[fe80::1%1]:65536", "[fe80::1%1]", "1.2.3.4%1:5"]) {
    assert.equal(parseEndpoint(text), undefined, text);
  }
});
