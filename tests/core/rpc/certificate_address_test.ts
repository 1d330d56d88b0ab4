/**
 * Tests for `core/rpc/certificate_address.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { IpAddress } from "../../../core/ip/address.ts";
import { certificateCovers } from "../../../core/rpc/certificate_address.ts";

const CASES: readonly (readonly [names: string | undefined, address: string, covers: boolean])[] = [
  ["IP Address:192.0.2.1", "192.0.2.1", true],
  ["DNS:a.example, IP Address:192.0.2.1", "192.0.2.1", true],
  ["IP Address:2001:DB8:0:0:0:0:0:1", "2001:db8::1", true],
  ["IP Address:192.0.2.1, IP Address:192.0.2.2", "192.0.2.2", true],
  ["IP Address:192.0.2.1", "192.0.2.10", false],
  ["IP Address:192.0.2.10", "192.0.2.1", false],
  // A host name that looks like an address is not one (RFC 9525 §6.4).
  ["DNS:192.0.2.1", "192.0.2.1", false],
  ["DNS:*", "192.0.2.1", false],
  ["URI:IP Address:192.0.2.1", "192.0.2.1", false],
  // A name with a separator in it comes quoted.
  ['DNS:"x, IP Address:192.0.2.1"', "192.0.2.1", false],
  ['DNS:"x", IP Address:192.0.2.1', "192.0.2.1", false],
  ["", "192.0.2.1", false],
  [undefined, "192.0.2.1", false],
];

for (const [names, text, covers] of CASES) {
  Deno.test(`certificateCovers: ${names} ${covers ? "covers" : "does not cover"} ${text}`, () => {
    const address = IpAddress.parse(text);
    assert(address);
    assert.equal(certificateCovers(names, address), covers);
  });
}
