import { strict as assert } from "node:assert";
import type { NetlinkMessage } from "../../../core/io/netlink_message.ts";
import {
  linkByIndexRequest,
  linkByNameRequest,
  linkMtuRequest,
  linksRequest,
  linkUpRequest,
  noLinkLocalRequest,
  parseLink,
  RTM_NEWLINK,
} from "../../../core/io/rtnetlink_link.ts";

/** What a kernel answered about a TUN device, without the statistics. */
const TUN_LINK =
  "0000feff02000000d1100100000000000e00030077656674746573743000000008000d00f401000005001000000000000500110000" +
  "0000000800040078050000";

const message = (hex: string, type = RTM_NEWLINK): NetlinkMessage => ({
  type,
  flags: 0,
  sequence: 0,
  body: Uint8Array.fromHex(hex),
});

Deno.test("linkUpRequest: sets the flag and the MTU", () => {
  assert.equal(
    linkUpRequest(2, 1400).encode(7).toHex(),
    "28000000130005000700000000000000" + "00000000020000000100000001000000" + "0800040078050000",
  );
});

Deno.test("linkMtuRequest: sets the MTU and changes no flag", () => {
  assert.equal(
    linkMtuRequest(2, 1400).encode(7).toHex(),
    "28000000130005000700000000000000" + "00000000020000000000000000000000" + "0800040078050000",
  );
});

Deno.test("noLinkLocalRequest: nests the mode under IPv6 and changes no flag", () => {
  assert.equal(
    noLinkLocalRequest(2).encode(7).toHex(),
    "30000000130005000700000000000000" + "00000000020000000000000000000000" + "10001a800c000a800500080001000000",
  );
});

Deno.test("linkByNameRequest, linkByIndexRequest, linksRequest: ask for one and for all", () => {
  assert.equal(
    linkByIndexRequest(2).encode(1).toHex(),
    "20000000120001000100000000000000" + "00000000020000000000000000000000",
  );
  assert.equal(
    linkByNameRequest("wg0").encode(1).toHex(),
    "28000000120001000100000000000000" + "00".repeat(16) + "0800030077673000",
  );
  assert.equal(linksRequest().encode(1).toHex(), "20000000120001030100000000000000" + "00".repeat(16));
});

Deno.test("parseLink: reads name, MTU and flags", () => {
  assert.deepEqual(parseLink(message(TUN_LINK)), {
    index: 2,
    name: "wefttest0",
    mtu: 1400,
    isUp: true,
    isLoopback: false,
  });
});

Deno.test("parseLink: other types and cut messages are no link", () => {
  assert.equal(parseLink(message(TUN_LINK, 17)), undefined);
  assert.equal(parseLink(message(TUN_LINK.slice(0, -2))), undefined);
  assert.equal(parseLink(message(TUN_LINK.slice(0, 30))), undefined);
  assert.equal(parseLink(message(TUN_LINK.slice(0, 32))), undefined, "no name");
});
