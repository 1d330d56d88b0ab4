import { strict as assert } from "node:assert";
import { InvariantError } from "../../../core/assert.ts";
import {
  ipv4Address,
  ipv4Number,
  ipv4Range,
  nodeIpv6,
  nodeNetwork,
  SUBNET_MAX,
  SUBNET_MIN,
  validateIpv4Network,
  validateUlaNetwork,
} from "../../../core/state/address_plan.ts";
import { address, prefix } from "./mesh_fixture.ts";

function range(cidr: string): string {
  const { first, last } = ipv4Range(prefix(cidr));
  return `${ipv4Address(first)} ${ipv4Address(last)}`;
}

Deno.test("ipv4Range: neither the network's nor the broadcast address", () => {
  assert.equal(range("172.16.0.0/12"), "172.16.0.1 172.31.255.254");
  assert.equal(range("10.0.0.0/24"), "10.0.0.1 10.0.0.254");
  assert.equal(range("10.0.0.4/30"), "10.0.0.5 10.0.0.6");
  assert.equal(range("255.255.255.0/24"), "255.255.255.1 255.255.255.254");
});

Deno.test("ipv4Range: host bits do not count", () => {
  assert.equal(range("10.1.2.3/24"), "10.1.2.1 10.1.2.254");
});

Deno.test("ipv4Range: both addresses of a /31 (RFC 3021), the one of a /32", () => {
  assert.equal(range("10.0.0.7/31"), "10.0.0.6 10.0.0.7");
  assert.equal(range("10.0.0.7/32"), "10.0.0.7 10.0.0.7");
});

Deno.test("ipv4Number, ipv4Address: host order, both ways", () => {
  for (
    const [text, number] of [["0.0.0.1", 1], ["1.2.3.4", 16909060], ["255.255.255.255", 4294967295]] as const
  ) {
    assert.equal(ipv4Number(address(text)), number);
    assert.equal(ipv4Address(number).toString(), text);
  }
  assert.throws(() => ipv4Number(address("fd00::1")), InvariantError);
});

Deno.test("nodeNetwork, nodeIpv6: the /64 with that number and ::1 in it", () => {
  const ula = prefix("fd12:3456:789a:ffff::1/48");
  assert.equal(nodeNetwork(ula, 1).toString(), "fd12:3456:789a:1::/64");
  assert.equal(nodeIpv6(ula, 1).toString(), "fd12:3456:789a:1::1");
  assert.equal(nodeIpv6(ula, SUBNET_MAX).toString(), "fd12:3456:789a:ffff::1");
  assert.equal(SUBNET_MIN, 1);
  for (const subnet of [0, SUBNET_MAX + 1]) assert.throws(() => nodeNetwork(ula, subnet), InvariantError);
  assert.throws(() => nodeNetwork(prefix("fd00::/56"), 1), InvariantError);
});

Deno.test("validateIpv4Network: IPv4, not too wide, routable", () => {
  for (const cidr of ["10.0.0.0/8", "172.16.5.5/12", "100.64.0.0/10", "10.0.0.1/32"]) {
    assert.equal(validateIpv4Network(prefix(cidr)), undefined, cidr);
  }
  for (const cidr of ["10.0.0.0/7", "0.0.0.0/0", "127.0.0.0/8", "224.0.0.0/8", "169.254.0.0/16", "fd00::/48"]) {
    assert.equal(typeof validateIpv4Network(prefix(cidr)), "string", cidr);
  }
});

Deno.test("validateUlaNetwork: a /48 in fd00::/8", () => {
  assert.equal(validateUlaNetwork(prefix("fd12:3456:789a::/48")), undefined);
  for (const cidr of ["fd12::/47", "fd12::/64", "fc12::/48", "2001:db8::/48", "10.0.0.0/8"]) {
    assert.equal(typeof validateUlaNetwork(prefix(cidr)), "string", cidr);
  }
});
