import assert from "node:assert/strict";
import {
  formatAge,
  formatBytes,
  PLAIN_LAYOUT,
  printable,
  printableJson,
  printableLine,
  renderTable,
  styleFor,
} from "../../../core/cli/format.ts";

Deno.test("formatBytes: powers of 1024, one decimal below ten, and no unit is left too late", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [10188, "9.9 KiB"],
    [10200, "10 KiB"],
    [1048063, "1023 KiB"],
    [1048575, "1.0 MiB"],
    [92274688, "88 MiB"],
    [2 ** 50, "1.0 PiB"],
    [2 ** 53, "8.0 PiB"],
    [2 ** 63, "8192 PiB"],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text, `${bytes}`);
});

Deno.test("formatAge: the two largest units", () => {
  const cases: [number, string][] = [
    [-5_000, "0s"],
    [0, "0s"],
    [999, "0s"],
    [41_500, "41s"],
    [59_999, "59s"],
    [60_000, "1m00s"],
    [62_000, "1m02s"],
    [3_599_000, "59m59s"],
    [3_600_000, "1h00m"],
    [11_100_000, "3h05m"],
    [86_399_000, "23h59m"],
    [86_400_000, "1d00h"],
    [187_200_000, "2d04h"],
  ];
  for (const [ageMs, text] of cases) assert.equal(formatAge(ageMs), text, `${ageMs}`);
});

/** What a hostile name may try: C0, DEL, C1, direction marks, invisible characters, line separators, lone surrogates. */
const HOSTILE = [
  "\u0000",
  "\u0007",
  "\b",
  "\n",
  "\r",
  "\u001b",
  "\u007f",
  "\u009b",
  "\u00ad",
  "\u200b",
  "\u200f",
  "\u202e",
  "\u2028",
  "\u2029",
  "\u2066",
  "\ufeff",
  "\ud800",
  "\u{e0041}",
];

Deno.test("printable: nothing that drives a terminal or misleads the eye is left", () => {
  for (const character of HOSTILE) {
    assert.equal(printable(`a${character}b`), "a?b", JSON.stringify(character));
  }
  assert.equal(printable("\u001b]0;title\u0007\u001b[2J"), "?]0;title??[2J");
});

Deno.test("printable: names of all languages stay", () => {
  for (const name of ["nas-1.example", "Büro", "東京", "Київ", "מחשב", "🦊"]) assert.equal(printable(name), name);
});

Deno.test("printableLine: one line, whatever white space is in it", () => {
  assert.equal(printableLine(" it failed:\n\tno\r\nway \u001b[2J "), "it failed: no way ?[2J");
});

Deno.test("printableJson: escapes instead of replacing, and parses to the same", () => {
  const value = { name: HOSTILE.join("-"), plain: "東京 🦊" };
  for (const indent of [0, 2]) {
    const text = printableJson(value, indent);
    assert.equal(printable(text.replaceAll("\n", "")), text.replaceAll("\n", ""), "nothing left to replace");
    assert.deepEqual(JSON.parse(text), value);
    assert.ok(text.includes("東京 🦊"));
  }
  assert.equal(printableJson({ a: 1 }, 0), '{"a":1}');
});

Deno.test("styleFor: escape sequences only when enabled", () => {
  assert.equal(styleFor(false).red("x"), "x");
  assert.equal(styleFor(true).red("x"), "\u001b[31mx\u001b[0m");
});

const HEADER = ["PEER", "RX"];

Deno.test("renderTable: columns two spaces apart, no spaces at the ends, dashes for nothing", () => {
  assert.deepEqual(renderTable(HEADER, [["a-long-name", "1 B"], ["", "10 KiB"], ["c", ""]], PLAIN_LAYOUT), [
    "PEER         RX",
    "a-long-name  1 B",
    "-            10 KiB",
    "c            -",
  ]);
  assert.deepEqual(renderTable(HEADER, [], PLAIN_LAYOUT), ["PEER  RX"]);
});

Deno.test("renderTable: cells cannot drive the terminal", () => {
  assert.deepEqual(renderTable(HEADER, [["a\u001b[31m\n", "1"]], PLAIN_LAYOUT)[1], "a?[31m?  1");
});

Deno.test("renderTable: a table one column too wide becomes blocks and loses nothing", () => {
  const rows = [["aaaaaa", "1 B"], ["b", "2 B"]];
  const fits = { style: styleFor(false), columns: 11 };
  assert.deepEqual(renderTable(HEADER, rows, fits), ["PEER    RX", "aaaaaa  1 B", "b       2 B"]);
  assert.deepEqual(renderTable(HEADER, rows, { ...fits, columns: 10 }), [
    "PEER  aaaaaa",
    "RX    1 B",
    "",
    "PEER  b",
    "RX    2 B",
  ]);
});

Deno.test("renderTable: the header is bold", () => {
  const style = styleFor(true);
  assert.equal(renderTable(HEADER, [["a", "1"]], { style, columns: 80 })[0], style.bold("PEER  RX"));
  assert.equal(renderTable(HEADER, [["a", "1"]], { style, columns: 2 })[0], `${style.bold("PEER")}  a`);
});
