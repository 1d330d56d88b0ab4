import assert from "node:assert/strict";
import { IpAddress } from "../../../core/ip/address.ts";
import type { RpcPeer } from "../../../core/plugin/rpc.ts";
import { comesFrom, proxiedPeer } from "../../../plugins/leader_proxy/caller.ts";

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
