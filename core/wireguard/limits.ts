/**
 * Ceilings on everything in the engine that grows with configuration or with what the network sends.
 *
 * @module
 */
import { REJECT_AFTER_COUNT, REKEY_AFTER_COUNT } from "./constants.ts";

/** One ceiling each; what lies beyond is refused, dropped and counted, or replaces the oldest. */
export interface EngineLimits {
  /** Peers. One more makes `upsertPeer` throw. */
  readonly peersMax: number;
  /** Allowed-IP prefixes of all peers together. One more makes `upsertPeer` throw. */
  readonly allowedIpsMax: number;
  /** Alternate endpoints kept of one peer; those behind are ignored. */
  readonly alternateEndpointsMax: number;
  /** Packets waiting for a session of one peer; the oldest gives way. */
  readonly queuedPacketsPerPeerMax: number;
  /** Packets waiting for sessions of all peers together; the peer's own oldest gives way. */
  readonly queuedPacketsMax: number;
  /** Sources whose handshake rate is remembered; while all are busy, further ones are refused. */
  readonly rateLimitedSourcesMax: number;
  /** Initiations a second (by valid mac1) above which the engine is under load. */
  readonly handshakesPerSecondMax: number;
  /** Initiations sent by one call of `expire`; the next call goes on. Keeps packets from waiting behind key agreements. */
  readonly initiationsPerExpireMax: number;
  /** Messages sent with one key before it is renewed. */
  readonly rekeyAfterCount: number;
  /** The first counter that is neither sent nor accepted. */
  readonly rejectAfterCount: number;
}

/** Receiver indices that one peer can hold: one handshake and three sessions. */
export const INDICES_PER_PEER = 4;

/** What holds unless `EngineOptions.limits` says otherwise. */
export const DEFAULT_LIMITS: EngineLimits = {
  peersMax: 65_536,
  allowedIpsMax: 1_048_576,
  alternateEndpointsMax: 32,
  queuedPacketsPerPeerMax: 128,
  queuedPacketsMax: 16_384,
  rateLimitedSourcesMax: 8_192,
  handshakesPerSecondMax: 128,
  initiationsPerExpireMax: 16,
  rekeyAfterCount: REKEY_AFTER_COUNT,
  rejectAfterCount: REJECT_AFTER_COUNT,
};
