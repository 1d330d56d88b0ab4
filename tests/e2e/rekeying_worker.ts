/**
 * The data-plane worker with keys that are used up after few packets, so that they are renewed as often as the protocol
 * allows, once in five seconds, and not once in two minutes.
 *
 * @module
 */
import { DEFAULT_LIMITS } from "../../core/wireguard/limits.ts";

/** Packets sent with one key. */
const REKEY_AFTER_COUNT = 1_000;

Object.assign(DEFAULT_LIMITS, { rekeyAfterCount: REKEY_AFTER_COUNT });

await import("../../core/dataplane/worker.ts");
