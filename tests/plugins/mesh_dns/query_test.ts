import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  EDNS_OPTIONS_MAX,
  NAME_JUMPS_MAX,
  QUERY_RECORDS_MAX,
  readName,
  readQuery,
} from "../../../plugins/mesh_dns/query.ts";
import { edns, queryBytes } from "./paper_mesh.ts";

const NAME = "a.webmesh.internal";

function problemOf(bytes: Uint8Array): string {
  const query = readQuery(bytes);
  return "problem" in query ? query.problem : "none";
}

/** `bytes` with other bytes at `at`. */
function patched(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

Deno.test("readQuery: question, EDNS and options", () => {
  const query = readQuery(queryBytes("A.Webmesh.Internal", "AAAA", edns(4000, { flags: 0x8000 })));
  assert(!("problem" in query));
  assert.deepEqual([query.id, query.question.name, query.question.type, query.question.class], [7, NAME, 28, 1]);
  assert.deepEqual(query.edns, { version: 0, udpBytesMax: 4000, isDnssecOk: true, options: [] });
});

Deno.test("readQuery: what is no query", () => {
  const plain = queryBytes(NAME, "A");
  assert.equal(problemOf(plain), "none");
  assert.equal(problemOf(plain.subarray(0, 11)), "short");
  assert.equal(problemOf(patched(plain, 2, 0x80)), "answer");
  assert.equal(problemOf(patched(plain, 2, 0x28)), "opcode");
  assert.equal(problemOf(patched(plain, 5, 0)), "questions");
  const two = queryBytes(NAME, "A", { questions: [{ name: NAME, type: "A" }, { name: NAME, type: "TXT" }] });
  assert.equal(problemOf(two), "questions");
  for (let length = 12; length < plain.length; length++) {
    assert.equal(problemOf(plain.subarray(0, length)), "malformed");
  }
  assert.equal(problemOf(new Uint8Array([...plain, 0])), "malformed");
  assert.equal(problemOf(patched(plain, 12, 0xc0, 12)), "malformed");
  assert.equal(problemOf(patched(plain, 12, 64)), "malformed");
});

Deno.test("readQuery: two OPT records, one with a name, one option too many", () => {
  const opt = edns(1232)["additionals"] as readonly unknown[];
  assert.equal(problemOf(queryBytes(NAME, "A", { additionals: [...opt, ...opt] })), "malformed");
  const named = queryBytes(NAME, "A", edns(1232));
  assert.equal(problemOf(new Uint8Array([...named.slice(0, -11), 1, 97, 0, ...named.slice(-10)])), "malformed");
  const option = { code: 65001, data: Buffer.alloc(1) };
  const many = (count: number) => queryBytes(NAME, "A", edns(1232, { options: Array(count).fill(option) }));
  assert.equal(problemOf(many(EDNS_OPTIONS_MAX)), "none");
  assert.equal(problemOf(many(EDNS_OPTIONS_MAX + 1)), "malformed");
});

Deno.test("readQuery: one record more than the limit", () => {
  const record = { type: "A", name: "x", data: "192.0.2.1" };
  const many = (count: number) => queryBytes(NAME, "A", { additionals: Array(count).fill(record) });
  assert.equal(problemOf(many(QUERY_RECORDS_MAX)), "none");
  assert.equal(problemOf(many(QUERY_RECORDS_MAX + 1)), "malformed");
});

Deno.test("readName: escapes what could pass for something else; 63, 64, 255 and 256 bytes", () => {
  const named = (...labels: readonly (readonly number[])[]) => {
    const bytes = labels.flatMap((label) => [label.length, ...label]);
    return readName(new Uint8Array([...new Uint8Array(12), ...bytes, 0]), 12)?.text;
  };
  assert.equal(named([65, 46, 98], [0, 255]), "a\\046b.\\000\\255");
  assert.equal(named(), "");
  const long = (length: number) => Array<number>(length).fill(97);
  assert.equal(named(long(63))?.length, 63);
  assert.equal(named(long(64)), undefined);
  assert.equal(named(long(63), long(63), long(63), long(61))?.length, 253);
  assert.equal(named(long(63), long(63), long(63), long(62)), undefined);
});

Deno.test("readName: pointers lead backwards, and not too often", () => {
  const pointer = (at: number) => [0xc0 | at >>> 8, at & 0xff];
  const loop = new Uint8Array([...new Uint8Array(12), ...pointer(14), ...pointer(12)]);
  assert.equal(readName(loop, 12), undefined);
  assert.equal(readName(loop, 14), undefined);
  const chain = (jumps: number) => {
    const bytes = [...new Uint8Array(12), 1, 97, 0, 0];
    for (let i = 0; i < jumps; i++) bytes.push(...pointer(i === 0 ? 12 : bytes.length - 2));
    return readName(new Uint8Array(bytes), bytes.length - 2);
  };
  assert.equal(chain(NAME_JUMPS_MAX)?.text, "a");
  assert.equal(chain(NAME_JUMPS_MAX + 1), undefined);
});
