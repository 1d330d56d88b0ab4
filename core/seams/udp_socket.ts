/**
 * A UDP socket as the packet loop sees it.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";

/** What became of a datagram handed to the kernel. */
export type SendResult = "sent" | "would-block" | "too-big" | "unreachable" | "refused";

/** A bound, non-blocking UDP socket of one address family. Its in-memory twin is in `tests/twins/`. */
export interface UdpSocket extends Disposable {
  /** For `poll`. */
  readonly fd: number;
  /** 4 or 6; an IPv6 socket carries IPv6 only. */
  readonly family: 4 | 6;
  /** The bound port. */
  readonly port: number;
  /**
   * Fills `buffer` from `offset` with one datagram and `from` with its sender.
   *
   * @returns The length, 0 when nothing waits. A datagram longer than the room is cut by the kernel.
   */
  receive(buffer: Uint8Array, offset: number, from: Endpoint): number;
  /** Borrows the bytes and the endpoint. */
  send(buffer: Uint8Array, offset: number, length: number, to: Endpoint): SendResult;
}
