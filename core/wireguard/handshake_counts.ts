/**
 * What became of handshakes and cookies (whitepaper §5.3, §5.4): counters of the engine.
 *
 * @module
 */

/** Since the engine was made. */
export interface HandshakeCounts {
  /** Initiations sent, each attempt again. */
  initiationsSent: number;
  /** Responses sent, each for a session of its own. */
  responsesSent: number;
  /** Handshakes that this side began and that were answered. */
  completedAsInitiator: number;
  /** Handshakes that the other side began and whose keys it was seen to have. */
  completedAsResponder: number;
  /** Given up after Rekey-Attempt-Time without an answer. */
  givenUp: number;
  /** Cookie replies, each instead of an answer, because of load. */
  cookiesSent: number;
  /** Cookie replies to what this side sent: the other one is under load. */
  cookiesReceived: number;
}

/** All counters at zero. */
export function noHandshakes(): HandshakeCounts {
  return {
    initiationsSent: 0,
    responsesSent: 0,
    completedAsInitiator: 0,
    completedAsResponder: 0,
    givenUp: 0,
    cookiesSent: 0,
    cookiesReceived: 0,
  };
}
