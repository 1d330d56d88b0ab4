/**
 * Tests for `core/rpc/status.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ConfigError, MeshError, type MeshErrorReason } from "../../../core/plugin/errors.ts";
import { errorOf, statusOf, unreachableError } from "../../../core/rpc/status.ts";

/** Reasons and codes, typed again. */
const CODES: Readonly<Record<MeshErrorReason, number>> = {
  "invalid-argument": 3,
  "timeout": 4,
  "not-found": 5,
  "already-exists": 6,
  "permission-denied": 7,
  "exhausted": 8,
  "precondition": 9,
  "not-leader": 9,
  "not-joined": 9,
  "unimplemented": 12,
  "internal": 13,
  "no-leader": 14,
  "not-running": 14,
  "unavailable": 14,
};

const REASONS = Object.keys(CODES) as MeshErrorReason[];

for (const reason of REASONS) {
  Deno.test(`statusOf: ${reason} is code ${CODES[reason]}, and comes back as ${reason}`, () => {
    const { code, message, trailers } = statusOf(new MeshError(reason, "Because"));
    assert.equal(code, CODES[reason]);
    assert.equal(message, "Because");
    const back = errorOf(code, message, trailers);
    assert.deepEqual([back.reason, back.message, back.code], [reason, "Because", code]);
  });
}

Deno.test("statusOf: not-leader names the leader in leader-address, and a hint travels as hint", () => {
  const error = new MeshError("not-leader", "Not the leader", { leaderAddress: "10.0.0.1:8443", hint: "Ask there." });
  const { trailers } = statusOf(error);
  assert.equal(trailers.get("leader-address"), "10.0.0.1:8443");
  assert.equal(trailers.get("hint"), "Ask there.");
  const back = errorOf(9, "Not the leader", trailers);
  assert.deepEqual([back.leaderAddress, back.hint], ["10.0.0.1:8443", "Ask there."]);
});

for (
  const error of [new TypeError("x is not a function at /home/node"), new ConfigError("bad file"), "text", undefined]
) {
  Deno.test(`statusOf: ${error} is INTERNAL without its text`, () => {
    const status = statusOf(error);
    assert.deepEqual(status, { code: 13, message: "Internal error", trailers: new Map(), isUnexpected: true });
  });
}

Deno.test("statusOf: only what no caller could have caused is unexpected", () => {
  const unexpected = REASONS.filter((reason) => statusOf(new MeshError(reason, "")).isUnexpected);
  assert.deepEqual(unexpected, ["internal"]);
});

Deno.test("statusOf: the status of a forwarded call passes through unchanged", () => {
  const trailers = new Map([["leader-address", "10.0.0.1:1"], ["weft-mesh-id", "abc"]]);
  const status = statusOf(errorOf(10, "Aborted elsewhere", trailers));
  assert.deepEqual(status, { code: 10, message: "Aborted elsewhere", trailers, isUnexpected: false });
});

/** What other implementations' statuses mean here. */
const FOREIGN: readonly (readonly [code: number, reason: MeshErrorReason])[] = [
  [1, "unavailable"],
  [2, "internal"],
  [3, "invalid-argument"],
  [4, "timeout"],
  [5, "not-found"],
  [6, "already-exists"],
  [7, "permission-denied"],
  [8, "exhausted"],
  [9, "not-leader"],
  [10, "unavailable"],
  [11, "invalid-argument"],
  [12, "unimplemented"],
  [13, "internal"],
  [14, "unavailable"],
  [15, "internal"],
  [16, "permission-denied"],
  [99, "internal"],
];

for (const [code, reason] of FOREIGN) {
  Deno.test(`errorOf: code ${code} without more is ${reason}`, () => {
    assert.equal(errorOf(code, "", new Map()).reason, reason);
  });
}

Deno.test("errorOf: does not believe a reason that contradicts the code, or that does not exist", () => {
  assert.equal(errorOf(14, "", new Map([["weft-reason", "not-found"]])).reason, "unavailable");
  assert.equal(errorOf(14, "", new Map([["weft-reason", "toString"]])).reason, "unavailable");
});

Deno.test("unreachableError: is UNAVAILABLE with the reason that says more", () => {
  const error = unreachableError("not-running", "No node listens");
  assert.deepEqual([error.code, error.reason, error.message], [14, "not-running", "No node listens"]);
});
