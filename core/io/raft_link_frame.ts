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
import type { FrameMemory } from "./raft_link_memory.ts";

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
  readonly #memory: FrameMemory;
  #counter = 0;

  /** Takes `key`, borrows `memory`. */
  constructor(key: AeadKey, memory: FrameMemory) {
    this.#key = key;
    this.#memory = memory;
  }

  /** Returns `frames` as they go on the wire. Borrows them. */
  seal(frames: readonly Frame[]): Uint8Array {
    let wireBytes = 0;
    for (const frame of frames) wireBytes += frameBytes(frame);
    const { buffer, offset } = this.#memory.claim(wireBytes);
    let at = offset;
    for (const frame of frames) {
      const plainBytes = 1 + frame.bytes.length;
      writeLength(buffer, at, plainBytes + TAG_BYTES);
      buffer[at + LENGTH_BYTES] = frame.type;
      buffer.set(frame.bytes, at + LENGTH_BYTES + 1);
      this.#key.seal(this.#counter++, buffer, at + LENGTH_BYTES, plainBytes);
      at += frameBytes(frame);
    }
    return buffer.subarray(offset, at);
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]();
  }
}

function writeLength(bytes: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < LENGTH_BYTES; i++) bytes[at + i] = length >>> 8 * i & 0xff;
}

/** Bytes from a connection, in the pieces in which they came, until enough are there. */
export class ReceiveBuffer {
  #pieces: Uint8Array[] = [];
  /** What was taken of the first piece. */
  #taken = 0;
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

  /** Moves the next bytes, so many of which must be there, to `target` from `offset` on. */
  moveTo(target: Uint8Array, offset: number, length: number): void {
    this.#length -= length;
    let used = 0;
    for (let moved = 0; moved < length;) {
      const piece = this.#pieces[used]!;
      const end = Math.min(piece.length, this.#taken + length - moved);
      const isWhole = this.#taken === 0 && end === piece.length;
      target.set(isWhole ? piece : piece.subarray(this.#taken, end), offset + moved);
      moved += end - this.#taken;
      this.#taken = end === piece.length ? 0 : end;
      if (end === piece.length) used++;
    }
    this.#pieces.splice(0, used);
  }

  /** The next `length` bytes as fresh ones; `undefined`, and nothing taken, if there are not so many. */
  take(length: number): Uint8Array | undefined {
    if (length > this.#length) return undefined;
    const bytes = new Uint8Array(length);
    this.moveTo(bytes, 0, length);
    return bytes;
  }

  /**
   * The next block that has its length, u32 little-endian, in front.
   *
   * @returns `undefined` if it is not there yet, false if it would be longer than `bytesMax`.
   */
  takeBlock(bytesMax: number): Uint8Array | undefined | false {
    const length = this.takeBlockLength(bytesMax);
    return typeof length === "number" ? this.take(length) : length;
  }

  /**
   * Takes the length in front of the next block, which is what waits then.
   *
   * @returns `undefined` if the block is not there yet, false if it would be longer than `bytesMax`; nothing is taken then.
   */
  takeBlockLength(bytesMax: number): number | undefined | false {
    const length = this.#peekLength();
    if (length === undefined) return undefined;
    if (length > bytesMax) return false;
    if (this.#length < LENGTH_BYTES + length) return undefined;
    this.moveTo(LENGTH_TAKEN, 0, LENGTH_BYTES);
    return length;
  }

  #peekLength(): number | undefined {
    if (this.#length < LENGTH_BYTES) return undefined;
    let length = 0;
    let at = this.#taken;
    let place = 0;
    for (let i = 0; i < LENGTH_BYTES; i++, at++) {
      for (; at >= this.#pieces[place]!.length; at = 0) place++;
      length += this.#pieces[place]![at]! * 0x100 ** i;
    }
    return length;
  }
}

/** Where a length goes that is known already. */
const LENGTH_TAKEN = new Uint8Array(LENGTH_BYTES);

/** Opens frames of one connection. */
export class FrameOpener implements Disposable {
  readonly #key: AeadKey;
  readonly #memory: FrameMemory;
  #counter = 0;

  /** Takes `key`, borrows `memory`. */
  constructor(key: AeadKey, memory: FrameMemory) {
    this.#key = key;
    this.#memory = memory;
  }

  /** The next frame in `buffer`; `undefined` if it is not there yet. A connection ends with the first problem. */
  next(buffer: ReceiveBuffer): Frame | LinkDropReason | undefined {
    const length = buffer.takeBlockLength(FRAME_BYTES_MAX);
    if (length === undefined) return undefined;
    if (length === false) return "frame-too-large";
    if (length < 1 + TAG_BYTES) return "frame-malformed";
    const { buffer: sealed, offset } = this.#memory.claim(length);
    buffer.moveTo(sealed, offset, length);
    if (!this.#key.open(this.#counter++, sealed, offset, length)) return "frame-forged";
    return { type: sealed[offset] ?? 0, bytes: sealed.subarray(offset + 1, offset + length - TAG_BYTES) };
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]();
  }
}
