import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { NetlinkMessage } from "../../../core/io/netlink_message.ts";
import {
  addAddressRequest,
  addressesRequest,
  parseAddress,
  removeAddressRequest,
  RTM_NEWADDR,
} from "../../../core/io/rtnetlink_address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";

/** What a kernel answered about three addresses of one TUN device. */
const IPV4 =
  "0218800002000000080001000a630001080002000a6300010e000300776566747465737430000000080008008000000008000900b80b0000" +
  "14000600ffffffffffffffff116b0200116b0200";
const IPV6 =
  "0a4082000200000014000100fd99000000000000000000000000000108000900b80b000014000600ffffffffffffffff116b0200116b0200" +
  "0800080082000000";
const LINK_LOCAL = "0a4080fd0200000014000100fe80000000000000fba18a317268d7ca14000600ffffffffffffffff106b0200106b0200" +
  "080008008008000005000b0003000000";

const message = (bytes: Uint8Array, type = RTM_NEWADDR): NetlinkMessage => ({
  type,
  flags: 0,
  sequence: 0,
  body: bytes,
});
const parsed = (hex: string) => parseAddress(message(Uint8Array.fromHex(hex)));

function prefix(text: string): Prefix {
  const value = Prefix.parse(text);
  assert.ok(value);
  return value;
}

Deno.test("addAddressRequest: IPv4 without broadcast, IPv6 without duplicate detection, both with a metric", () => {
  assert.equal(
    addAddressRequest(2, prefix("10.99.0.1/24"), 3000).encode(7).toHex(),
    "38000000140005060700000000000000" + "0218020002000000" + "080002000a630001" + "080001000a630001" +
      "0800080002000000" + "08000900b80b0000",
  );
  assert.equal(
    addAddressRequest(2, prefix("fd99::1/64"), 3000).encode(7).toHex(),
    "50000000140005060700000000000000" + "0a40020002000000" + "14000200fd990000000000000000000000000001" +
      "14000100fd990000000000000000000000000001" + "0800080002000000" + "08000900b80b0000",
  );
});

Deno.test("removeAddressRequest: names address and length", () => {
  assert.equal(
    removeAddressRequest(2, prefix("10.99.0.1/24")).encode(7).toHex(),
    "28000000150005000700000000000000" + "0218020002000000" + "080002000a630001" + "080001000a630001",
  );
});

Deno.test("addressesRequest: asks for both families", () => {
  assert.equal(addressesRequest().encode(1).toHex(), "18000000160001030100000000000000" + "00".repeat(8));
});

Deno.test("parseAddress: reads prefix, interface and scope", () => {
  const common = { interfaceIndex: 2, isTemporary: false, isUsable: true };
  assert.deepEqual(parsed(IPV4), { ...common, prefix: prefix("10.99.0.1/24"), isGlobal: true });
  assert.deepEqual(parsed(IPV6), { ...common, prefix: prefix("fd99::1/64"), isGlobal: true });
  assert.equal(parsed(LINK_LOCAL)?.isGlobal, false);
});

Deno.test("parseAddress: on a point-to-point link ours is the local one", () => {
  const found = parsed("0220800002000000" + "080001000a000002" + "080002000a000001");
  assert.equal(String(found?.prefix), "10.0.0.1/32");
});

Deno.test("parseAddress: tells temporary and unusable addresses from the wide flags", () => {
  const withFlags = (flags: string) => parsed(IPV6.slice(0, -8) + flags);
  assert.equal(withFlags("81000000")?.isTemporary, true);
  for (const flag of ["20000000", "40000000", "08000000"]) assert.equal(withFlags(flag)?.isUsable, false, flag);
});

Deno.test("parseAddress: other types, families, lengths and cut messages are no address", () => {
  assert.equal(parseAddress(message(Uint8Array.fromHex(IPV4), 21)), undefined);
  assert.equal(parsed("1c18800002000000080001000a630001"), undefined, "family 28");
  assert.equal(parsed("0a18800002000000080001000a630001"), undefined, "IPv6 of four bytes");
  assert.equal(parsed("0221800002000000080001000a630001"), undefined, "/33");
  assert.equal(parsed(IPV4.slice(0, -2)), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    parseAddress(message(bytes));
  }));
});
