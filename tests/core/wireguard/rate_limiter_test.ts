import assert from "node:assert/strict";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { RateLimiter } from "../../../core/wireguard/rate_limiter.ts";

function from(text: string): Endpoint {
  const endpoint = Endpoint.parse(text);
  assert.ok(endpoint, text);
  return endpoint;
}

/** How many of `count` messages at `atMs` pass. */
function passed(limiter: RateLimiter, endpoint: Endpoint, atMs: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) if (limiter.allow(endpoint, atMs)) sum++;
  return sum;
}

Deno.test("RateLimiter: five at once, then twenty a second", () => {
  const limiter = new RateLimiter(10);
  const source = from("192.0.2.1:1");
  assert.equal(passed(limiter, source, 0, 10), 5);
  assert.equal(passed(limiter, source, 49, 1), 0);
  let sum = 0;
  for (let atMs = 50; atMs <= 1050; atMs += 10) sum += passed(limiter, source, atMs, 1);
  assert.equal(sum, 21);
});

Deno.test("RateLimiter: an idle source has five again and no more", () => {
  const limiter = new RateLimiter(10);
  const source = from("192.0.2.1:1");
  passed(limiter, source, 0, 5);
  assert.equal(passed(limiter, source, 60_000, 10), 5);
});

Deno.test("RateLimiter: ports and the lower half of IPv6 addresses are one source, addresses and /64s are not", () => {
  const limiter = new RateLimiter(10);
  assert.equal(passed(limiter, from("192.0.2.1:1"), 0, 5), 5);
  assert.equal(passed(limiter, from("192.0.2.1:2"), 0, 5), 0);
  assert.equal(passed(limiter, from("192.0.2.2:1"), 0, 5), 5);
  assert.equal(passed(limiter, from("[2001:db8::1]:1"), 0, 5), 5);
  assert.equal(passed(limiter, from("[2001:db8::ffff:1]:1"), 0, 5), 0);
  assert.equal(passed(limiter, from("[2001:db8:0:1::1]:1"), 0, 5), 5);
});

Deno.test("RateLimiter: one source past the limit is refused until one has been idle", () => {
  const limiter = new RateLimiter(3);
  for (let i = 1; i <= 3; i++) assert.ok(limiter.allow(from(`192.0.2.${i}:1`), 0));
  assert.equal(limiter.allow(from("192.0.2.4:1"), 0), false);
  assert.equal(limiter.size, 3);
  assert.ok(limiter.allow(from("192.0.2.1:1"), 249));
  assert.ok(limiter.allow(from("192.0.2.4:1"), 250), "two have been idle for as long as it takes to fill up");
  assert.equal(limiter.size, 2);
});

Deno.test("RateLimiter: a million sources take no more room than the limit", () => {
  const limiter = new RateLimiter(100);
  const source = from("192.0.2.1:1");
  for (let i = 0; i < 1_000_000; i++) {
    source.bytes[5] = i >>> 16;
    source.bytes[6] = i >>> 8;
    source.bytes[7] = i;
    limiter.allow(source, i / 1000);
  }
  assert.ok(limiter.size <= 100);
});
