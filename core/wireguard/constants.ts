/**
 * The numbers of WireGuard: those of the whitepaper (§6.1 and where noted), then those that this implementation
 * chooses where the paper leaves the choice. Ceilings on memory are in `limits.ts`.
 *
 * @module
 */
import { assert } from "../assert.ts";

// Whitepaper §6.1

/** Rekey-After-Messages: after so many messages sent with one key a new one is agreed on. */
export const REKEY_AFTER_MESSAGES = 2n ** 60n;
/** Reject-After-Messages: no message is sent or accepted with a counter from here on. */
export const REJECT_AFTER_MESSAGES = 2n ** 64n - 2n ** 13n - 1n;
/** Rekey-After-Time: an initiator that sends with a key this old agrees on a new one. */
export const REKEY_AFTER_TIME_MS = 120_000;
/** Reject-After-Time: no message is sent or accepted with a key this old. */
export const REJECT_AFTER_TIME_MS = 180_000;
/** Rekey-Attempt-Time: an unanswered handshake is given up after this long. */
export const REKEY_ATTEMPT_TIME_MS = 90_000;
/** Rekey-Timeout: the time between two initiations to one peer, at least. */
export const REKEY_TIMEOUT_MS = 5_000;
/** Keepalive-Timeout: silence after received data that is broken by an empty packet. */
export const KEEPALIVE_TIMEOUT_MS = 10_000;

// Whitepaper, elsewhere

/** Retries wait up to this much longer, so that two peers who started together part (§6.1). */
export const REKEY_TIMEOUT_JITTER_MAX_MS = 333;
/** Keys that nobody renews are wiped after this many times Reject-After-Time (§6.3). */
export const ZERO_KEYS_AFTER_REJECT_COUNT = 3;
/** Age at which the secret behind cookies is drawn anew, and a received cookie is no longer used (§5.4.7). */
export const COOKIE_LIFE_MS = 120_000;
/** Plaintext is padded to a multiple of this (§5.4.6). */
export const PADDING_BYTES = 16;

// Of the established implementations

/** The least time between two accepted initiations of one peer: fifty a second. */
export const INITIATION_INTERVAL_MIN_MS = 20;
/** Handshake messages a second that one source may send under load. */
export const RATE_PER_SOURCE_PER_SECOND = 20;
/** Handshake messages that one source may send at once under load. */
export const RATE_PER_SOURCE_BURST = 5;
/** How long a sign of load counts. */
export const UNDER_LOAD_MS = 1_000;
/** Timestamps are rounded down to this, 16.8 ms, so that they tell little of the sender's clock. */
export const TIMESTAMP_GRANULARITY_NS = 2 ** 24;

// Ours

/**
 * Counters are JavaScript integers: exact below 2^53, far fewer than the paper allows. A key lives for 180 s,
 * and 2^53 packets in 180 s are 5 * 10^13 a second, so no honest peer comes near; a received counter from here on is
 * dropped.
 */
export const COUNTER_LIMIT = 2 ** 53;
/** Stands in for Rekey-After-Messages. */
export const REKEY_AFTER_COUNT = 2 ** 52;
/** Stands in for Reject-After-Messages: as the paper, 2^13 + 1 short of the end. */
export const REJECT_AFTER_COUNT = COUNTER_LIMIT - 2 ** 13 - 1;
/**
 * A cookie reply to an initiation lets the next one go this much later instead of a whole Rekey-Timeout, once per
 * Rekey-Timeout, so that a flood against a peer delays honest handshakes by a second and not by five. The same goes for a
 * network that changed while an initiation was on its way.
 */
export const COOKIE_RETRY_MS = 1_000;

assert(BigInt(REKEY_AFTER_COUNT) <= REKEY_AFTER_MESSAGES, "Keys are renewed no later than the paper asks");
assert(BigInt(REJECT_AFTER_COUNT) <= REJECT_AFTER_MESSAGES, "Keys end no later than the paper asks");
assert(REKEY_AFTER_COUNT < REJECT_AFTER_COUNT, "Keys are renewed before they end");
assert(Number.isSafeInteger(COUNTER_LIMIT - 1), "All counters below the limit are exact");
assert(REKEY_AFTER_TIME_MS + REKEY_TIMEOUT_MS < REJECT_AFTER_TIME_MS, "Renewal has time for a retry");
assert(COOKIE_RETRY_MS >= INITIATION_INTERVAL_MIN_MS, "An early retry is not taken for a flood");
