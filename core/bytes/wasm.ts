/**
 * WebAssembly modules put together from named instructions (WebAssembly Core Specification 3.0 §5): for kernels so short
 * that they are smaller than the tool that would compile them.
 *
 * An expression is a list of bytes that leaves one value on the stack, a statement one that leaves none; both are made of
 * each other. Leaves out everything that no kernel here needs: tables, globals, control flow with results.
 *
 * @module
 */

/** Encoded instructions. */
export type Code = readonly number[];

/** Types of values. */
export const I32 = 0x7f;
/** See {@linkcode I32}. */
export const I64 = 0x7e;
/** See {@linkcode I32}. */
export const V128 = 0x7b;

const NO_RESULT = 0x40;
const FUNCTION_TYPE = 0x60;
const [TYPE_SECTION, IMPORT_SECTION, FUNCTION_SECTION, EXPORT_SECTION, CODE_SECTION] = [1, 2, 3, 7, 10];
/** The magic bytes and version 1. */
const PREAMBLE: Code = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const END = 0x0b;

/** `local.get`. */
export const get = (local: number): Code => [0x20, ...unsigned(local)];
/** `local.set`. */
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];
/** `local.tee`: sets, and is the value. */
export const tee = (local: number, value: Code): Code => [...value, 0x22, ...unsigned(local)];
/** `i32.const`. */
export const i32 = (value: number): Code => [0x41, ...signed(BigInt(value | 0))];
/** `i64.const`, of the low 64 bits. */
export const i64 = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))];
/** An instruction with its operands in front. */
export const apply = (instruction: Code, ...operands: Code[]): Code => [...operands.flat(), ...instruction];
/** A load or store of unaligned memory, `offset` bytes behind an address. */
export const memory = (instruction: Code, offset = 0): Code => [...instruction, 0, ...unsigned(offset)];
/** `call`. */
export const call = (index: number, ...operands: Code[]): Code => [...operands.flat(), 0x10, ...unsigned(index)];
/** Does `body` if the number is not zero. */
export const when = (condition: Code, body: Code): Code => [...condition, 0x04, NO_RESULT, ...body, END];
/** Does `body`, and again as long as the number is not zero then. */
export const repeatWhile = (condition: Code, body: Code): Code => [
  ...[0x03, NO_RESULT],
  ...body,
  ...[...condition, 0x0d, 0],
  END,
];

/** One function of a module. */
export interface WasmFunction {
  /** The name that it is exported by. */
  readonly name: string;
  readonly parameters: readonly number[];
  readonly results: readonly number[];
  /** Types of locals; they are numbered behind the parameters. */
  readonly locals: readonly number[];
  readonly body: Code;
}

/** Where a module's memory comes from: a module and a name, and how many pages it has at least. */
export interface WasmMemory {
  readonly module: string;
  readonly name: string;
  readonly pages: number;
}

/** A module of functions, numbered as they are listed, over an imported memory. */
export function assembleModule(memory: WasmMemory, functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters, results }) => [
    FUNCTION_TYPE,
    ...[parameters.length, ...parameters],
    ...[results.length, ...results],
  ]);
  const bodies = functions.map(({ locals, body }) =>
    withLength([...unsigned(locals.length), ...locals.flatMap((type) => [1, type]), ...body, END])
  );
  return Uint8Array.from([
    ...PREAMBLE,
    ...section(TYPE_SECTION, types),
    ...section(IMPORT_SECTION, [[...text(memory.module), ...text(memory.name), 2, 0, ...unsigned(memory.pages)]]),
    ...section(FUNCTION_SECTION, functions.map((_, index) => unsigned(index))),
    ...section(EXPORT_SECTION, functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)])),
    ...section(CODE_SECTION, bodies),
  ]);
}

function section(id: number, entries: readonly Code[]): Code {
  return [id, ...withLength([...unsigned(entries.length), ...entries.flat()])];
}

function text(characters: string): Code {
  return withLength([...new TextEncoder().encode(characters)]);
}

function withLength(content: Code): Code {
  return [...unsigned(content.length), ...content];
}

/** Unsigned LEB128 (§5.2.2). */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...unsigned(value >>> 7)];
}

/** Signed LEB128 (§5.2.2). */
function signed(value: bigint): number[] {
  const low = Number(value & 0x7fn);
  return value >= -0x40n && value < 0x40n ? [low] : [low | 0x80, ...signed(value >> 7n)];
}
