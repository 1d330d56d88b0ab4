/**
 * Cursors for building messages: over a buffer that the caller owns, and over one that grows.
 *
 * Whoever writes knows its own message, so running out of room or a value that does not fit is a bug in Weft: an
 * assertion, not a result.
 *
 * Leaves out: varints and text, which belong to the formats that define them.
 *
 * @module
 */
import { assert } from "../assert.ts";

const TWO_POW_32 = 0x1_0000_0000;
const U48_MAX = 0xffff_ffff_ffff;

/** Writes big- and little-endian integers and bytes, each call behind the last. Every method returns the writer. */
export class ByteWriter {
  #buffer: Uint8Array;
  #view: DataView;
  #offset = 0;

  /** Fills `buffer` from its first byte. */
  constructor(buffer: Uint8Array) {
    this.#buffer = buffer;
    this.#view = viewOf(buffer);
  }

  /** Bytes written so far. */
  get offset(): number {
    return this.#offset;
  }

  /** A view of what was written, valid until the next write. */
  get written(): Uint8Array {
    return this.#buffer.subarray(0, this.#offset);
  }

  /** One byte. */
  u8(value: number): this {
    const at = this.#advance(1, value, 0xff);
    this.#view.setUint8(at, value);
    return this;
  }

  /** Two bytes, big-endian. */
  u16be(value: number): this {
    const at = this.#advance(2, value, 0xffff);
    this.#view.setUint16(at, value);
    return this;
  }

  /** Two bytes, little-endian. */
  u16le(value: number): this {
    const at = this.#advance(2, value, 0xffff);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** Four bytes, big-endian. */
  u32be(value: number): this {
    const at = this.#advance(4, value, 0xffff_ffff);
    this.#view.setUint32(at, value);
    return this;
  }

  /** Four bytes, little-endian. */
  u32le(value: number): this {
    const at = this.#advance(4, value, 0xffff_ffff);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Six bytes, big-endian. */
  u48be(value: number): this {
    const at = this.#advance(6, value, U48_MAX);
    this.#view.setUint16(at, value / TWO_POW_32);
    this.#view.setUint32(at + 2, value % TWO_POW_32);
    return this;
  }

  /** Six bytes, little-endian. */
  u48le(value: number): this {
    const at = this.#advance(6, value, U48_MAX);
    this.#view.setUint32(at, value % TWO_POW_32, true);
    this.#view.setUint16(at + 4, value / TWO_POW_32, true);
    return this;
  }

  /** Eight bytes, big-endian, of an integer below 2^53. */
  u53be(value: number): this {
    const at = this.#advance(8, value, Number.MAX_SAFE_INTEGER);
    this.#view.setUint32(at, value / TWO_POW_32);
    this.#view.setUint32(at + 4, value % TWO_POW_32);
    return this;
  }

  /** Eight bytes, little-endian, of an integer below 2^53. */
  u53le(value: number): this {
    const at = this.#advance(8, value, Number.MAX_SAFE_INTEGER);
    this.#view.setUint32(at, value % TWO_POW_32, true);
    this.#view.setUint32(at + 4, value / TWO_POW_32, true);
    return this;
  }

  /** A copy of `bytes`. Borrows. */
  bytes(bytes: Uint8Array): this {
    const at = this.#advance(bytes.length, 0, 0);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** `length` zero bytes. */
  zeros(length: number): this {
    const at = this.#advance(length, length, Number.MAX_SAFE_INTEGER);
    this.#buffer.fill(0, at, at + length);
    return this;
  }

  /** A larger buffer that starts with the same bytes, for writers that can grow. */
  protected grow(_buffer: Uint8Array, _neededBytes: number): Uint8Array | undefined {
    return undefined;
  }

  #advance(length: number, value: number, valueMax: number): number {
    assert(value >= 0 && value <= valueMax && Number.isInteger(value), "A written integer fits its field");
    const at = this.#offset;
    if (at + length > this.#buffer.length) this.#makeRoom(at + length);
    this.#offset = at + length;
    return at;
  }

  #makeRoom(neededBytes: number): void {
    const larger = this.grow(this.#buffer, neededBytes);
    assert(larger !== undefined && larger.length >= neededBytes, "A message fits the buffer it is written to");
    this.#buffer = larger;
    this.#view = viewOf(larger);
  }
}

/** A writer with a buffer of its own, which doubles when full. Views taken before it grew show the old buffer. */
export class GrowingByteWriter extends ByteWriter {
  readonly #bytesMax: number;

  /** Starts with `bytes` of room and never grows past `bytesMax`. */
  constructor(bytes: number, bytesMax: number) {
    super(new Uint8Array(Math.min(bytes, bytesMax)));
    this.#bytesMax = bytesMax;
  }

  protected override grow(buffer: Uint8Array, neededBytes: number): Uint8Array | undefined {
    if (neededBytes > this.#bytesMax) return undefined;
    const larger = new Uint8Array(Math.min(Math.max(buffer.length * 2, neededBytes), this.#bytesMax));
    larger.set(buffer);
    return larger;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
