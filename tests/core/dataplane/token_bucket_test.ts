import { strict as assert } from "node:assert";
import { TokenBucket } from "../../../core/dataplane/token_bucket.ts";

/** How many of `count` attempts succeed. */
function taken(bucket: TokenBucket, count: number, nowMs: number): number {
  return Array.from({ length: count }, () => bucket.take(nowMs)).filter(Boolean).length;
}

Deno.test("TokenBucket: gives a burst, then its rate, and never more than a burst", () => {
  const bucket = new TokenBucket(100, 5);
  assert.equal(taken(bucket, 10, 0), 5);
  assert.equal(taken(bucket, 10, 9), 0);
  assert.equal(taken(bucket, 10, 30), 3);
  assert.equal(taken(bucket, 10, 1e9), 5);
});

Deno.test("TokenBucket: a clock that stands still or goes back gives nothing", () => {
  const bucket = new TokenBucket(1000, 1);
  assert.equal(taken(bucket, 2, 5000), 1);
  assert.equal(taken(bucket, 2, 5000), 0);
  assert.equal(taken(bucket, 2, 0), 0);
});
