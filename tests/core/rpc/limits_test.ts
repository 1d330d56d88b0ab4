/**
 * Tests for `core/rpc/limits.ts`: the table typed again, and how the limits must stand to each other.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as limits from "../../../core/rpc/limits.ts";

Deno.test("limits: are the documented ones", () => {
  assert.deepEqual({ ...limits }, {
    MESSAGE_BYTES_MAX: 4194304,
    METADATA_BYTES_MAX: 8192,
    FORWARDED_METADATA_BYTES_MAX: 1024,
    FIELD_OVERHEAD_BYTES: 32,
    FIELDS_MAX: 303,
    STREAMS_PER_CONNECTION_MAX: 100,
    CALLS_PER_LISTENER_MAX: 1000,
    REQUEST_WAIT_MS: 30000,
    KEEPALIVE_TIME_MS: 60000,
    KEEPALIVE_TIMEOUT_MS: 20000,
    CONNECTION_IDLE_MS: 900000,
    STOP_GRACE_MS: 5000,
    STOP_FLUSH_MS: 250,
    UNARY_DEADLINE_MS: 10000,
    HEALTH_WATCHERS_MAX: 64,
    JOIN_ENDPOINTS_MAX: 16,
  });
});

Deno.test("limits: one connection or one kind of call cannot use up a listener", () => {
  assert(limits.STREAMS_PER_CONNECTION_MAX < limits.CALLS_PER_LISTENER_MAX);
  assert(limits.HEALTH_WATCHERS_MAX < limits.CALLS_PER_LISTENER_MAX);
});

Deno.test("limits: as many fields as fit into the metadata of a forwarded call", () => {
  const bytesMax = limits.METADATA_BYTES_MAX + limits.FORWARDED_METADATA_BYTES_MAX;
  assert(limits.FIELDS_MAX > bytesMax / (limits.FIELD_OVERHEAD_BYTES + 1));
});
