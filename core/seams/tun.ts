/**
 * A TUN device as the packet loop sees it.
 *
 * @module
 */

/** A layer-3 device; non-blocking. Its in-memory twin is in `tests/twins/`. */
export interface Tun extends Disposable {
  /** The name the kernel gave, e.g. `weft0`. */
  readonly name: string;
  /** For `poll`. */
  readonly fd: number;
  /**
   * Fills `buffer` from `offset` with one IP packet.
   *
   * @returns Its length in bytes, or 0 when nothing waits.
   * @throws {Error} If the device is gone.
   */
  read(buffer: Uint8Array, offset: number): number;
  /** Borrows one IP packet. False when the kernel has no room and the packet was dropped. */
  write(buffer: Uint8Array, offset: number, length: number): boolean;
}
