import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  anyAddress,
  loopbackAddress,
  portOf,
  readSocketAddress,
  SOCKET_ADDRESS_BYTES,
  writeSocketAddress,
} from "../../../core/io/socket_address.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";

const hex = (bytes: Uint8Array) => bytes.toHex();

function written(text: string): string {
  const endpoint = Endpoint.parse(text);
  assert.ok(endpoint);
  const target = new Uint8Array(SOCKET_ADDRESS_BYTES).fill(0xaa);
  return hex(target.subarray(0, writeSocketAddress(endpoint, target)));
}

Deno.test("writeSocketAddress: is struct sockaddr_in and sockaddr_in6, whatever was there before", () => {
  assert.equal(written("192.0.2.1:51820"), "0200ca6cc00002010000000000000000");
  assert.equal(written("[2001:db8::1]:51820"), "0a00ca6c0000000020010db800000000000000000000000100000000");
});

Deno.test("writeSocketAddress: the scope goes to host order", () => {
  const endpoint = Endpoint.parse("[fe80::1]:1");
  assert.ok(endpoint);
  endpoint.bytes.set([0, 0, 1, 2], 20);
  const target = new Uint8Array(SOCKET_ADDRESS_BYTES);
  writeSocketAddress(endpoint, target);
  assert.equal(hex(target.subarray(24)), "02010000");
});

Deno.test("readSocketAddress: reads back what was written into any used endpoint", () => {
  const addresses = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(fc.property(addresses, fc.integer({ min: 0, max: 0xffff }), (bytes, port) => {
    const address = IpAddress.fromBytes(bytes);
    assert.ok(address);
    const before = Endpoint.of(address, port);
    const target = new Uint8Array(SOCKET_ADDRESS_BYTES).fill(0xaa);
    const length = writeSocketAddress(before, target);
    assert.equal(length, address.family === 4 ? 16 : 28);
    const after = new Endpoint();
    after.bytes.fill(0xbb);
    readSocketAddress(target, after);
    assert.ok(after.equals(before));
  }));
});

Deno.test("anyAddress: is the unspecified address with the port", () => {
  assert.equal(hex(anyAddress(4, 0x1234)), "02001234" + "00".repeat(12));
  assert.equal(hex(anyAddress(6, 0x1234)), "0a001234" + "00".repeat(24));
  assert.equal(portOf(anyAddress(6, 0xfedc)), 0xfedc);
});

Deno.test("loopbackAddress: is this host's own with the port", () => {
  assert.equal(hex(loopbackAddress(4, 0x1234)), "020012347f000001" + "00".repeat(8));
  assert.equal(hex(loopbackAddress(6, 0x1234)), "0a00123400000000" + "00".repeat(15) + "01" + "00".repeat(4));
});
