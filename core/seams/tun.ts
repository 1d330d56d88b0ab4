/**
 * A TUN device as the packet loop sees it.
 *
 * @module
 */

/** Bytes of the virtio header in front of every packet, `struct virtio_net_hdr` (Virtual I/O Device 1.3 §5.1.6). */
export const VIRTIO_HEADER_BYTES = 10;

/** Which super-packets the device takes and gives. Without any, virtio headers are all zeros. */
export interface TunOffloads {
  /** TCP over both IP versions. */
  readonly tcp: boolean;
  /** UDP over both IP versions. */
  readonly udp: boolean;
}

/** A layer-3 device; non-blocking. Its in-memory twin is in `tests/twins/`. */
export interface Tun extends Disposable {
  /** The name the kernel gave, e.g. `weft0`. */
  readonly name: string;
  /** For `poll`. */
  readonly fd: number;
  readonly offloads: TunOffloads;
  /**
   * Fills `buffer` from `offset` with one IP packet or super-packet, and the {@linkcode VIRTIO_HEADER_BYTES} in front
   * with its virtio header.
   *
   * @returns The packet's length in bytes, or 0 when nothing waits.
   * @throws {Error} If the device is gone.
   */
  read(buffer: Uint8Array, offset: number): number;
  /** Borrows one IP packet with its virtio header in front. False when the kernel has no room and it was dropped. */
  write(buffer: Uint8Array, offset: number, length: number): boolean;
  /**
   * Borrows one packet in pieces: `pieces` holds the offset in `buffer` and the length of each of `count`, and the first
   * one starts with the virtio header. False as for `write`.
   */
  writeGathered(buffer: Uint8Array, pieces: Uint32Array, count: number): boolean;
}
