import assert from "node:assert/strict";
import * as constants from "../../../core/wireguard/constants.ts";

Deno.test("constants: the table of whitepaper §6.1, typed again", () => {
  assert.equal(constants.REKEY_AFTER_MESSAGES, 1152921504606846976n);
  assert.equal(constants.REJECT_AFTER_MESSAGES, 18446744073709543423n);
  assert.equal(constants.REKEY_AFTER_TIME_MS, 120 * 1000);
  assert.equal(constants.REJECT_AFTER_TIME_MS, 180 * 1000);
  assert.equal(constants.REKEY_ATTEMPT_TIME_MS, 90 * 1000);
  assert.equal(constants.REKEY_TIMEOUT_MS, 5 * 1000);
  assert.equal(constants.KEEPALIVE_TIMEOUT_MS, 10 * 1000);
});

Deno.test("constants: what the paper and the established implementations agree on elsewhere", () => {
  assert.equal(constants.REKEY_TIMEOUT_JITTER_MAX_MS, 333);
  assert.equal(constants.ZERO_KEYS_AFTER_REJECT_COUNT * constants.REJECT_AFTER_TIME_MS, 540_000);
  assert.equal(constants.COOKIE_LIFE_MS, 2 * 60 * 1000);
  assert.equal(constants.PADDING_BYTES, 16);
  assert.equal(constants.INITIATION_INTERVAL_MIN_MS, 1000 / 50);
  assert.equal(constants.RATE_PER_SOURCE_PER_SECOND, 20);
  assert.equal(constants.RATE_PER_SOURCE_BURST, 5);
  assert.equal(constants.UNDER_LOAD_MS, 1000);
  assert.equal(constants.TIMESTAMP_GRANULARITY_NS, 0x100_0000);
});

Deno.test("constants: counters end before they stop being exact, and never after the paper's end", () => {
  assert.equal(constants.COUNTER_LIMIT, Number.MAX_SAFE_INTEGER + 1);
  assert.ok(BigInt(constants.REJECT_AFTER_COUNT) < constants.REJECT_AFTER_MESSAGES);
  assert.ok(BigInt(constants.REKEY_AFTER_COUNT) < constants.REKEY_AFTER_MESSAGES);
});
