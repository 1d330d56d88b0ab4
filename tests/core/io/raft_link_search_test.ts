/**
 * Where members say that they are; how they are found is in raft_link_test.ts.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { LINK_ADDRESSES_MAX, type LinkAddress } from "../../../core/io/raft_link_limits.ts";
import { AdvertisedAddresses, textOf } from "../../../core/io/raft_link_search.ts";
import { Member } from "./raft_link_lab.ts";

function addresses(count: number): LinkAddress[] {
  return Array.from({ length: count }, (_, i) => ({ host: "10.0.0.1", port: i + 1 }));
}

Deno.test("AdvertisedAddresses: the last word of each member, as long as it is one with the same key", () => {
  const known = new AdvertisedAddresses();
  const [one, two] = [new Member(1).describe(), new Member(2).describe()];
  known.heard(one, addresses(3));
  known.heard(one, addresses(2));
  known.heard(two, addresses(1));
  known.heard(undefined, addresses(1));
  assert.deepEqual([known.of(1), known.of(2), known.of(3)], [addresses(2), addresses(1), []]);
  known.keep(new Map([[1, new Member(1).describe()], [2, two]]));
  assert.deepEqual([known.of(1), known.of(2)], [[], addresses(1)]);
  known.keep(new Map());
  assert.equal(known.membersCount, 0);
});

Deno.test("LINK_ADDRESSES_MAX: so many addresses of a member are kept, one more is not", () => {
  const known = new AdvertisedAddresses();
  known.heard(new Member(1).describe(), addresses(LINK_ADDRESSES_MAX + 1));
  assert.deepEqual(known.of(1), addresses(LINK_ADDRESSES_MAX));
});

Deno.test("textOf: brackets around IPv6", () => {
  assert.equal(textOf({ host: "fd00::1", port: 9443 }), "[fd00::1]:9443");
  assert.equal(textOf({ host: "10.0.0.1", port: 9443 }), "10.0.0.1:9443");
});
