import assert from "node:assert/strict";
import { IpAddress } from "../../../core/ip/address.ts";
import { WRITE_SESSION_KEY } from "../../../core/node/join_metadata.ts";
import type { RpcContext, RpcPeer } from "../../../core/plugin/rpc.ts";
import { FIELD_OVERHEAD_BYTES, FORWARDED_METADATA_BYTES_MAX } from "../../../core/rpc/limits.ts";
import { NODE_ID_CHARACTERS_MAX } from "../../../core/state/limits.ts";
import { comesFrom, forwardedMetadata, proxiedPeer } from "../../../plugins/leader_proxy/caller.ts";

const ipv4 = IpAddress.parse("10.83.0.2");
const ipv6 = IpAddress.parse("fd00::2");

function from(address: string): boolean {
  assert(ipv6);
  return comesFrom({ address, transport: "plaintext", identity: undefined }, { ipv4, ipv6 });
}

Deno.test("comesFrom: the node's mesh addresses, in every way in which they are written", () => {
  for (const address of ["10.83.0.2:5", "::ffff:10.83.0.2:5", "fd00::2:5", "[fd00::2]:5", "[::ffff:10.83.0.2]:5"]) {
    assert(from(address), address);
  }
  for (const address of ["10.83.0.3:5", "10.83.0.2", "fd00::3:5", "unix", "", ":5", "x:5", "::ffff:10.83.0.3:5"]) {
    assert(!from(address), address);
  }
});

Deno.test("forwardedMetadata: what it adds fits into what a node may add, at its longest", () => {
  const metadata = new Map([["own", "1"]]);
  const longest: RpcContext = {
    methodPath: "/v1.Node/Join",
    // A common name has at most 64 characters (RFC 5280, A.1).
    peer: {
      address: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
      transport: "plaintext",
      identity: "\u{1f310}".repeat(64),
    },
    metadata,
    deadlineWallMs: Infinity,
    signal: new AbortController().signal,
    sendInitialMetadata() {},
    setTrailer() {},
  };
  const { own, ...added } = forwardedMetadata(longest, "n".repeat(NODE_ID_CHARACTERS_MAX));
  assert.equal(own, "1");
  // What the client library says of itself, and the name of a write.
  const others = { "user-agent": "u".repeat(100), [WRITE_SESSION_KEY]: `${"f".repeat(32)}:1` };
  const sizes = Object.entries({ ...added, ...others }).map(([name, value]) => name.length + value.length);
  const total = sizes.reduce((sum, size) => sum + size + FIELD_OVERHEAD_BYTES, 0);
  assert(total <= FORWARDED_METADATA_BYTES_MAX, `${total}`);
});

Deno.test("proxiedPeer: what a call says of its caller, if it makes sense", () => {
  const peer = (fields: Record<string, string>): RpcPeer | undefined => proxiedPeer(new Map(Object.entries(fields)));
  const named = { "proxied-peer": "192.0.2.1:1", "proxied-transport": "tls" };
  const identity = new TextEncoder().encode("ü").toBase64();
  assert.deepEqual(peer(named), { address: "192.0.2.1:1", transport: "tls", identity: undefined });
  assert.equal(peer({ ...named, "proxied-identity-bin": identity })?.identity, "ü");
  for (const value of ["*", "/w"]) assert.equal(peer({ ...named, "proxied-identity-bin": value })?.identity, undefined);
  assert.equal(peer({ ...named, "proxied-transport": "pigeon" }), undefined);
  assert.equal(peer({ "proxied-transport": "tls" }), undefined);
});
