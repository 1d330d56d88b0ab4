/**
 * A UDP socket as the packet loop sees it.
 *
 * @module
 */
import type { Endpoint } from "../ip/endpoint.ts";

/** What became of a datagram handed to the kernel. */
export type SendResult = "sent" | "would-block" | "too-big" | "unreachable" | "refused";

/** Datagrams in a run. Linux before 6.9 takes no more. */
export const RUN_DATAGRAMS_MAX = 64;

/** Bytes of all datagrams of a run: one UDP payload over IPv4 (RFC 768, RFC 791). */
export const RUN_BYTES_MAX = 65_507;

/** A bound, non-blocking UDP socket of one address family. Its in-memory twin is in `tests/twins/`. */
export interface UdpSocket extends Disposable {
  /** For `poll`. */
  readonly fd: number;
  /** 4 or 6; an IPv6 socket carries IPv6 only. */
  readonly family: 4 | 6;
  /** The bound port. */
  readonly port: number;
  /**
   * Fills `buffer` from `offset` with one datagram, or with several of one sender end to end, and `from` with the sender.
   * What is longer than the room is cut, so the room should be 65535 bytes.
   *
   * @returns The length of all, 0 when nothing waits.
   */
  receive(buffer: Uint8Array, offset: number, from: Endpoint): number;
  /** Bytes of each datagram that the latest `receive` returned; the last one may be shorter. */
  readonly receivedSegmentBytes: number;
  /** Borrows the bytes and the endpoint. */
  send(buffer: Uint8Array, offset: number, length: number, to: Endpoint): SendResult;
  /**
   * Sends a run: datagrams of `segmentBytes` each, of which the last may be shorter, end to end in `length` bytes. All are
   * sent or none. Borrows.
   *
   * @returns `not-as-run` if kernel, socket or path takes datagrams only one at a time.
   */
  sendRun(
    buffer: Uint8Array,
    offset: number,
    length: number,
    segmentBytes: number,
    to: Endpoint,
  ): SendResult | "not-as-run";
}
