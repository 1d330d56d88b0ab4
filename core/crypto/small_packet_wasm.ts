/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) in WebAssembly with 128-bit vectors, for short texts.
 *
 * The tunnel's small packets are mostly alone: acknowledgments, echoes, questions. What an operation on one costs is then
 * not its arithmetic but how much code and data it touches, for little of either is in the caches; a library's seven
 * calls are all over. This is 4 KiB in one place.
 *
 * Four blocks of key stream come out of one pass, one per 32-bit lane: block 0, whose first 32 bytes are the Poly1305 key
 * (§2.6), and three blocks for the text. The text is whole 16-byte pieces, as WireGuard pads it (whitepaper §5.4.6), and
 * there is no associated data. Nothing depends on secrets but values: no branch, no address, and products of 64-bit
 * integers, which processors with vectors take a constant time for.
 *
 * ```text
 * seal(textBytes)   encrypts the text in place, and writes the tag
 * open(textBytes)   writes the tag that the text should have, and decrypts it in place
 * authenticate(textBytes)   writes the tag of the text by the Poly1305 key in the key stream
 * ```
 *
 * They work on {@linkcode PLACES}. Poly1305 has five limbs of 26 bits, so that products and their sums fit 64.
 *
 * @module
 */
import {
  apply,
  assembleModule,
  call,
  type Code,
  get,
  I32,
  i32,
  I64,
  i64,
  memory,
  repeatWhile,
  set,
  tee,
  V128,
} from "../bytes/wasm.ts";

/** The functions of the module. */
export interface SmallPacketExports {
  seal(textBytes: number): void;
  open(textBytes: number): void;
  authenticate(textBytes: number): void;
}

/** What one pass has a key stream for. */
export const SMALL_TEXT_BYTES_MAX = 192;
/** A text is whole pieces. */
export const PIECE_BYTES = 16;

/** Where things are in the module's memory, in bytes. Behind the text is room for a piece, which is overwritten. */
export const PLACES = { key: 0, nonce: 32, tag: 48, text: 64, keyStream: 320 } as const;

const BLOCK_BYTES = 64;
const BLOCK_WORDS = 16;
const DOUBLE_ROUNDS = 10;
/** "expand 32-byte k" (RFC 8439 §2.3). */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

const I32_ADD = [0x6a];
const I32_SUB = [0x6b];
const I64_ADD = [0x7c];
const I64_SUB = [0x7d];
const I64_MUL = [0x7e];
const I64_AND = [0x83];
const I64_OR = [0x84];
const I64_XOR = [0x85];
const I64_SHL = [0x86];
const I64_SHR = [0x88];
const I64_LESS = [0x54];
const I64_EXTEND = [0xad];
const I64_LOAD = [0x29];
const I64_STORE = [0x37];
const VECTOR_LOAD = [0xfd, 0x00];
const VECTOR_LOAD_SPLAT = [0xfd, 0x09];
const VECTOR_STORE = [0xfd, 0x0b];
const VECTOR_OR = [0xfd, 0x50];
const VECTOR_XOR = [0xfd, 0x51];
const I32X4_SPLAT = [0xfd, 0x11];
const I32X4_ADD = [0xfd, 0xae, 0x01];
const I32X4_SHL = [0xfd, 0xab, 0x01];
const I32X4_SHR = [0xfd, 0xad, 0x01];
const vector = (words: readonly number[]): Code => [0xfd, 0x0c, ...words.flatMap((word) => bytesOf(word))];
/** Picks four 32-bit lanes of two vectors, which are numbered 0 to 7. */
const pickWords = (a: Code, b: Code, lanes: readonly number[]): Code =>
  apply([0xfd, 0x0d, ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte))], a, b);

function bytesOf(word: number): number[] {
  return [word & 0xff, word >>> 8 & 0xff, word >>> 16 & 0xff, word >>> 24];
}

/** Exchanges the halves of each lane, which is a turn by 16 and quicker than two shifts. */
const SWAP_HALVES = [0xfd, 0x0d, ...[0, 4, 8, 12].flatMap((lane) => [lane + 2, lane + 3, lane, lane + 1])];

/** The word of the state in lane `block` of each vector (§2.3); the block counter is the one that differs. */
function initialWord(word: number): Code {
  if (word < 4) return apply(I32X4_SPLAT, i32(CONSTANTS[word]!));
  const load = (place: number) => apply(memory(VECTOR_LOAD_SPLAT, place), i32(0));
  if (word < 12) return load(PLACES.key + 4 * (word - 4));
  return word === 12 ? vector([0, 1, 2, 3]) : load(PLACES.nonce + 4 * (word - 13));
}

/** Writes the first four blocks of the key stream, one behind the other. */
function keyStreamBody(firstLocal: number): Code {
  const words = Array.from({ length: BLOCK_WORDS }, (_, word) => firstLocal + word);
  const turned = firstLocal + BLOCK_WORDS;
  const round = turned + 1;
  const add = (a: number, b: number) => set(a, apply(I32X4_ADD, get(a), get(b)));
  const turn = (target: number, by: number, bits: number): Code => {
    const mixed = apply(VECTOR_XOR, get(target), get(by));
    if (bits === 16) return set(target, apply(SWAP_HALVES, tee(turned, mixed), get(turned)));
    const left = apply(I32X4_SHL, tee(turned, mixed), i32(bits));
    return set(target, apply(VECTOR_OR, left, apply(I32X4_SHR, get(turned), i32(32 - bits))));
  };
  const quarterRound = (a: number, b: number, c: number, d: number): Code => [
    ...[...add(a, b), ...turn(d, a, 16), ...add(c, d), ...turn(b, c, 12)],
    ...[...add(a, b), ...turn(d, a, 8), ...add(c, d), ...turn(b, c, 7)],
  ];
  const column = (at: number, shift: number) =>
    quarterRound(
      words[at]!,
      words[4 + (at + shift) % 4]!,
      words[8 + (at + 2 * shift) % 4]!,
      words[12 + (at + 3 * shift) % 4]!,
    );
  const doubleRound = [0, 1].flatMap((shift) => [0, 1, 2, 3].flatMap((at) => column(at, shift)));
  return [
    ...words.flatMap((local, word) => set(local, initialWord(word))),
    ...set(round, i32(DOUBLE_ROUNDS)),
    ...repeatWhile(tee(round, apply(I32_SUB, get(round), i32(1))), doubleRound),
    ...words.flatMap((local, word) => set(local, apply(I32X4_ADD, get(local), initialWord(word)))),
    ...[0, 4, 8, 12].flatMap((at) => storeTransposed(words.slice(at, at + 4), PLACES.keyStream + 4 * at)),
  ];
}

/** Four words of four blocks, which become four words in a row in each block. */
function storeTransposed(rows: readonly number[], place: number): Code {
  const [a, b, c, d] = rows.map((row) => get(row)) as [Code, Code, Code, Code];
  const [first, second] = [[0, 4, 1, 5], [2, 6, 3, 7]];
  return [0, 1, 2, 3].flatMap((block) => {
    const pairs = block < 2 ? first : second;
    const halves = block % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7];
    const row = pickWords(pickWords(a, b, pairs), pickWords(c, d, pairs), halves);
    return apply(memory(VECTOR_STORE, place + BLOCK_BYTES * block), i32(0), row);
  });
}

/** Takes the text to its other form, piece by piece; the first block of the key stream is not for it. */
function crossBody(textBytes: number, at: number): Code {
  const stream = apply(memory(VECTOR_LOAD, PLACES.keyStream + BLOCK_BYTES), get(at));
  const crossed = apply(VECTOR_XOR, apply(memory(VECTOR_LOAD, PLACES.text), get(at)), stream);
  return [
    ...set(at, i32(0)),
    // A text of no bytes crosses one piece too, which is nobody's.
    ...repeatWhile(apply([0x49], get(at), get(textBytes)), [
      ...apply(memory(VECTOR_STORE, PLACES.text), get(at), crossed),
      ...set(at, apply(I32_ADD, get(at), i32(PIECE_BYTES))),
    ]),
  ];
}

const LIMB_BITS = 26n;
const LIMB_MASK = (1n << LIMB_BITS) - 1n;
const LIMBS = [0, 1, 2, 3, 4];

const bits64 = (value: number | bigint) => i64(BigInt(value));
const masked = (value: Code) => apply(I64_AND, value, i64(LIMB_MASK));
const shiftedRight = (value: Code, bits: number | bigint) => apply(I64_SHR, value, bits64(bits));
const shiftedLeft = (value: Code, bits: number | bigint) => apply(I64_SHL, value, bits64(bits));
const or = (a: Code, b: Code) => apply(I64_OR, a, b);
const plus = (a: Code, b: Code) => apply(I64_ADD, a, b);

/** The five limbs of 128 bits in two halves. */
function limbsOf(low: Code, high: Code): readonly Code[] {
  return [
    masked(low),
    masked(shiftedRight(low, 26)),
    masked(or(shiftedRight(low, 52), shiftedLeft(high, 12))),
    masked(shiftedRight(high, 14)),
    shiftedRight(high, 40),
  ];
}

/** Poly1305 (§2.5) of the text and the piece with its length. */
function authenticateBody(textBytes: number, firstLocal: number): Code {
  const locals = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);
  const r = locals(firstLocal, 5);
  const r5 = locals(firstLocal + 5, 5);
  const h = locals(firstLocal + 10, 5);
  const d = locals(firstLocal + 15, 5);
  const [low, high, carry] = locals(firstLocal + 20, 3) as [number, number, number];
  const at = firstLocal + 23;

  const load = (place: number, address: Code) => apply(memory(I64_LOAD, place), address);
  const clamp = (place: number, mask: bigint) => apply(I64_AND, load(place, i32(0)), i64(mask));
  /** Moves what is above 26 bits from each limb to the next. */
  const carryOn = (limbs: readonly number[]) =>
    limbs.slice(0, -1).flatMap((limb, index) => [
      ...set(limbs[index + 1]!, plus(get(limbs[index + 1]!), shiftedRight(get(limb), LIMB_BITS))),
      ...set(limb, masked(get(limb))),
    ]);
  /** 2^130 is 5, modulo the prime. */
  const carryAround = [
    ...set(h[0]!, plus(get(h[0]!), apply(I64_MUL, shiftedRight(get(h[4]!), LIMB_BITS), i64(5n)))),
    ...set(h[4]!, masked(get(h[4]!))),
  ];
  const product = (limb: number) =>
    LIMBS.map((index) => {
      const factor = index <= limb ? r[limb - index]! : r5[5 + limb - index]!;
      return apply(I64_MUL, get(h[index]!), get(factor));
    }).reduce(plus);

  const takePiece = [
    ...set(low, load(PLACES.text, get(at))),
    ...set(high, load(PLACES.text + 8, get(at))),
    ...limbsOf(get(low), get(high)).flatMap((limb, index) => set(h[index]!, plus(get(h[index]!), limb))),
    // The bit behind the piece.
    ...set(h[4]!, plus(get(h[4]!), i64(1n << 24n))),
    ...LIMBS.flatMap((limb) => set(d[limb]!, product(limb))),
    ...LIMBS.flatMap((limb) => set(h[limb]!, get(d[limb]!))),
    ...carryOn(h),
    ...carryAround,
    ...carryOn(h.slice(0, 2)),
    ...set(at, apply(I32_ADD, get(at), i32(PIECE_BYTES))),
  ];
  /** Less the prime where it is not below it: a difference below zero has its top bit set. */
  const reduce = [
    ...carryOn(h),
    ...carryAround,
    ...carryOn(h),
    ...LIMBS.flatMap((limb) => set(d[limb]!, get(h[limb]!))),
    ...set(d[0]!, plus(get(d[0]!), i64(5n))),
    ...carryOn(d),
    ...set(d[4]!, apply(I64_SUB, get(d[4]!), i64(1n << LIMB_BITS))),
    ...set(carry, apply(I64_SUB, shiftedRight(get(d[4]!), 63), i64(1n))),
    ...LIMBS.flatMap((limb) => {
      const difference = apply(I64_XOR, get(h[limb]!), get(d[limb]!));
      return set(h[limb]!, apply(I64_XOR, get(h[limb]!), apply(I64_AND, difference, get(carry))));
    }),
  ];
  const writeTag = [
    ...set(low, or(or(get(h[0]!), shiftedLeft(get(h[1]!), 26)), shiftedLeft(get(h[2]!), 52))),
    ...set(high, or(or(shiftedRight(get(h[2]!), 12), shiftedLeft(get(h[3]!), 14)), shiftedLeft(get(h[4]!), 40))),
    ...set(d[0]!, plus(get(low), load(PLACES.keyStream + 16, i32(0)))),
    ...set(carry, apply(I64_EXTEND, apply(I64_LESS, get(d[0]!), get(low)))),
    ...set(d[1]!, plus(plus(get(high), load(PLACES.keyStream + 24, i32(0))), get(carry))),
    ...apply(memory(I64_STORE, PLACES.tag), i32(0), get(d[0]!)),
    ...apply(memory(I64_STORE, PLACES.tag + 8), i32(0), get(d[1]!)),
  ];
  return [
    ...set(low, clamp(PLACES.keyStream, 0x0ffffffc_0fffffffn)),
    ...set(high, clamp(PLACES.keyStream + 8, 0x0ffffffc_0ffffffcn)),
    ...limbsOf(get(low), get(high)).flatMap((limb, index) => [
      ...set(r[index]!, limb),
      ...set(r5[index]!, apply(I64_MUL, get(r[index]!), i64(5n))),
    ]),
    ...apply(memory(I64_STORE, PLACES.text), get(textBytes), i64(0n)),
    ...apply(memory(I64_STORE, PLACES.text + 8), get(textBytes), apply(I64_EXTEND, get(textBytes))),
    ...repeatWhile(apply([0x4d], get(at), get(textBytes)), takePiece),
    ...reduce,
    ...writeTag,
  ];
}

const KEY_STREAM_INDEX = 0;
const CROSS_INDEX = 1;
const AUTHENTICATE_INDEX = 2;

/** The module; it imports `packets.memory` of one page and exports {@linkcode SmallPacketExports}. */
export function smallPacketModule(): Uint8Array<ArrayBuffer> {
  const [keyStream, cross] = [call(KEY_STREAM_INDEX), call(CROSS_INDEX, get(0))];
  const authenticate = call(AUTHENTICATE_INDEX, get(0));
  const whole = { parameters: [I32], results: [], locals: [] };
  return assembleModule({ module: "packets", name: "memory", pages: 1 }, [
    {
      name: "keyStream",
      parameters: [],
      results: [],
      locals: [...Array.from({ length: BLOCK_WORDS + 1 }, () => V128), I32],
      body: keyStreamBody(0),
    },
    { name: "cross", parameters: [I32], results: [], locals: [I32], body: crossBody(0, 1) },
    {
      name: "authenticate",
      parameters: [I32],
      results: [],
      locals: [...Array.from({ length: 23 }, () => I64), I32],
      body: authenticateBody(0, 1),
    },
    { ...whole, name: "seal", body: [...keyStream, ...cross, ...authenticate] },
    { ...whole, name: "open", body: [...keyStream, ...authenticate, ...cross] },
  ]);
}
