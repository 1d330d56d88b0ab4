import assert from "node:assert/strict";
import { IpAddress } from "../../../core/ip/address.ts";
import { ENDPOINT_COUNT_MAX } from "../../../core/node/config.ts";
import { announcedEndpoints } from "../../../core/node/endpoints.ts";

function ip(text: string): IpAddress {
  const address = IpAddress.parse(text);
  assert(address, text);
  return address;
}

const NOTHING = { configuredPrimary: undefined, configuredOthers: [], routed: undefined, host: [] };

function texts(sources: Parameters<typeof announcedEndpoints>[0]): (string | undefined)[] {
  const { primary, others } = announcedEndpoints(sources);
  return [primary?.toString(), ...others.map(String)];
}

Deno.test("announcedEndpoints: the operator's word is final", () => {
  const host = [ip("192.0.2.7")];
  assert.deepEqual(texts({ ...NOTHING, configuredPrimary: ip("203.0.113.9"), host }), ["203.0.113.9"]);
  const configuredOthers = [ip("203.0.113.9"), ip("2001:db8::9")];
  assert.deepEqual(texts({ ...NOTHING, configuredOthers, host }), ["203.0.113.9", "2001:db8::9"]);
});

Deno.test("announcedEndpoints: the routed address is primary, the host's others follow once each", () => {
  const host = [ip("127.0.0.1"), ip("fe80::1"), ip("10.0.0.7"), ip("192.0.2.7"), ip("10.0.0.7"), ip("2001:db8::7")];
  assert.deepEqual(texts({ ...NOTHING, routed: ip("192.0.2.7"), host }), ["192.0.2.7", "10.0.0.7", "2001:db8::7"]);
  assert.deepEqual(texts({ ...NOTHING, host }), ["10.0.0.7", "192.0.2.7", "2001:db8::7"]);
});

Deno.test("announcedEndpoints: an isolated host announces nothing, a crowded one at most the limit", () => {
  assert.deepEqual(texts({ ...NOTHING, routed: ip("127.0.0.1"), host: [ip("::1")] }), [undefined]);
  const host = Array.from({ length: ENDPOINT_COUNT_MAX + 2 }, (_, index) => ip(`10.0.0.${index + 1}`));
  assert.equal(announcedEndpoints({ ...NOTHING, host }).others.length, ENDPOINT_COUNT_MAX);
});
