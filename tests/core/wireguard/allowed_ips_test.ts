import assert from "node:assert/strict";
import type { Prefix } from "../../../core/ip/prefix.ts";
import { AllowedIps, type PrefixOwner } from "../../../core/wireguard/allowed_ips.ts";
import { ipv4Packet, ipv6Packet, prefixOf } from "./world.ts";

interface Owner extends PrefixOwner {
  readonly name: string;
}

function owner(name: string): Owner {
  return { name, ownPrefixes: new Map<string, Prefix>() };
}

const NOTHING = new Uint8Array(0);
const prefixes = (...texts: string[]) => texts.map(prefixOf);
const listOf = (owner: Owner) => [...owner.ownPrefixes.keys()].sort();

Deno.test("AllowedIps: routes by destination and accepts by source, the longest prefix wins", () => {
  const table = new AllowedIps<Owner>(10);
  const [a, b] = [owner("a"), owner("b")];
  table.replace(a, prefixes("10.0.0.0/8", "fd00::/8"));
  table.replace(b, prefixes("10.1.0.0/16"));
  const packet = ipv4Packet("10.1.2.3", "10.2.3.4", NOTHING);
  assert.equal(table.ofDestination(packet, 0, 4), a);
  assert.equal(table.ofSource(packet, 0, 4), b);
  assert.equal(table.ofDestination(ipv6Packet("fe80::1", "fd00::1", NOTHING), 0, 6), a);
  assert.equal(table.ofSource(ipv6Packet("fe80::1", "fd00::1", NOTHING), 0, 6), undefined);
  table.checkInvariants([a, b]);
});

Deno.test("AllowedIps.replace: what is no longer wanted goes, what is stays", () => {
  const table = new AllowedIps<Owner>(10);
  const a = owner("a");
  table.replace(a, prefixes("10.0.0.0/8", "10.1.0.0/16"));
  table.replace(a, prefixes("10.1.0.0/16", "10.2.0.0/16"));
  assert.deepEqual(listOf(a), ["10.1.0.0/16", "10.2.0.0/16"]);
  assert.equal(table.ofDestination(ipv4Packet("0.0.0.0", "10.3.0.1", NOTHING), 0, 4), undefined);
  table.replace(a, []);
  assert.equal(table.size, 0);
  table.checkInvariants([a]);
});

Deno.test("AllowedIps.replace: a prefix moves from its owner at once, host bits ignored", () => {
  const table = new AllowedIps<Owner>(10);
  const [a, b] = [owner("a"), owner("b")];
  table.replace(a, prefixes("10.0.0.1/8", "10.1.0.0/16"));
  table.replace(b, prefixes("10.0.0.2/8"));
  assert.deepEqual([listOf(a), listOf(b)], [["10.1.0.0/16"], ["10.0.0.0/8"]]);
  assert.equal(table.ofSource(ipv4Packet("10.5.0.0", "0.0.0.0", NOTHING), 0, 4), b);
  assert.equal(table.ofSource(ipv4Packet("10.1.0.0", "0.0.0.0", NOTHING), 0, 4), a);
  table.checkInvariants([a, b]);
});

Deno.test("AllowedIps.replace: one prefix past the limit changes nothing", () => {
  const table = new AllowedIps<Owner>(2);
  const [a, b] = [owner("a"), owner("b")];
  table.replace(a, prefixes("10.0.0.0/8", "10.1.0.0/16"));
  assert.throws(() => table.replace(b, prefixes("10.2.0.0/16")), RangeError);
  assert.throws(() => table.replace(a, prefixes("10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16")), RangeError);
  assert.deepEqual([listOf(a), listOf(b)], [["10.0.0.0/8", "10.1.0.0/16"], []]);
  table.replace(b, prefixes("10.0.0.0/8"));
  table.replace(a, prefixes("10.2.0.0/16"));
  assert.deepEqual([listOf(a), listOf(b)], [["10.2.0.0/16"], ["10.0.0.0/8"]]);
  table.checkInvariants([a, b]);
});
