import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";

function parse(text: string): Prefix {
  const prefix = Prefix.parse(text);
  assert(prefix, text);
  return prefix;
}

function addressOf(text: string): IpAddress {
  const address = IpAddress.parse(text);
  assert(address, text);
  return address;
}

const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4, max: 3 }),
  fc.uint8Array({ minLength: 16, maxLength: 16, max: 3 }),
).map((bytes) => {
  const parsed = IpAddress.fromBytes(bytes);
  assert(parsed);
  return parsed;
});
const prefix = fc.tuple(address, fc.nat(128)).map(([base, bits]) => {
  const parsed = Prefix.of(base, bits % (base.bits + 1));
  assert(parsed);
  return parsed;
});

/** The address as digits 0 and 1. */
function digits(of: IpAddress): string {
  return Array.from(of.toBytes(), (byte) => byte.toString(2).padStart(8, "0")).join("");
}

Deno.test("Prefix.parse: text to canonical text, host bits kept", () => {
  const texts: [string, string][] = [
    ["10.0.0.1/8", "10.0.0.1/8"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["1.2.3.4/32", "1.2.3.4/32"],
    ["2001:DB8:0::/48", "2001:db8::/48"],
    ["::/0", "::/0"],
    ["::1/128", "::1/128"],
  ];
  for (const [text, canonical] of texts) assert.equal(`${parse(text)}`, canonical);
});

Deno.test("Prefix.parse: IPv4-mapped prefixes are IPv4, with their own length", () => {
  assert.equal(`${parse("::ffff:1.2.3.0/120")}`, "1.2.3.0/24");
  assert.equal(`${parse("::ffff:0:0/96")}`, "0.0.0.0/0");
  assert.equal(`${parse("::ffff:1.2.3.4/128")}`, "1.2.3.4/32");
  for (const bits of [0, 24, 32, 95]) assert.equal(Prefix.parse(`::ffff:1.2.3.0/${bits}`), undefined);
});

Deno.test("Prefix.parse: undefined for everything else", () => {
  const refused = [
    "",
    "/",
    "/8",
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/+8",
    "10.0.0.0/08",
    "10.0.0.0/8.0",
    "10.0.0.0/ 8",
    "10.0.0.0/8 ",
    "10.0.0.0/8/8",
    "10.0.0.0/0x8",
    "10.0.0.0/1e1",
    "10.0.0/8",
    "::/129",
    "::/999",
    "::/1000",
    "fe80::%eth0/64",
  ];
  for (const text of refused) assert.equal(Prefix.parse(text), undefined, JSON.stringify(text));
});

Deno.test("Prefix.of: lengths that do not fit the family are undefined", () => {
  const v4 = addressOf("1.2.3.4");
  const v6 = addressOf("::1");
  for (const bits of [-1, 33, 128, 0.5, NaN]) assert.equal(Prefix.of(v4, bits), undefined);
  for (const bits of [-1, 129, 0.5]) assert.equal(Prefix.of(v6, bits), undefined);
  assert.equal(`${Prefix.single(v4)}`, "1.2.3.4/32");
  assert.equal(`${Prefix.single(v6)}`, "::1/128");
  assert.equal(Prefix.single(v6).family, 6);
});

Deno.test("Prefix: parse reads back what toString writes", () => {
  fc.assert(fc.property(prefix, (any) => parse(`${any}`).equals(any)));
});

Deno.test("Prefix.contains, masked: as comparison of binary digits says", () => {
  fc.assert(
    fc.property(prefix, address, (network, host) => {
      const head = digits(network.address).slice(0, network.bits);
      const expected = network.family === host.family && digits(host).startsWith(head);
      assert.equal(network.contains(host), expected);
      assert.equal(digits(network.masked().address), head.padEnd(network.address.bits, "0"));
      assert(network.contains(network.address) && network.contains(network.masked().address));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Prefix.overlaps: if and only if one contains the other's network, both ways", () => {
  fc.assert(
    fc.property(prefix, prefix, (a, b) => {
      const expected = a.contains(b.masked().address) || b.contains(a.masked().address);
      assert.equal(a.overlaps(b), expected);
      assert.equal(b.overlaps(a), expected);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Prefix: families never meet", () => {
  assert(!parse("0.0.0.0/0").contains(addressOf("::1")));
  assert(!parse("::/0").contains(addressOf("1.2.3.4")));
  assert(!parse("::/0").overlaps(parse("0.0.0.0/0")));
});

Deno.test("Prefix.equals: address with host bits and length", () => {
  assert(parse("10.0.0.1/8").equals(parse("10.0.0.1/8")));
  assert(!parse("10.0.0.1/8").equals(parse("10.0.0.0/8")));
  assert(!parse("10.0.0.1/8").equals(parse("10.0.0.1/9")));
  assert(parse("10.0.0.1/8").masked().equals(parse("10.255.0.0/8").masked()));
});
