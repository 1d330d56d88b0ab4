/**
 * One pair of transport keys and what is counted under them (whitepaper §5.4.5 and §5.4.6).
 *
 * @module
 */
import { assert } from "../assert.ts";
import { wipe } from "../bytes/constant_time.ts";
import { type AeadKey, type CryptoSuite, TAG_BYTES } from "../crypto/suite.ts";
import { REJECT_AFTER_TIME_MS } from "./constants.ts";
import type { DropReason } from "./drop_reason.ts";
import type { SessionKeys } from "./handshake.ts";
import type { EngineLimits } from "./limits.ts";
import { readCounter, TRANSPORT, TRANSPORT_TYPE, writeCounter, writeIndex, writeType } from "./messages.ts";
import { ReplayWindow } from "./replay_window.ts";

/** Transport keys in both directions. Holds secrets: dispose of it when it leaves its slot. */
export class Session implements Disposable {
  readonly isInitiator: boolean;
  /** The index by which the peer names this session. */
  readonly localIndex: number;
  /** The index by which we name it to the peer. */
  readonly remoteIndex: number;
  /** Birth, milliseconds of the monotonic clock. */
  readonly createdMs: number;
  /** The counter of the next packet sent: so many were. */
  sendCounter = 0;
  readonly #sendKey: AeadKey;
  readonly #receiveKey: AeadKey;
  readonly #received = new ReplayWindow();
  readonly #rejectAfterCount: number;

  /** Takes `keys`: wipes both once they are copied. */
  constructor(suite: CryptoSuite, keys: SessionKeys, limits: EngineLimits, createdMs: number) {
    this.isInitiator = keys.isInitiator;
    this.localIndex = keys.localIndex;
    this.remoteIndex = keys.remoteIndex;
    this.createdMs = createdMs;
    this.#sendKey = suite.aeadKey(keys.sendKey);
    this.#receiveKey = suite.aeadKey(keys.receiveKey);
    this.#rejectAfterCount = limits.rejectAfterCount;
    wipe(keys.sendKey, keys.receiveKey);
  }

  /** True from Reject-After-Time on: nothing is sent or accepted. */
  isExpired(nowMs: number): boolean {
    return nowMs >= this.createdMs + REJECT_AFTER_TIME_MS;
  }

  /** True while packets may be sent. */
  maySend(nowMs: number): boolean {
    return !this.isExpired(nowMs) && this.sendCounter < this.#rejectAfterCount;
  }

  /**
   * Fills `buffer[offset - 16 .. offset + length + 16)` with one transport message: the `length` padded bytes at
   * `offset` are encrypted in place, the header goes in front, the tag behind. Hot.
   */
  seal(buffer: Uint8Array, offset: number, length: number): void {
    assert(this.sendCounter < this.#rejectAfterCount, "A session sends while it may");
    const counter = this.sendCounter++;
    const header = offset - TRANSPORT.packet;
    this.#sendKey.seal(counter, buffer, offset, length);
    writeType(buffer, header, TRANSPORT_TYPE);
    writeIndex(buffer, header + TRANSPORT.receiver, this.remoteIndex);
    writeCounter(buffer, header + TRANSPORT.counter, counter);
  }

  /**
   * Decrypts one whole transport message in place: the padded packet is then at `offset + 16` and `length - 32` bytes
   * long. `undefined` if all is well, otherwise the bytes are lost. Hot.
   */
  open(buffer: Uint8Array, offset: number, length: number): DropReason | undefined {
    const counter = readCounter(buffer, offset + TRANSPORT.counter);
    if (counter < 0 || counter >= this.#rejectAfterCount) return "counter-too-large";
    if (!this.#received.isFresh(counter)) return "counter-replayed";
    if (!this.#receiveKey.open(counter, buffer, offset + TRANSPORT.packet, length - TRANSPORT.packet)) {
      return "packet-unauthentic";
    }
    this.#received.mark(counter);
    return undefined;
  }

  /** Wipes the keys. */
  [Symbol.dispose](): void {
    this.#sendKey[Symbol.dispose]();
    this.#receiveKey[Symbol.dispose]();
  }
}

assert(TRANSPORT.bytesMin === TRANSPORT.packet + TAG_BYTES, "A keepalive is a header and a tag");
