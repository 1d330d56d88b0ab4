import { strict as assert } from "node:assert";
import { ViewCache } from "../../../core/io/view_cache.ts";

Deno.test("ViewCache: repeats the same view and follows buffer and offset", () => {
  const cache = new ViewCache();
  const [one, two] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)];
  const view = cache.at(one, 1);
  assert.deepEqual([...view], [2, 3]);
  assert.equal(cache.at(one, 1), view);
  assert.deepEqual([...cache.at(one, 2)], [3]);
  assert.deepEqual([...cache.at(two, 2)], [6]);
  assert.deepEqual([...cache.at(two.subarray(1), 1)], [6]);
});
