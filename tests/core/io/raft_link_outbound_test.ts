/**
 * The pauses between attempts; what a link does is in raft_link_test.ts.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { LINK_TIMINGS } from "../../../core/io/raft_link_limits.ts";
import { backoffMs } from "../../../core/io/raft_link_outbound.ts";
import type { Random } from "../../../core/seams/random.ts";

function always(value: number): Random {
  return { u32: () => value, fill: () => {} };
}

Deno.test("backoffMs: doubles up to its limit, between half and all of it", () => {
  const shortest = [1, 2, 3, 6, 7, 2000].map((count) => backoffMs(count, LINK_TIMINGS, always(0)));
  assert.deepEqual(shortest, [50, 100, 200, 1600, 2500, 2500]);
  for (const count of [1, 2, 7]) {
    const longest = backoffMs(count, LINK_TIMINGS, always(0xffff_ffff));
    assert(Math.abs(longest - 2 * backoffMs(count, LINK_TIMINGS, always(0))) < 0.001);
  }
});
