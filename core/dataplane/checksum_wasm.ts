/**
 * The internet checksum (RFC 1071) in WebAssembly with 128-bit vectors, alone and while copying.
 *
 * Four times as fast as 32-bit words in TypeScript (`tests/bench/README.md`), and every byte that the tunnel carries is
 * summed at both ends. Both functions work on the importing side's memory:
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
import {
  apply,
  assembleModule,
  type Code,
  get,
  I32,
  i32,
  memory,
  repeatWhile,
  set,
  V128,
  when,
} from "../bytes/wasm.ts";

/** The functions of the module. */
export interface ChecksumExports {
  sum(source: number, length: number): number;
  copySum(target: number, source: number, length: number): number;
}

/** More could overflow the 32-bit lanes of the sum. */
export const SUM_BYTES_MAX = 262_144;

const I32_NOT_EQ = [0x47];
const I32_ADD = [0x6a];
const I32_AND = [0x71];
const I32_SHIFT_RIGHT = [0x76];
const I32X4_ADD = [0xfd, 0xae, 0x01];
/** Adds the eight 16-bit lanes in pairs into four 32-bit lanes. */
const ADD_PAIRS = [0xfd, 0x7f];
const LANE = (index: number) => [0xfd, 0x1b, index];
const VECTOR_LOAD = [0xfd, 0x00];

/** How to load a piece into a vector or a number, and how to copy it. */
interface Piece {
  readonly bytes: number;
  readonly load: Code;
  readonly copyLoad: Code;
  readonly copyStore: Code;
}

const VECTOR: Piece = { bytes: 16, load: VECTOR_LOAD, copyLoad: VECTOR_LOAD, copyStore: [0xfd, 0x0b] };
/** The rest behind the last pair of vectors. Eight and four bytes are loaded into a vector whose rest is zero. */
const VECTOR_PIECES: readonly Piece[] = [
  VECTOR,
  { bytes: 8, load: [0xfd, 0x5d], copyLoad: [0x29], copyStore: [0x37] },
  { bytes: 4, load: [0xfd, 0x5c], copyLoad: [0x28], copyStore: [0x36] },
];
const NUMBER_PIECES: readonly Piece[] = [
  { bytes: 2, load: [0x2f], copyLoad: [0x2f], copyStore: [0x3b] },
  { bytes: 1, load: [0x2d], copyLoad: [0x2d], copyStore: [0x3a] },
];
const LOOP_BYTES = 2 * VECTOR.bytes;
const LANES = [0, 1, 2, 3];

/** The body of `sum`, or with a target of `copySum`. */
function functionBody(isCopying: boolean): Code {
  const target = 0;
  const source = isCopying ? 1 : 0;
  const length = source + 1;
  const loopEnd = length + 1;
  const scalar = loopEnd + 1;
  const vectors = [scalar + 1, scalar + 2] as const;

  const advanced = (local: number, bytes: number) => set(local, apply(I32_ADD, get(local), i32(bytes)));
  const advance = (bytes: number) => [...advanced(source, bytes), ...(isCopying ? advanced(target, bytes) : [])];
  const copy = ({ copyLoad, copyStore }: Piece) =>
    isCopying ? apply(memory(copyStore), get(target), apply(memory(copyLoad), get(source))) : [];
  const addVector = (piece: Piece, sum: number) => [
    ...copy(piece),
    ...set(sum, apply(I32X4_ADD, apply(ADD_PAIRS, apply(memory(piece.load), get(source))), get(sum))),
    ...advance(piece.bytes),
  ];
  const addNumber = (piece: Piece) => [
    ...copy(piece),
    ...set(scalar, apply(I32_ADD, apply(memory(piece.load), get(source)), get(scalar))),
    ...advance(piece.bytes),
  ];
  const ifLengthHas = (bytes: number, then: Code) => when(apply(I32_AND, get(length), i32(bytes)), then);
  const halvesOfLane = (lane: number) => {
    const value = apply(LANE(lane), get(vectors[0]));
    return apply(I32_ADD, apply(I32_SHIFT_RIGHT, value, i32(16)), apply(I32_AND, value, i32(0xffff)));
  };
  const isLoopOn = apply(I32_NOT_EQ, get(source), get(loopEnd));

  return [
    ...set(loopEnd, apply(I32_ADD, get(source), apply(I32_AND, get(length), i32(-LOOP_BYTES)))),
    ...when(isLoopOn, repeatWhile(isLoopOn, [...addVector(VECTOR, vectors[0]), ...addVector(VECTOR, vectors[1])])),
    ...VECTOR_PIECES.flatMap((piece) => ifLengthHas(piece.bytes, addVector(piece, vectors[0]))),
    ...NUMBER_PIECES.flatMap((piece) => ifLengthHas(piece.bytes, addNumber(piece))),
    ...set(vectors[0], apply(I32X4_ADD, get(vectors[0]), get(vectors[1]))),
    ...LANES.map(halvesOfLane).reduce((sum, halves) => apply(I32_ADD, sum, halves), get(scalar)),
  ];
}

/** The module; it imports `packets.memory` of at least one page and exports {@linkcode ChecksumExports}. */
export function checksumModule(): Uint8Array<ArrayBuffer> {
  const locals = [I32, I32, V128, V128];
  return assembleModule({ module: "packets", name: "memory", pages: 1 }, [
    { name: "sum", parameters: [I32, I32], results: [I32], locals, body: functionBody(false) },
    { name: "copySum", parameters: [I32, I32, I32], results: [I32], locals, body: functionBody(true) },
  ]);
}
