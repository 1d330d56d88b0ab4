import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  NetlinkRequest,
  NLM_F_ACK,
  NLMSG_ERROR,
  parseAttributes,
  parseError,
  parseMessages,
  readString,
  readU32,
} from "../../../core/io/netlink_message.ts";

/** What a kernel answered to an address request for an interface that does not exist, whole and capped. */
const REFUSED = "680000000200000207000000fc230000edffffff" +
  "380000001400050607000000000000000218020" +
  "09f860100080002000a630001080001000a630001080008000200000008000900b80b0000" +
  "1b000100697076343a20446576696365206e6f7420666f756e640000";
const REFUSED_CAPPED = "400000000200000307000000fc230000edffffff" +
  "38000000140005060700000000000000" + "1b000100697076343a20446576696365206e6f7420666f756e640000";
const DONE = "24000000020000000700000000000000" + "00000000" + "38000000140005060700000000000000";

const bytesOf = (hex: string) => Uint8Array.fromHex(hex);

Deno.test("NetlinkRequest: lays out header, family header and aligned attributes", () => {
  const request = new NetlinkRequest(20, NLM_F_ACK, Uint8Array.of(2, 24, 0, 0, 7, 0, 0, 0))
    .attribute(3, Uint8Array.of(0x61, 0x62, 0))
    .u32(8, 0x01020304);
  assert.equal(
    request.encode(9).toHex(),
    "28000000" + "1400" + "0500" + "09000000" + "00000000" + "0218000007000000" + "0700030061620000" +
      "0800080004030201",
  );
});

Deno.test("NetlinkRequest: nests attributes and counts their bytes", () => {
  const request = new NetlinkRequest(19, 0, new Uint8Array(0));
  request.nested(26, () => request.nested(10, () => request.u8(8, 1)));
  assert.equal(request.encode(1).subarray(16).toHex(), "10001a80" + "0c000a80" + "0500080001000000");
});

Deno.test("NetlinkRequest: one byte more than its room is a bug that crashes", () => {
  const room = 512 - 16 - 4;
  new NetlinkRequest(1, 0, new Uint8Array(0)).attribute(1, new Uint8Array(room));
  assert.throws(() => new NetlinkRequest(1, 0, new Uint8Array(0)).attribute(1, new Uint8Array(room + 1)), {
    name: "InvariantError",
  });
});

Deno.test("parseMessages: splits a datagram of several messages", () => {
  const messages = parseMessages(bytesOf(DONE + REFUSED));
  assert.deepEqual(messages?.map((m) => [m.type, m.flags, m.sequence, m.body.length]), [[2, 0, 7, 20], [
    2,
    0x200,
    7,
    88,
  ]]);
});

Deno.test("parseMessages: an odd last message may leave out its padding", () => {
  const messages = parseMessages(bytesOf("11000000020000000700000000000000" + "55"));
  assert.deepEqual(messages?.map((m) => [...m.body]), [[0x55]]);
});

Deno.test("parseMessages: a cut datagram is refused at every length", () => {
  const whole = bytesOf(REFUSED);
  for (let length = 1; length < whole.length; length++) {
    assert.equal(parseMessages(whole.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.deepEqual(parseMessages(new Uint8Array(0)), []);
});

Deno.test("parseMessages: a length below the header's own is refused", () => {
  assert.equal(parseMessages(bytesOf("0f000000020000000700000000000000")), undefined);
  assert.equal(parseMessages(bytesOf("00000000020000000700000000000000")), undefined);
});

Deno.test("parseAttributes: finds values by type, without the flag bits", () => {
  const attributes = parseAttributes(bytesOf("ffffffff" + "0600010011220000" + "05000280" + "33000000"), 4);
  assert.deepEqual([...attributes ?? []].map(([type, value]) => [type, value.toHex()]), [[1, "1122"], [2, "33"]]);
});

Deno.test("parseAttributes: lengths that do not fit are refused", () => {
  assert.equal(parseAttributes(bytesOf("0300010011220000"), 0), undefined, "shorter than its header");
  assert.equal(parseAttributes(bytesOf("0900010011220000"), 0), undefined, "longer than the rest");
  assert.equal(
    parseAttributes(bytesOf("08000100112200000600020033"), 0),
    undefined,
    "longer than the rest, not the whole",
  );
  assert.equal(parseAttributes(bytesOf("08000100112200000400"), 0), undefined, "half a header");
  assert.equal(parseAttributes(bytesOf("0800"), 4), undefined, "shorter than the family header");
});

Deno.test("parseMessages, parseAttributes, parseError: never throw on any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(32), (bytes, headerBytes) => {
    parseAttributes(bytes, headerBytes);
    parseError({ type: NLMSG_ERROR, flags: 0x300, sequence: 0, body: bytes });
    parseError({ type: NLMSG_ERROR, flags: 0x200, sequence: 0, body: bytes });
    for (const message of parseMessages(bytes) ?? []) parseAttributes(message.body, headerBytes);
  }));
});

Deno.test("parseError: reads number and text, with and without the request in between", () => {
  for (const hex of [REFUSED, REFUSED_CAPPED]) {
    const [message] = parseMessages(bytesOf(hex)) ?? [];
    assert.ok(message);
    assert.deepEqual(parseError(message), { errno: 19, text: "ipv4: Device not found" });
  }
});

Deno.test("parseError: zero is an acknowledgement", () => {
  const [message] = parseMessages(bytesOf(DONE)) ?? [];
  assert.ok(message);
  assert.deepEqual(parseError(message), { errno: 0, text: undefined });
  assert.equal(parseError({ ...message, body: message.body.subarray(0, 19) }), undefined);
});

Deno.test("readString, readU32: stop at the NUL, and take four bytes exactly", () => {
  assert.equal(readString(bytesOf("776600ff")), "wf");
  assert.equal(readString(bytesOf("7766")), "wf");
  assert.equal(readU32(bytesOf("ffffffff")), 0xffffffff);
  assert.equal(readU32(bytesOf("ffffff")), undefined);
  assert.equal(readU32(undefined), undefined);
});
