import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ipDestinationAt,
  ipDestinationOffset,
  ipFamilyAt,
  ipSourceAt,
  ipSourceOffset,
  ipTotalLengthAt,
} from "../../../core/ip/header.ts";

/** Version 4, header 20, total length 24, 10.0.0.1 -> 10.0.0.2. */
const IPV4 = Uint8Array.fromHex("450000180000000040110000" + "0a000001" + "0a000002" + "01020304");
/** Version 6, payload length 2, fd00::1 -> fd00::2. */
const IPV6 = Uint8Array.fromHex(
  "6000000000021140" + "fd000000000000000000000000000001" + "fd000000000000000000000000000002" + "0102",
);

Deno.test("ipTotalLengthAt, ipSourceAt, ipDestinationAt: both versions, at any offset", () => {
  for (
    const [packet, family, source, destination] of [
      [IPV4, 4, "10.0.0.1", "10.0.0.2"],
      [IPV6, 6, "fd00::1", "fd00::2"],
    ] as const
  ) {
    const buffer = new Uint8Array(packet.length + 23);
    buffer.set(packet, 7);
    assert.equal(ipFamilyAt(buffer, 7, packet.length), family);
    assert.equal(ipTotalLengthAt(buffer, 7, packet.length), packet.length);
    assert.equal(ipTotalLengthAt(buffer, 7, packet.length + 15), packet.length);
    assert.equal(String(ipSourceAt(buffer, 7, packet.length)), source);
    assert.equal(String(ipDestinationAt(buffer, 7, packet.length)), destination);
    assert.equal(ipDestinationOffset(family) - ipSourceOffset(family), family === 4 ? 4 : 16);
  }
});

Deno.test("ipTotalLengthAt: 0 for a header that lies", () => {
  const changed = (packet: Uint8Array, at: number, value: number) => {
    const copy = packet.slice();
    copy[at] = value;
    return ipTotalLengthAt(copy, 0, copy.length);
  };
  assert.equal(changed(IPV4, 3, 25), 0);
  assert.equal(changed(IPV4, 3, 19), 0);
  assert.equal(changed(IPV4, 0, 0x44), 0);
  assert.equal(changed(IPV4, 0, 0x47), 0);
  assert.equal(changed(IPV4, 0, 0x55), 0);
  assert.equal(changed(IPV6, 5, 3), 0);
  assert.equal(changed(IPV6, 0, 0x40), 0);
});

Deno.test("ipFamilyAt: 0 for less than a header and for ranges outside the buffer", () => {
  assert.equal(ipFamilyAt(IPV4, 0, 19), 0);
  assert.equal(ipFamilyAt(IPV6, 0, 39), 0);
  assert.equal(ipFamilyAt(IPV4, 0, 25), 0);
  assert.equal(ipFamilyAt(IPV4, 5, 20), 0);
  assert.equal(ipFamilyAt(IPV4, -1, 20), 0);
  assert.equal(ipSourceAt(IPV4, 0, 19), undefined);
  assert.equal(ipDestinationAt(IPV6, 0, 39), undefined);
});

Deno.test("ipTotalLengthAt: any bytes give a length inside the packet", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    const totalBytes = ipTotalLengthAt(bytes, 0, bytes.length);
    assert.ok(totalBytes === 0 || (totalBytes >= 20 && totalBytes <= bytes.length));
    if (totalBytes > 0) assert.notEqual(ipSourceAt(bytes, 0, bytes.length), undefined);
  }));
});
