import { strict as assert } from "node:assert";
import { tunnelMtu } from "../../../core/dataplane/tunnel_mtu.ts";

Deno.test("tunnelMtu: follows the underlay between what IPv6 needs and what the Internet carries", () => {
  for (
    const [underlay, expected] of [
      [[], 1420],
      [[1500], 1420],
      [[9000], 1420],
      [[65536], 1420],
      [[1492], 1412],
      [[1400], 1320],
      [[1360], 1280],
      [[1280], 1280],
      [[1124], 1280],
    ] as const
  ) assert.equal(tunnelMtu(underlay), expected, `${underlay}`);
});

Deno.test("tunnelMtu: the widest way counts", () => {
  assert.equal(tunnelMtu([1280, 1500, 1400]), 1420);
  assert.equal(tunnelMtu(new Set([1280, 1400])), 1320);
});

Deno.test("tunnelMtu: asks no further than it has to", () => {
  let askedCount = 0;
  const ways = function* () {
    for (const mtu of [1280, 1500, 1400]) {
      askedCount++;
      yield mtu;
    }
  };
  assert.equal(tunnelMtu(ways()), 1420);
  assert.equal(askedCount, 2);
});
