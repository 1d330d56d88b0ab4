/**
 * The one memory that all packets of a packet loop live in, and what is done to whole ranges of it.
 *
 * It is a WebAssembly memory where vectors are available, so that checksums need no copy. It never grows, so views of it
 * stay valid and the kernel may be told its address.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { foldSum, sumBytes } from "../ip/checksum.ts";
import { type ChecksumExports, checksumModule, SUM_BYTES_MAX } from "./checksum_wasm.ts";

const PAGE_BYTES = 65_536;

/** Bytes by offset. Everything that works on packets is given offsets into this. */
export interface PacketMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same memory for integer access. */
  readonly view: DataView<ArrayBuffer>;
  /** The sum of `length` bytes as 16-bit big-endian words, the last padded with a zero byte; 0 to 0xffff. */
  sum(offset: number, length: number): number;
  /** Copies `length` bytes to a range that does not overlap them, and returns their sum. */
  copySum(target: number, source: number, length: number): number;
}

/** A memory of at least `bytes` zeros. */
export function allocatePacketMemory(bytes: number): PacketMemory {
  return vectorMemory(bytes) ?? plainMemory(bytes);
}

/** With vector checksums; `undefined` where the processor or the runtime has none, or no memory for them. */
export function vectorMemory(bytes: number): PacketMemory | undefined {
  const code = checksumModule();
  if (!WebAssembly.validate(code)) return undefined;
  const memory = allocateVectorMemory(Math.ceil(bytes / PAGE_BYTES));
  if (memory === undefined) return undefined;
  const { buffer } = memory;
  assert(buffer instanceof ArrayBuffer, "A memory is shared only when asked for");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { packets: { memory } });
  const sum = instance.exports["sum"] as ChecksumExports["sum"];
  const copySum = instance.exports["copySum"] as ChecksumExports["copySum"];
  return {
    bytes: new Uint8Array(buffer),
    view: new DataView(buffer),
    sum(offset, length) {
      assert(length >= 0 && length <= SUM_BYTES_MAX, "A packet is not longer than a sum can take");
      return swapped(sum(offset, length));
    },
    copySum(target, source, length) {
      assert(length >= 0 && length <= SUM_BYTES_MAX, "A packet is not longer than a sum can take");
      return swapped(copySum(target, source, length));
    },
  };
}

/** `undefined` where the process may not reserve the address space, far more than the memory, that goes with one. */
function allocateVectorMemory(pageCount: number): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: pageCount, maximum: pageCount });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Without WebAssembly. */
export function plainMemory(bytes: number): PacketMemory {
  const buffer = new ArrayBuffer(bytes);
  const memory = new Uint8Array(buffer);
  const view = new DataView(buffer);
  return {
    bytes: memory,
    view,
    sum: (offset, length) => foldSum(sumBytes(view, offset, length)),
    copySum(target, source, length) {
      memory.copyWithin(target, source, source + length);
      return foldSum(sumBytes(view, source, length));
    },
  };
}

/** A little-endian sum as a big-endian one (RFC 1071 §2(B)). */
function swapped(sum: number): number {
  const folded = foldSum(sum);
  return folded >>> 8 | (folded & 0xff) << 8;
}
