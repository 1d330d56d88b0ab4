import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { NetlinkMessage } from "../../../core/io/netlink_message.ts";
import {
  addRouteRequest,
  parseRoute,
  removeRouteRequest,
  routeLookupRequest,
  routesRequest,
  RTM_NEWROUTE,
} from "../../../core/io/rtnetlink_route.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";

/** What a kernel answered about routes through one TUN device, and to a lookup of 10.99.0.7. */
const IPV4 = "02100000fe57fd010000000008000f00fe000000080001000a62000008000600b80b00000800040002000000";
const IPV6 = "0a300000fe5700010000000008000f00fe00000014000100fd98000000000000000000000000000008000600b80b0000" +
  "080004000200000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000";
const LOOKUP =
  "02200000fe0000010002000008000f00fe000000080001000a6300070800040002000000080007000a630001080019000000000024" +
  "000c000200000000000000000000000000000000000000000000000000000000000000";

const message = (bytes: Uint8Array, type = RTM_NEWROUTE): NetlinkMessage => ({
  type,
  flags: 0,
  sequence: 0,
  body: bytes,
});
const parsed = (hex: string) => parseRoute(message(Uint8Array.fromHex(hex)));

function prefix(text: string): Prefix {
  const value = Prefix.parse(text);
  assert.ok(value);
  return value;
}

Deno.test("addRouteRequest: main table, own protocol number, exclusive, host bits cleared", () => {
  assert.equal(
    addRouteRequest(2, prefix("10.98.7.7/16"), 3000).encode(7).toHex(),
    "34000000180005060700000000000000" + "02100000fe57fd0100000000" + "080001000a620000" + "0800040002000000" +
      "08000600b80b0000",
  );
  assert.equal(
    addRouteRequest(2, prefix("fd98::/48"), 3000).encode(7).toHex(),
    "40000000180005060700000000000000" + "0a300000fe57000100000000" + "14000100fd980000000000000000000000000000" +
      "0800040002000000" + "08000600b80b0000",
  );
});

Deno.test("removeRouteRequest: matches what was added", () => {
  assert.equal(
    removeRouteRequest(2, prefix("10.98.0.0/16"), 3000).encode(7).toHex(),
    "34000000190005000700000000000000" + "02100000fe57ff0100000000" + "080001000a620000" + "0800040002000000" +
      "08000600b80b0000",
  );
});

Deno.test("routesRequest, routeLookupRequest: ask for one interface and for one destination", () => {
  assert.equal(
    routesRequest(6, 2).encode(1).toHex(),
    "2c0000001a0001030100000000000000" + "0a".padEnd(24, "0") + "0800040002000000" + "08000f00fe000000",
  );
  const destination = IpAddress.parse("10.99.0.7");
  assert.ok(destination);
  assert.equal(
    routeLookupRequest(destination).encode(1).toHex(),
    "240000001a0001000100000000000000" + "0220".padEnd(24, "0") + "080001000a630007",
  );
});

Deno.test("parseRoute: reads both families", () => {
  const common = {
    interfaceIndex: 2,
    metric: 3000,
    protocol: 87,
    isMainTable: true,
    isUnicast: true,
    source: undefined,
    mtu: undefined,
  };
  assert.deepEqual(parsed(IPV4), { ...common, destination: prefix("10.98.0.0/16") });
  assert.deepEqual(parsed(IPV6), { ...common, destination: prefix("fd98::/48") });
});

Deno.test("parseRoute: the answer to a lookup has the source address", () => {
  const route = parsed(LOOKUP);
  assert.equal(String(route?.source), "10.99.0.1");
  assert.equal(route?.interfaceIndex, 2);
});

Deno.test("parseRoute: an MTU is nested among other metrics", () => {
  const withMetrics = (metrics: string) => {
    const length = (metrics.length / 2 + 4).toString(16).padStart(2, "0");
    return parsed(`${IPV4}${length}000800${metrics}`)?.mtu;
  };
  assert.equal(withMetrics("0800040001000000" + "0800020064040000"), 1124);
  assert.equal(withMetrics("0800040001000000"), undefined);
  assert.equal(withMetrics("06000200640400" + "00"), undefined, "two bytes");
  assert.equal(withMetrics("0800"), undefined, "cut");
});

Deno.test("parseRoute: a default route has no destination attribute", () => {
  assert.equal(String(parsed("02000000fe5700010000000008000400020000" + "00")?.destination), "0.0.0.0/0");
  assert.equal(String(parsed("0a000000fe5700010000000008000400020000" + "00")?.destination), "::/0");
});

Deno.test("parseRoute: other tables and types are told apart, by the wide table number first", () => {
  assert.equal(parsed(IPV4.replace("08000f00fe000000", "08000f00ff000000"))?.isMainTable, false);
  assert.equal(parsed("02100000ff57fd0100000000080001000a620000")?.isMainTable, false);
  assert.equal(parsed("02100000fe57fd0600000000080001000a620000")?.isUnicast, false);
});

Deno.test("parseRoute: other messages, families, lengths and cut messages are no route", () => {
  assert.equal(parseRoute(message(Uint8Array.fromHex(IPV4), 25)), undefined);
  assert.equal(parsed("05100000fe57fd0100000000"), undefined, "family 5");
  assert.equal(parsed("0a100000fe57fd0100000000080001000a620000"), undefined, "IPv6 of four bytes");
  assert.equal(parsed("02210000fe57fd0100000000080001000a620000"), undefined, "/33");
  assert.equal(parsed(IPV4.slice(0, -2)), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    parseRoute(message(bytes));
  }));
});
