/**
 * Frames on a link whose handshake is done: length u32 little-endian, then that many sealed bytes.
 *
 * Inside the seal (ChaCha20-Poly1305, one key per connection, frames counted from 0) is a type byte and what belongs to
 * it. Frames go from dialer to acceptor only; a frame that is forged, repeated, left out or moved does not open.
 *
 * @module
 */
import type { AeadKey } from "../crypto/suite.ts";
import { TAG_BYTES } from "../crypto/suite.ts";
import { FRAME_BYTES_MAX, type LinkDropReason } from "./raft_link_limits.ts";

/** Types of frames. Append only. */
export const FrameType = {
  /** Nothing: the acceptor answers it with one byte outside any frame. */
  ping: 1,
  /** One Raft message. */
  message: 2,
  /** A snapshot, by its digest: see `raft_link_snapshot.ts`. 4 to 7 were version 1's. */
  snapshotOffer: 8,
  /** A part of the snapshot that was offered last. */
  snapshotPart: 9,
  /** How much is here of a snapshot that the other side offered. */
  snapshotHave: 10,
} as const;

/** What is inside a frame. */
export interface Frame {
  readonly type: number;
  readonly bytes: Uint8Array;
}

const LENGTH_BYTES = 4;

/** What a frame of `bytes` takes on the wire. */
export function frameBytes({ bytes }: Frame): number {
  return LENGTH_BYTES + 1 + bytes.length + TAG_BYTES;
}

/** Seals frames of one connection. */
export class FrameSealer implements Disposable {
  readonly #key: AeadKey;
  #counter = 0;

  /** Takes `key`. */
  constructor(key: AeadKey) {
    this.#key = key;
  }

  /** Returns `frames` as they go on the wire. Borrows them. */
  seal(frames: readonly Frame[]): Uint8Array {
    const wire = new Uint8Array(frames.reduce((sum, frame) => sum + frameBytes(frame), 0));
    const view = new DataView(wire.buffer);
    let offset = 0;
    for (const frame of frames) {
      const plainBytes = 1 + frame.bytes.length;
      view.setUint32(offset, plainBytes + TAG_BYTES, true);
      wire[offset + LENGTH_BYTES] = frame.type;
      wire.set(frame.bytes, offset + LENGTH_BYTES + 1);
      this.#key.seal(this.#counter++, wire, offset + LENGTH_BYTES, plainBytes);
      offset += frameBytes(frame);
    }
    return wire;
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]();
  }
}

/** Bytes from a connection, in the pieces in which they came, until enough are there. */
export class ReceiveBuffer {
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Takes `piece`. */
  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The next `length` bytes as fresh ones; `undefined`, and nothing taken, if there are not so many. */
  take(length: number): Uint8Array | undefined {
    if (length > this.#length) return undefined;
    const bytes = new Uint8Array(length);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const piece = this.#pieces[used];
      if (!piece) break;
      const wanted = length - filled;
      bytes.set(piece.subarray(0, wanted), filled);
      filled += Math.min(piece.length, wanted);
      if (piece.length > wanted) this.#pieces[used] = piece.subarray(wanted);
      else used++;
    }
    this.#pieces.splice(0, used);
    this.#length -= length;
    return bytes;
  }

  /** The next `length` bytes without taking them. */
  peek(length: number): Uint8Array | undefined {
    const bytes = this.take(length);
    if (!bytes) return undefined;
    this.#pieces.unshift(bytes);
    this.#length += length;
    return bytes;
  }

  /**
   * The next block that has its length, u32 little-endian, in front.
   *
   * @returns `undefined` if it is not there yet, false if it would be longer than `bytesMax`.
   */
  takeBlock(bytesMax: number): Uint8Array | undefined | false {
    const prefix = this.peek(LENGTH_BYTES);
    if (!prefix) return undefined;
    const length = new DataView(prefix.buffer).getUint32(0, true);
    if (length > bytesMax) return false;
    if (this.#length < LENGTH_BYTES + length) return undefined;
    this.take(LENGTH_BYTES);
    return this.take(length);
  }
}

/** Opens frames of one connection. */
export class FrameOpener implements Disposable {
  readonly #key: AeadKey;
  #counter = 0;

  /** Takes `key`. */
  constructor(key: AeadKey) {
    this.#key = key;
  }

  /** The next frame in `buffer`; `undefined` if it is not there yet. A connection ends with the first problem. */
  next(buffer: ReceiveBuffer): Frame | LinkDropReason | undefined {
    const sealed = buffer.takeBlock(FRAME_BYTES_MAX);
    if (sealed === undefined) return undefined;
    if (sealed === false) return "frame-too-large";
    if (sealed.length < 1 + TAG_BYTES) return "frame-malformed";
    if (!this.#key.open(this.#counter++, sealed, 0, sealed.length)) return "frame-forged";
    return { type: sealed[0] ?? 0, bytes: sealed.subarray(1, sealed.length - TAG_BYTES) };
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]();
  }
}
