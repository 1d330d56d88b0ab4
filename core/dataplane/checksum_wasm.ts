/**
 * The internet checksum (RFC 1071) in WebAssembly with 128-bit vectors, alone and while copying.
 *
 * Four times as fast as 32-bit words in TypeScript (`tests/bench/README.md`), and every byte that the tunnel carries is
 * summed at both ends. The module is assembled here from named instructions (WebAssembly Core Specification 3.0 §5.4),
 * because it is smaller than the tool that would compile it. Both functions work on the importing side's memory:
 *
 * ```text
 * sum(source, length)              -> sum of the 16-bit words, little-endian, the last padded with a zero byte
 * copySum(target, source, length)  -> the same, and the bytes are copied; the two ranges do not overlap
 * ```
 *
 * Sums are below 2^20 for whatever length a memory can have here: fold and swap bytes (RFC 1071 §2(B)) to go on.
 *
 * @module
 */

/** The functions of the module. */
export interface ChecksumExports {
  sum(source: number, length: number): number;
  copySum(target: number, source: number, length: number): number;
}

/** More could overflow the 32-bit lanes of the sum. */
export const SUM_BYTES_MAX = 262_144;

const I32 = 0x7f;
const V128 = 0x7b;
const NO_RESULT = 0x40;

const BLOCK = [0x02, NO_RESULT];
const LOOP = [0x03, NO_RESULT];
const IF = [0x04, NO_RESULT];
const END = [0x0b];
const BRANCH_TO_LOOP = [0x0c, 0];
const LEAVE_BLOCK_IF = [0x0d, 1];
const I32_EQ = [0x46];
const I32_ADD = [0x6a];
const I32_AND = [0x71];
const I32_SHIFT_RIGHT = [0x76];
const I32X4_ADD = [0xfd, 0xae, 0x01];
/** Adds the eight 16-bit lanes in pairs into four 32-bit lanes. */
const ADD_PAIRS = [0xfd, 0x7f];

/** How to load a piece into a vector or a number, and how to copy it. Memory accesses: alignment 1, offset 0. */
interface Piece {
  readonly bytes: number;
  readonly load: readonly number[];
  readonly copyLoad: readonly number[];
  readonly copyStore: readonly number[];
}

const VECTOR: Piece = {
  bytes: 16,
  load: [0xfd, 0x00, 0, 0],
  copyLoad: [0xfd, 0x00, 0, 0],
  copyStore: [0xfd, 0x0b, 0, 0],
};
/** The rest behind the last pair of vectors. Eight and four bytes are loaded into a vector whose rest is zero. */
const VECTOR_PIECES: readonly Piece[] = [
  VECTOR,
  { bytes: 8, load: [0xfd, 0x5d, 0, 0], copyLoad: [0x29, 0, 0], copyStore: [0x37, 0, 0] },
  { bytes: 4, load: [0xfd, 0x5c, 0, 0], copyLoad: [0x28, 0, 0], copyStore: [0x36, 0, 0] },
];
const NUMBER_PIECES: readonly Piece[] = [
  { bytes: 2, load: [0x2f, 0, 0], copyLoad: [0x2f, 0, 0], copyStore: [0x3b, 0, 0] },
  { bytes: 1, load: [0x2d, 0, 0], copyLoad: [0x2d, 0, 0], copyStore: [0x3a, 0, 0] },
];
const LOOP_BYTES = 2 * VECTOR.bytes;
const LANE_COUNT = 4;

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...unsigned(value >>> 7)];
}

/** Signed LEB128. */
function signed(value: number): number[] {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [value & 0x7f | 0x80, ...signed(value >> 7)];
}

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const constant = (value: number): number[] => [0x41, ...signed(value)];

/** The body of `sum`, or with a target of `copySum`. */
function functionBody(isCopying: boolean): number[] {
  const target = 0;
  const source = isCopying ? 1 : 0;
  const length = source + 1;
  const loopEnd = length + 1;
  const scalar = loopEnd + 1;
  const vectors = [scalar + 1, scalar + 2] as const;

  const advance = (bytes: number) => [
    ...[...get(source), ...constant(bytes), ...I32_ADD, ...set(source)],
    ...(isCopying ? [...get(target), ...constant(bytes), ...I32_ADD, ...set(target)] : []),
  ];
  const copy = (piece: Piece) =>
    isCopying ? [...get(target), ...get(source), ...piece.copyLoad, ...piece.copyStore] : [];
  const addVector = (piece: Piece, sum: number) => [
    ...copy(piece),
    ...[...get(source), ...piece.load, ...ADD_PAIRS, ...get(sum), ...I32X4_ADD, ...set(sum)],
    ...advance(piece.bytes),
  ];
  const addNumber = (piece: Piece) => [
    ...copy(piece),
    ...[...get(source), ...piece.load, ...get(scalar), ...I32_ADD, ...set(scalar)],
    ...advance(piece.bytes),
  ];
  const ifLengthHas = (bytes: number, then: number[]) => [
    ...[...get(length), ...constant(bytes), ...I32_AND, ...IF],
    ...then,
    ...END,
  ];
  const addLane = (lane: number) => {
    const extract = [...get(vectors[0]), 0xfd, 0x1b, lane];
    return [
      ...[...extract, ...constant(16), ...I32_SHIFT_RIGHT, ...I32_ADD],
      ...[...extract, ...constant(0xffff), ...I32_AND, ...I32_ADD],
    ];
  };

  return [
    ...[...get(source), ...get(length), ...constant(-LOOP_BYTES), ...I32_AND, ...I32_ADD, ...set(loopEnd)],
    ...[...BLOCK, ...LOOP, ...get(source), ...get(loopEnd), ...I32_EQ, ...LEAVE_BLOCK_IF],
    ...[...addVector(VECTOR, vectors[0]), ...addVector(VECTOR, vectors[1])],
    ...[...BRANCH_TO_LOOP, ...END, ...END],
    ...VECTOR_PIECES.flatMap((piece) => ifLengthHas(piece.bytes, addVector(piece, vectors[0]))),
    ...NUMBER_PIECES.flatMap((piece) => ifLengthHas(piece.bytes, addNumber(piece))),
    ...[...get(vectors[0]), ...get(vectors[1]), ...I32X4_ADD, ...set(vectors[0])],
    ...get(scalar),
    ...Array.from({ length: LANE_COUNT }, (_, lane) => addLane(lane)).flat(),
    ...END,
  ];
}

function withLength(content: readonly number[]): number[] {
  return [...unsigned(content.length), ...content];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...withLength(content)];
}

function name(text: string): number[] {
  return withLength([...new TextEncoder().encode(text)]);
}

/** The module; it imports `packets.memory` of at least one page and exports {@linkcode ChecksumExports}. */
export function checksumModule(): Uint8Array<ArrayBuffer> {
  const locals = [2, 2, I32, 2, V128];
  const bodies = [false, true].map((isCopying) => withLength([...locals, ...functionBody(isCopying)]));
  const types = [[0x60, 2, I32, I32, 1, I32], [0x60, 3, I32, I32, I32, 1, I32]];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [types.length, ...types.flat()]),
    ...section(2, [1, ...name("packets"), ...name("memory"), 2, 0, 1]),
    ...section(3, [2, 0, 1]),
    ...section(7, [2, ...name("sum"), 0, 0, ...name("copySum"), 0, 1]),
    ...section(10, [bodies.length, ...bodies.flat()]),
  ]);
}
