import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "../../../core/ip/address.ts";
import { Endpoint, ENDPOINT_BYTES } from "../../../core/ip/endpoint.ts";

function parse(text: string): Endpoint {
  const endpoint = Endpoint.parse(text);
  assert(endpoint, text);
  return endpoint;
}

const endpoint = fc.tuple(
  fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
  fc.integer({ min: 1, max: 0xffff }),
).map(([bytes, port]) => {
  const address = IpAddress.fromBytes(bytes);
  assert(address);
  return Endpoint.of(address, port);
});

Deno.test("Endpoint.bytes: family, port and address lie where the layout says", () => {
  assert.equal(parse("1.2.3.4:51820").bytes.toHex(), "0400ca6c" + "01020304" + "00".repeat(16));
  assert.equal(parse("[2001:db8::1]:1").bytes.toHex(), "06000001" + "20010db8000000000000000000000001" + "00000000");
  assert.equal(ENDPOINT_BYTES, 24);
});

Deno.test("Endpoint.parse: reads back what toString writes", () => {
  fc.assert(fc.property(endpoint, (any) => parse(`${any}`).equals(any)));
});

Deno.test("Endpoint.parse: IPv4-mapped addresses are IPv4", () => {
  assert(parse("[::ffff:1.2.3.4]:5").equals(parse("1.2.3.4:5")));
});

Deno.test("Endpoint.parse: undefined for everything else", () => {
  const refused = [
    "",
    "1.2.3.4",
    "1.2.3.4:",
    ":5",
    "1.2.3.4:0",
    "1.2.3.4:05",
    "1.2.3.4:65536",
    "1.2.3.4:+5",
    "1.2.3.4:5 ",
    "1.2.3.4:5\n",
    "1.2.3:5",
    "[1.2.3.4]:5",
    "::1:5",
    "[::1]",
    "[::1]5",
    "[::1]:",
    "[::1]:0",
    "[::1]:65536",
    "[]:5",
    "[::1%eth0]:5",
    "[::1:5",
    "::1]:5",
    "host:5",
  ];
  for (const text of refused) assert.equal(Endpoint.parse(text), undefined, JSON.stringify(text));
});

Deno.test("Endpoint: unset until it is overwritten", () => {
  const unset = new Endpoint();
  assert.deepEqual([unset.family, unset.port, unset.address, `${unset}`], [0, 0, undefined, "(none)"]);
  unset.copyFrom(parse("1.2.3.4:5"));
  assert.deepEqual([unset.family, unset.port, `${unset.address}`, `${unset}`], [4, 5, "1.2.3.4", "1.2.3.4:5"]);
});

Deno.test("Endpoint.copyFrom: leaves nothing of what was there", () => {
  const slot = parse("[2001:db8::1]:9");
  slot.copyFrom(parse("1.2.3.4:5"));
  assert(slot.equals(parse("1.2.3.4:5")));
  assert.equal(`${slot}`, "1.2.3.4:5");
});

Deno.test("Endpoint.clone: keeps its value when the original is overwritten", () => {
  const slot = parse("1.2.3.4:5");
  const kept = slot.clone();
  slot.copyFrom(parse("[::1]:6"));
  assert.equal(`${kept}`, "1.2.3.4:5");
});

Deno.test("Endpoint.equals: every byte counts, the scope too", () => {
  const one = parse("[fe80::1]:5");
  for (let i = 0; i < ENDPOINT_BYTES; i++) {
    const other = one.clone();
    other.bytes[i] = 0xaa;
    assert(!one.equals(other) && !other.equals(one), `byte ${i}`);
  }
  assert(one.equals(one.clone()));
});

Deno.test("Endpoint.of: 16 bits of port, from the first to the last", () => {
  const address = IpAddress.parse("1.2.3.4");
  assert(address);
  for (const port of [0, 1, 0xff, 0x100, 0xffff]) assert.equal(Endpoint.of(address, port).port, port);
  assert.equal(Endpoint.of(address, 0x10001).port, 1);
});

Deno.test("Endpoint.local: is copied, and is no part of what is equal", () => {
  const [one, other] = [parse("192.0.2.1:1"), parse("192.0.2.1:1")];
  assert.equal(one.hasLocal, false);
  one.local[15] = 1;
  assert.equal(one.hasLocal, true);
  assert(one.equals(other));
  assert.equal(one.clone().local[15], 1);
  other.copyLocalFrom(one);
  assert.deepEqual(other.local, one.local);
  other.forgetLocal();
  assert.equal(other.hasLocal, false);
  assert.equal(one.bytes.length + one.local.length, ENDPOINT_BYTES + 16);
  assert.equal(parse("[2001:db8::1]:1").copyFrom(one), undefined);
});
