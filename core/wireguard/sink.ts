/**
 * What the engine wants done: the driver owns one sink and hands it to every call.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";
import type { Peer } from "./peer.ts";

/**
 * Takes the effects of one call, in order. All methods borrow everything they are given: bytes and endpoint change
 * after they return. They must not call the engine.
 */
export interface EngineSink {
  /**
   * Looks at a packet from the TUN device that has found its peer, before it is sealed or queued, and may change it in
   * place. Hot.
   *
   * @returns False if it is to go no further.
   */
  admit?(buffer: Uint8Array, offset: number, length: number, peer: Peer): boolean;
  /** Sends one datagram. `peer` is `undefined` for cookie replies, whose receiver nobody knows yet. */
  toNetwork(buffer: Uint8Array, offset: number, length: number, endpoint: Endpoint, peer: Peer | undefined): void;
  /** Delivers one decrypted IP packet whose source belongs to `peer`. */
  toTun(buffer: Uint8Array, offset: number, length: number, peer: Peer): void;
}
