import assert from "node:assert/strict";
import { TYPE } from "../../../plugins/mesh_dns/protocol.ts";
import { putU16 } from "../../../plugins/mesh_dns/message.ts";
import { type Query, readQuery, u16 } from "../../../plugins/mesh_dns/query.ts";
import { signAnswer, TSIG_ERROR, TsigKey, type TsigVerdict, verifyTsig } from "../../../plugins/mesh_dns/tsig.ts";
import { ARRIVAL, paperServer, queryBytes } from "./paper_mesh.ts";

const KEY = new TsigKey("key.example", new Uint8Array(32).fill(1));
const NOW_S: number = ARRIVAL.wallS;
const UNSIGNED: TsigVerdict = { error: 0, mac: new Uint8Array(0) };

/**
 * A signed query. Signing an answer to no request differs from signing a query by the two bytes of the length of the request's MAC,
 * so the key is wrapped to leave those out.
 */
function signedQuery(key: TsigKey, name = "key.example", timeS = NOW_S, algorithm = "hmac-sha256"): Uint8Array {
  const asking = new class extends TsigKey {
    override mac(bytes: Uint8Array): Uint8Array {
      return key.mac(bytes.subarray(2));
    }
  }(name, new Uint8Array(0));
  const tsig = {
    start: 0,
    keyName: name,
    algorithm,
    timeS,
    fudgeS: 300,
    mac: new Uint8Array(0),
    originalId: 7,
    error: 0,
  };
  return signAnswer(queryBytes("a.webmesh.internal", "A"), tsig, UNSIGNED, asking, timeS);
}

function read(bytes: Uint8Array): Query {
  const query = readQuery(bytes);
  assert(!("problem" in query) && query.tsig);
  return query;
}

function verdictOf(bytes: Uint8Array, nowS = NOW_S): number {
  const query = read(bytes);
  const verdict = query.tsig && verifyTsig(query, query.tsig, KEY, nowS);
  return typeof verdict === "object" ? verdict.error : -1;
}

Deno.test("verifyTsig: the right key, now, and nothing else", () => {
  assert.equal(verdictOf(signedQuery(KEY)), 0);
  assert.equal(verdictOf(signedQuery(new TsigKey("key.example", new Uint8Array(32).fill(2)))), TSIG_ERROR.BADSIG);
  assert.equal(verdictOf(signedQuery(KEY, "other.example")), TSIG_ERROR.BADKEY);
  assert.equal(verdictOf(signedQuery(KEY), NOW_S + 300), 0);
  assert.equal(verdictOf(signedQuery(KEY), NOW_S + 301), TSIG_ERROR.BADTIME);
  assert.equal(verdictOf(signedQuery(KEY), NOW_S - 301), TSIG_ERROR.BADTIME);
  const changed = signedQuery(KEY);
  changed[13] = 98;
  assert.equal(verdictOf(changed), TSIG_ERROR.BADSIG);
});

/** The signed query with `length` bytes of MAC: cut, or with zeros behind. */
function withMacOf(length: number): Uint8Array {
  const bytes = signedQuery(KEY);
  const query = read(bytes);
  assert(query.tsig);
  // Behind the MAC are the original id, the error, and the length of nothing.
  const macStart = bytes.length - 6 - 32;
  const mac = new Uint8Array(length);
  mac.set(bytes.subarray(macStart, macStart + Math.min(length, 32)));
  const cut = new Uint8Array([...bytes.subarray(0, macStart), ...mac, ...bytes.subarray(macStart + 32)]);
  putU16(cut, macStart - 2, length);
  // The length of the record's data: algorithm (13 bytes), time, fudge, length of the MAC, MAC, rest.
  putU16(cut, macStart - 10 - 13 - 2, 13 + 10 + length + 6);
  return cut;
}

Deno.test("verifyTsig: a MAC cut to half is one, what is shorter or longer is malformed", () => {
  for (const length of [16, 31, 32]) assert.equal(verdictOf(withMacOf(length)), 0, `${length}`);
  const cut = withMacOf(16);
  cut[cut.length - 7] = (cut[cut.length - 7] ?? 0) ^ 1;
  assert.equal(verdictOf(cut), TSIG_ERROR.BADSIG);
  for (const length of [0, 10, 15, 33, 64]) {
    const bytes = withMacOf(length);
    const { tsig, ...query } = read(bytes);
    assert(tsig);
    assert.equal(verifyTsig({ ...query, tsig }, tsig, KEY, NOW_S), "malformed", `${length}`);
    const response = paperServer({ key: KEY }).respond(bytes, ARRIVAL);
    assert(response.kind === "answer" && response.rcode === 1 && response.bytes.length === 12);
  }
});

Deno.test("Responder: whose clock is wrong is told the time, signed", () => {
  const server = paperServer({ key: KEY });
  for (const timeS of [NOW_S - 301, NOW_S + 301]) {
    const response = server.respond(signedQuery(KEY, "key.example", timeS), ARRIVAL);
    assert(response.kind === "answer" && response.rcode === 9);
    // At its end: the error, six bytes, and the time here.
    const end = response.bytes.length;
    assert.deepEqual([u16(response.bytes, end - 10), u16(response.bytes, end - 8)], [TSIG_ERROR.BADTIME, 6]);
    assert.equal(u16(response.bytes, end - 4) * 2 ** 16 + u16(response.bytes, end - 2), NOW_S);
  }
});

Deno.test("verifyTsig: a forwarder may have changed the id, and nothing else", () => {
  const bytes = signedQuery(KEY);
  bytes[0] = 9;
  assert.equal(verdictOf(bytes), 0);
  bytes[3] = 0x10;
  assert.equal(verdictOf(bytes), TSIG_ERROR.BADSIG);
});

Deno.test("Responder: with a key nothing is answered unsigned, over UDP and TCP, and answers are signed", () => {
  const server = paperServer({ key: KEY });
  for (const transport of ["udp", "tcp"] as const) {
    const arrival = { ...ARRIVAL, transport };
    const unsigned = server.respond(queryBytes("a.webmesh.internal", "A"), arrival);
    assert(unsigned.kind === "answer" && unsigned.rcode === 5 && u16(unsigned.bytes, 6) === 0);
    const forged = server.respond(signedQuery(new TsigKey("key.example", new Uint8Array(32))), arrival);
    assert(forged.kind === "answer" && forged.rcode === 9 && u16(forged.bytes, 6) === 0);
    const signed = server.respond(signedQuery(KEY), arrival);
    assert(signed.kind === "answer" && signed.rcode === 0 && u16(signed.bytes, 6) === 1);
    assert.equal(u16(signed.bytes, 10), 1);
    assert(signed.bytes.length > 45 + 32);
  }
  const withoutKey = paperServer().respond(signedQuery(KEY), ARRIVAL);
  assert(withoutKey.kind === "answer" && withoutKey.rcode === 9);
});

Deno.test("readQuery: TSIG anywhere but at the end is malformed", () => {
  const bytes = signedQuery(KEY);
  assert.equal(read(bytes).tsig?.keyName, "key.example");
  const opt = [0, 0, TYPE.OPT, 4, 208, 0, 0, 0, 0, 0, 0];
  const behind = new Uint8Array([...bytes, ...opt]);
  behind[11] = 2;
  assert("problem" in readQuery(behind));
});

Deno.test("TsigKey: does not show its secret", () => {
  assert(!Deno.inspect(KEY).includes("1, 1") && !JSON.stringify(KEY).includes("1,1"));
});
