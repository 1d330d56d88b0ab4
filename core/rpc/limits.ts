/**
 * What a gRPC listener and client accept before they refuse. Values are gRPC's usual ones where it has some.
 *
 * @module
 */

/** A longer message is refused with RESOURCE_EXHAUSTED, in either direction. gRPC's default. */
export const MESSAGE_BYTES_MAX: number = 4 * 1024 * 1024;
/** A request with more metadata, counted as HTTP/2 does (RFC 9113 §6.5.2), is refused with RESOURCE_EXHAUSTED. */
export const METADATA_BYTES_MAX: number = 8 * 1024;
/** A call that a node passes on may have so much more: what that node says of itself, of the caller and of the call. */
export const FORWARDED_METADATA_BYTES_MAX: number = 1024;
/** What HTTP/2 counts for a field beside its name and value (RFC 9113 §6.5.2). */
export const FIELD_OVERHEAD_BYTES = 32;
/** Fields of a request that are no metadata: HTTP/2's own, and those by which gRPC frames a call. */
const HOP_FIELDS_MAX = 24;
/** Fields of a request: as many as can be within the limits above, so that those decide. */
export const FIELDS_MAX: number = HOP_FIELDS_MAX +
  Math.floor((METADATA_BYTES_MAX + FORWARDED_METADATA_BYTES_MAX) / (FIELD_OVERHEAD_BYTES + 1));
/** Concurrent calls on one connection, SETTINGS_MAX_CONCURRENT_STREAMS. */
export const STREAMS_PER_CONNECTION_MAX = 100;
/** Concurrent calls on one listener over all connections; the next one is refused with RESOURCE_EXHAUSTED. */
export const CALLS_PER_LISTENER_MAX = 1_000;
/** A caller that opened a call has this long for its request, or for its first message if it streams. */
export const REQUEST_WAIT_MS = 30_000;
/** A connection is pinged when it was silent for this long, and closed when the answer does not come in time. */
export const KEEPALIVE_TIME_MS = 60_000;
/** See {@linkcode KEEPALIVE_TIME_MS}. */
export const KEEPALIVE_TIMEOUT_MS = 20_000;
/** A connection without calls is closed after this long. */
export const CONNECTION_IDLE_MS: number = 15 * 60_000;
/** Calls that are under way when the server stops may take this much longer. */
export const STOP_GRACE_MS = 5_000;
/** How long ended calls have to reach their callers before connections are cut. */
export const STOP_FLUSH_MS = 250;
/** A client's call without a deadline of its own is given up after this long; streams have none. */
export const UNARY_DEADLINE_MS = 10_000;
/** Health watchers at one time; the next one is refused with RESOURCE_EXHAUSTED. */
export const HEALTH_WATCHERS_MAX = 64;
/** Further endpoints in one Join; a longer list is refused with INVALID_ARGUMENT. */
export const JOIN_ENDPOINTS_MAX = 16;
