/**
 * The timers of one peer (whitepaper §6.2 to §6.5) as five points in time and the events that move them.
 *
 * Nothing fires here: the engine asks what is due. The rules:
 *
 * - retransmit-handshake: an initiation waits Rekey-Timeout and some jitter for its response.
 * - send-keepalive: data was received; if nothing goes back for Keepalive-Timeout, an empty packet does.
 * - new-handshake: data was sent; if nothing comes back for Keepalive-Timeout + Rekey-Timeout, the session is not
 *   trusted any more.
 * - zero-keys: keys that were not renewed for three times Reject-After-Time are wiped.
 * - persistent-keepalive: so long without any packet either way.
 *
 * An age alone never starts anything: keys are renewed when they are used (`sender.ts`, `engine.ts`).
 *
 * @module
 */
import {
  KEEPALIVE_TIMEOUT_MS,
  REJECT_AFTER_TIME_MS,
  REKEY_TIMEOUT_MS,
  ZERO_KEYS_AFTER_REJECT_COUNT,
} from "./constants.ts";

const ZERO_KEYS_AFTER_MS = ZERO_KEYS_AFTER_REJECT_COUNT * REJECT_AFTER_TIME_MS;
const NEVER = Infinity;

/** What may be due. */
export type TimerKind =
  | "zero-keys"
  | "retransmit-handshake"
  | "new-handshake"
  | "send-keepalive"
  | "persistent-keepalive";

/** When which rule applies next. The event methods are hot. */
export class PeerTimers {
  #retransmitHandshakeMs = NEVER;
  #sendKeepaliveMs = NEVER;
  #newHandshakeMs = NEVER;
  #zeroKeysMs = NEVER;
  #persistentKeepaliveMs = NEVER;
  #persistentIntervalMs = NEVER;
  #jitterMs = 0;

  /** The earliest of all, Infinity if none is set. */
  nextMs(): number {
    return Math.min(
      this.#retransmitHandshakeMs,
      this.#sendKeepaliveMs,
      this.#newHandshakeMs,
      this.#zeroKeysMs,
      this.#persistentKeepaliveMs,
    );
  }

  /** True while an initiation is to be sent or sent again. */
  get isHandshakeExpected(): boolean {
    return this.#retransmitHandshakeMs !== NEVER;
  }

  /** A packet with data goes out. */
  dataSent(nowMs: number): void {
    if (this.#newHandshakeMs === NEVER) {
      this.#newHandshakeMs = nowMs + KEEPALIVE_TIMEOUT_MS + REKEY_TIMEOUT_MS + this.#jitterMs;
    }
  }

  /** An authentic packet with data came in. */
  dataReceived(nowMs: number): void {
    if (this.#sendKeepaliveMs === NEVER) this.#sendKeepaliveMs = nowMs + KEEPALIVE_TIMEOUT_MS;
  }

  /** Any authenticated message goes out. */
  anySent(nowMs: number): void {
    this.#sendKeepaliveMs = NEVER;
    this.#persistentKeepaliveMs = nowMs + this.#persistentIntervalMs;
  }

  /** Any authentic message came in. */
  anyReceived(nowMs: number): void {
    this.#newHandshakeMs = NEVER;
    this.#persistentKeepaliveMs = nowMs + this.#persistentIntervalMs;
  }

  /** An initiation goes out. `jitterMs` spreads what is timed from here on. */
  handshakeInitiated(nowMs: number, jitterMs: number): void {
    this.#jitterMs = jitterMs;
    this.#retransmitHandshakeMs = nowMs + REKEY_TIMEOUT_MS + jitterMs;
  }

  /** An initiation is wanted at `atMs` at the latest. */
  handshakeWanted(atMs: number): void {
    this.#retransmitHandshakeMs = Math.min(this.#retransmitHandshakeMs, atMs);
  }

  /** The peer has proved that it holds the new keys. */
  handshakeComplete(): void {
    this.#retransmitHandshakeMs = NEVER;
  }

  /** The handshake is given up: nothing is sent until something new happens. */
  handshakeGivenUp(): void {
    this.#retransmitHandshakeMs = NEVER;
    this.#newHandshakeMs = NEVER;
    this.#sendKeepaliveMs = NEVER;
  }

  /** New keys exist. */
  sessionDerived(nowMs: number): void {
    this.#zeroKeysMs = nowMs + ZERO_KEYS_AFTER_MS;
  }

  /** Sets the interval, 0 for none; a keepalive is then due at once. */
  setPersistentKeepalive(intervalMs: number, nowMs: number): void {
    this.#persistentIntervalMs = intervalMs === 0 ? NEVER : intervalMs;
    this.#persistentKeepaliveMs = intervalMs === 0 ? NEVER : nowMs;
  }

  /** Keys and handshakes are gone: only the persistent keepalive goes on, and is due at once. */
  reset(): void {
    this.handshakeGivenUp();
    this.#zeroKeysMs = NEVER;
    if (this.#persistentIntervalMs !== NEVER) this.#persistentKeepaliveMs = 0;
  }

  /** Takes one timer that is due; `undefined` if none is. */
  takeDue(nowMs: number): TimerKind | undefined {
    if (this.#zeroKeysMs <= nowMs) {
      this.#zeroKeysMs = NEVER;
      return "zero-keys";
    }
    if (this.#retransmitHandshakeMs <= nowMs) {
      this.#retransmitHandshakeMs = NEVER;
      return "retransmit-handshake";
    }
    if (this.#newHandshakeMs <= nowMs) {
      this.#newHandshakeMs = NEVER;
      return "new-handshake";
    }
    if (this.#sendKeepaliveMs <= nowMs) {
      this.#sendKeepaliveMs = NEVER;
      return "send-keepalive";
    }
    if (this.#persistentKeepaliveMs <= nowMs) {
      this.#persistentKeepaliveMs = nowMs + this.#persistentIntervalMs;
      return "persistent-keepalive";
    }
    return undefined;
  }
}
