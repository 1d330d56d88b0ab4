import assert from "node:assert/strict";
import type { Random } from "../../../core/seams/random.ts";
import { SessionIndex } from "../../../core/wireguard/session_index.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

/** Gives out the numbers it is given. */
function drawing(...numbers: number[]): Random {
  return { u32: () => numbers.shift() ?? 0, fill() {} };
}

Deno.test("SessionIndex.allocate: a taken index is drawn again", () => {
  const index = new SessionIndex<string>(drawing(7, 7, 7, 0xffffffff), 10);
  assert.equal(index.allocate("a"), 7);
  assert.equal(index.allocate("b"), -1);
  assert.equal(index.get(7), "a");
  assert.equal(index.get(-1), "b");
});

Deno.test("SessionIndex.free: the name is nobody's afterwards, and given back once", () => {
  const index = new SessionIndex<string>(drawing(7, 7), 10);
  index.allocate("a");
  index.free(7);
  assert.equal(index.get(7), undefined);
  assert.throws(() => index.free(7));
  assert.equal(index.allocate("b"), 7);
});

Deno.test("SessionIndex: one index past the limit is refused", () => {
  const index = new SessionIndex<number>(new SeededRandom(1), 100);
  const indices = Array.from({ length: 100 }, (_, i) => index.allocate(i));
  assert.equal(new Set(indices).size, 100);
  assert.equal(index.allocate(100), undefined);
  assert.equal(index.size, 100);
  index.free(indices[0]!);
  assert.notEqual(index.allocate(100), undefined);
  assert.deepEqual(new Set([...index.entries()].map(([, entry]) => entry)).size, 100);
});

Deno.test("SessionIndex.allocate: a random source that is stuck is a bug, not an endless loop", () => {
  const index = new SessionIndex<string>(drawing(), 10);
  index.allocate("a");
  assert.throws(() => index.allocate("b"));
});
