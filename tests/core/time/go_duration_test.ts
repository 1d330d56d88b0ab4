import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatGoDuration,
  formatGoDurationNs,
  parseGoDuration,
  parseGoDurationNs,
} from "../../../core/time/go_duration.ts";

const S = 1_000_000_000n;
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** Nanoseconds and what Go prints for them. */
const FORMATS: [bigint, string][] = [
  [0n, "0s"],
  [1n, "1ns"],
  [999n, "999ns"],
  [1000n, "1\u00b5s"],
  [1100n, "1.1\u00b5s"],
  [999_999n, "999.999\u00b5s"],
  [1_000_000n, "1ms"],
  [1_500_000n, "1.5ms"],
  [2_200_000n, "2.2ms"],
  [999_999_999n, "999.999999ms"],
  [S, "1s"],
  [3_300_000_000n, "3.3s"],
  [59n * S + 1n, "59.000000001s"],
  [60n * S, "1m0s"],
  [245n * S, "4m5s"],
  [245n * S + 1_000_000n, "4m5.001s"],
  [3600n * S, "1h0m0s"],
  [3723n * S + S / 2n, "1h2m3.5s"],
  [18_367n * S + 1_000_000n, "5h6m7.001s"],
  [480_000_000_001n, "8m0.000000001s"],
  [-1n, "-1ns"],
  [-3_600n * S - 1n, "-1h0m0.000000001s"],
  [MAX, "2562047h47m16.854775807s"],
  [MIN, "-2562047h47m16.854775808s"],
];

Deno.test("formatGoDurationNs: as Go prints them", () => {
  for (const [nanoseconds, text] of FORMATS) assert.equal(formatGoDurationNs(nanoseconds), text);
});

Deno.test("parseGoDurationNs: reads what Go prints", () => {
  for (const [nanoseconds, text] of FORMATS) assert.equal(parseGoDurationNs(text), nanoseconds, text);
});

Deno.test("parseGoDurationNs: reads what Go reads besides", () => {
  const readable: [string, bigint][] = [
    ["0", 0n],
    ["-0", 0n],
    ["+0", 0n],
    ["5s", 5n * S],
    ["+5s", 5n * S],
    ["5.0s", 5n * S],
    ["5.s", 5n * S],
    [".5s", S / 2n],
    ["-.5s", -S / 2n],
    ["1.004s", 1_004_000_000n],
    ["1.0040s", 1_004_000_000n],
    ["100.00100s", 100_001_000_000n],
    ["12us", 12_000n],
    ["12\u00b5s", 12_000n],
    ["12\u03bcs", 12_000n],
    ["3h30m", 12_600n * S],
    ["10.5s4m", 250_500_000_000n],
    ["-2m3.4s", -123_400_000_000n],
    ["1h2m3s4ms5us6ns", 3_723_004_005_006n],
    ["1s1s1s", 3n * S],
    ["0.3333333333333333333h", 1_199_999_999_999n],
    ["0.100000000000000000000h", 360n * S],
    ["9223372036854775807ns", MAX],
    ["-9223372036854775808ns", MIN],
    ["9223372036s854ms775us807ns", MAX],
  ];
  for (const [text, nanoseconds] of readable) assert.equal(parseGoDurationNs(text), nanoseconds, text);
});

Deno.test("parseGoDurationNs: undefined for everything else", () => {
  const refused = [
    "",
    "3",
    "-",
    "+",
    "s",
    ".",
    "-.",
    ".s",
    "+.s",
    "1d",
    "1 s",
    " 1s",
    "1s ",
    "1S",
    "1e3s",
    "0x1s",
    "--1s",
    "+-1s",
    "1s-1s",
    "1.2.3s",
    "1,5s",
    "1m2",
    "00",
    "\u0661s",
    "NaNs",
    "9223372036854775808ns",
    "-9223372036854775809ns",
    "9223372036854775.808us",
    "2562047h48m",
    `${"9".repeat(300)}s`,
  ];
  for (const text of refused) assert.equal(parseGoDurationNs(text), undefined, JSON.stringify(text));
});

Deno.test("parseGoDurationNs: a text of 256 characters is read, of 257 not", () => {
  assert.equal(parseGoDurationNs("1s".padStart(256, "0")), S);
  assert.equal(parseGoDurationNs("1s".padStart(257, "0")), undefined);
});

Deno.test("parseGoDurationNs: any duration comes back exactly", () => {
  fc.assert(fc.property(fc.bigInt({ min: MIN, max: MAX }), fc.constantFrom(1n, 1_000n, S, 60n * S), (value, scale) => {
    const nanoseconds = value / scale;
    assert.equal(parseGoDurationNs(formatGoDurationNs(nanoseconds)), nanoseconds);
  }));
});

Deno.test("parseGoDurationNs: no text throws", () => {
  const piece = fc.constantFrom("1", "0", "9", ".", "-", "+", "s", "m", "h", "ns", "\u00b5s", "x", " ");
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
    const nanoseconds = parseGoDurationNs(pieces.join(""));
    assert(nanoseconds === undefined || (nanoseconds >= MIN && nanoseconds <= MAX));
  }));
});

Deno.test("formatGoDuration: milliseconds with a fraction", () => {
  assert.equal(formatGoDuration(0), "0s");
  assert.equal(formatGoDuration(1.5), "1.5ms");
  assert.equal(formatGoDuration(-1.5), "-1.5ms");
  assert.equal(formatGoDuration(3_723_500), "1h2m3.5s");
  assert.equal(formatGoDuration(0.000_001), "1ns");
  assert.equal(formatGoDuration(0.000_000_4), "0s");
  assert.equal(formatGoDuration(1e12 + 1), "277777h46m40.001s");
  assert.equal(formatGoDuration(1e300), "2562047h47m16.854775807s");
  assert.equal(formatGoDuration(-1e300), "-2562047h47m16.854775808s");
});

Deno.test("parseGoDuration: milliseconds with a fraction", () => {
  assert.equal(parseGoDuration("1h2m3.5s"), 3_723_500);
  assert.equal(parseGoDuration("1.5\u00b5s"), 0.0015);
  assert.equal(parseGoDuration("-1ms"), -1);
  assert.equal(parseGoDuration("soon"), undefined);
});
