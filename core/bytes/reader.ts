/**
 * A bounds-checked cursor over received bytes: the one way to read what came from the network or the disk.
 *
 * Every read past the end is `undefined` and leaves the cursor where it was; nothing throws. Callers that read many
 * fields check the last one and the ones they use.
 *
 * Leaves out: varints and text, which belong to the formats that define them.
 *
 * @module
 */

const TWO_POW_32 = 0x1_0000_0000;
/** The high word of 2^53: integers from there on are not exact. */
const TWO_POW_21 = 0x20_0000;

/** Reads big- and little-endian integers and views from the front. Borrows its bytes for its whole life. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /** Borrows `bytes`. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** One byte. */
  u8(): number | undefined {
    const at = this.#advance(1);
    return at < 0 ? undefined : this.#view.getUint8(at);
  }

  /** Two bytes, big-endian. */
  u16be(): number | undefined {
    const at = this.#advance(2);
    return at < 0 ? undefined : this.#view.getUint16(at);
  }

  /** Two bytes, little-endian. */
  u16le(): number | undefined {
    const at = this.#advance(2);
    return at < 0 ? undefined : this.#view.getUint16(at, true);
  }

  /** Four bytes, big-endian. */
  u32be(): number | undefined {
    const at = this.#advance(4);
    return at < 0 ? undefined : this.#view.getUint32(at);
  }

  /** Four bytes, little-endian. */
  u32le(): number | undefined {
    const at = this.#advance(4);
    return at < 0 ? undefined : this.#view.getUint32(at, true);
  }

  /** Six bytes, big-endian. */
  u48be(): number | undefined {
    const at = this.#advance(6);
    return at < 0 ? undefined : this.#view.getUint16(at) * TWO_POW_32 + this.#view.getUint32(at + 2);
  }

  /** Six bytes, little-endian. */
  u48le(): number | undefined {
    const at = this.#advance(6);
    return at < 0 ? undefined : this.#view.getUint16(at + 4, true) * TWO_POW_32 + this.#view.getUint32(at, true);
  }

  /** Eight bytes, big-endian; `undefined`, and nothing read, also when the value is 2^53 or more. */
  u53be(): number | undefined {
    if (this.remaining < 8) return undefined;
    const high = this.#view.getUint32(this.#offset);
    return high < TWO_POW_21 ? high * TWO_POW_32 + this.#view.getUint32(this.#advance(8) + 4) : undefined;
  }

  /** Eight bytes, little-endian; `undefined`, and nothing read, also when the value is 2^53 or more. */
  u53le(): number | undefined {
    if (this.remaining < 8) return undefined;
    const high = this.#view.getUint32(this.#offset + 4, true);
    return high < TWO_POW_21 ? high * TWO_POW_32 + this.#view.getUint32(this.#advance(8), true) : undefined;
  }

  /** A view of the next `length` bytes, not a copy; `undefined` also for a negative or fractional `length`. */
  bytes(length: number): Uint8Array | undefined {
    const at = this.#advance(length);
    return at < 0 ? undefined : this.#bytes.subarray(at, at + length);
  }

  /** A view of all that is left, perhaps empty. */
  rest(): Uint8Array {
    const at = this.#advance(this.remaining);
    return this.#bytes.subarray(at);
  }

  /** Passes over `length` bytes; false, and nothing passed, when there are fewer. */
  skip(length: number): boolean {
    return this.#advance(length) >= 0;
  }

  /** Where the next `length` bytes start, -1 if there are not so many. */
  #advance(length: number): number {
    if (!(length >= 0 && length <= this.remaining && Number.isInteger(length))) return -1;
    const at = this.#offset;
    this.#offset = at + length;
    return at;
  }
}
