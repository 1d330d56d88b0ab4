import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  apply,
  assembleModule,
  call,
  get,
  I32,
  i32,
  I64,
  i64,
  memory,
  repeatWhile,
  set,
  tee,
  type WasmFunction,
  when,
} from "../../../core/bytes/wasm.ts";

const I32_ADD = [0x6a];
const I32_LOAD = [0x28];
const I32_STORE = [0x36];

/** The functions of a module over one page, and that page. */
function instantiate(...functions: WasmFunction[]): [Record<string, (...values: never[]) => unknown>, DataView] {
  const page = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const code = assembleModule({ module: "host", name: "page", pages: 1 }, functions);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { host: { page } });
  return [exports as Record<string, (...values: never[]) => unknown>, new DataView(page.buffer)];
}

function constant(name: string, type: number, body: readonly number[]): WasmFunction {
  return { name, parameters: [], results: [type], locals: [], body };
}

Deno.test("i32, i64: every number is itself, the ends of each length of encoding included", () => {
  const ends = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 2 ** 31 - 1, -(2 ** 31)];
  fc.assert(fc.property(fc.oneof(fc.constantFrom(...ends), fc.integer()), (value) => {
    const [{ f }] = instantiate(constant("f", I32, i32(value)));
    assert.equal(f!(), value);
  }));
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(...ends).map(BigInt), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })),
      (value) => {
        const [{ f }] = instantiate(constant("f", I64, i64(value)));
        assert.equal(f!(), BigInt.asIntN(64, value));
      },
    ),
  );
});

Deno.test("assembleModule: functions are exported by their names and call each other by their numbers", () => {
  const double = apply(I32_ADD, get(0), get(0));
  const [{ twice, fourTimes }] = instantiate(
    { name: "twice", parameters: [I32], results: [I32], locals: [], body: double },
    { name: "fourTimes", parameters: [I32], results: [I32], locals: [], body: call(0, call(0, get(0))) },
  );
  assert.equal(twice!(...[21] as never[]), 42);
  assert.equal(fourTimes!(...[21] as never[]), 84);
});

Deno.test("assembleModule: bodies and lists longer than one byte can say", () => {
  const long = Array.from({ length: 300 }, () => set(0, apply(I32_ADD, get(0), i32(1)))).flat();
  const functions = Array.from({ length: 200 }, (_, index) => constant(`f${index}`, I32, i32(index)));
  const locals = Array.from({ length: 200 }, () => I32);
  const body = [...long, ...set(200, get(0)), ...get(200)];
  const [exports] = instantiate(...functions, { name: "count", parameters: [I32], results: [I32], locals, body });
  assert.equal(exports["f199"]!(), 199);
  assert.equal(exports["count"]!(...[5] as never[]), 305);
});

Deno.test("repeatWhile, when, tee: control flow", () => {
  const countDown = repeatWhile(tee(0, apply(I32_ADD, get(0), i32(-1))), set(1, apply(I32_ADD, get(1), i32(10))));
  const [{ times, chosen }] = instantiate(
    { name: "times", parameters: [I32], results: [I32], locals: [I32], body: [...countDown, ...get(1)] },
    {
      name: "chosen",
      parameters: [I32],
      results: [I32],
      locals: [I32],
      body: [...when(get(0), set(1, i32(7))), ...get(1)],
    },
  );
  assert.equal(times!(...[3] as never[]), 30);
  assert.equal(chosen!(...[0] as never[]), 0);
  assert.equal(chosen!(...[9] as never[]), 7);
});

Deno.test("memory: loads and stores need no alignment, and add their offset", () => {
  const body = apply(memory(I32_STORE, 300), get(0), apply(memory(I32_LOAD, 3), get(0)));
  const [{ move }, page] = instantiate({ name: "move", parameters: [I32], results: [], locals: [], body });
  page.setUint32(8, 0xfeed_beef, true);
  move!(...[5] as never[]);
  assert.equal(page.getUint32(305, true), 0xfeed_beef);
});
