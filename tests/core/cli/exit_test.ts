import assert from "node:assert/strict";
import {
  errorText,
  EXIT,
  EXIT_MEANINGS,
  type ExitCode,
  exitCodeFor,
  unexpectedStack,
  UsageError,
} from "../../../core/cli/exit.ts";
import { ConfigError, MeshError, type MeshErrorReason } from "../../../core/plugin/errors.ts";
import { CorruptLogError, LogStoreFailedError } from "../../../core/seams/log_store.ts";

/** The whole table, typed again: a reason that is added must be decided here too. */
const CODES: Readonly<Record<MeshErrorReason, ExitCode>> = {
  "invalid-argument": 1,
  "not-found": 1,
  "already-exists": 1,
  "permission-denied": 5,
  "precondition": 1,
  "not-leader": 1,
  "no-leader": 8,
  "not-joined": 4,
  "not-running": 3,
  "exhausted": 1,
  "timeout": 6,
  "unavailable": 1,
  "unimplemented": 1,
  "internal": 1,
};

Deno.test("exitCodeFor: every reason of the mesh has the code that other programs rely on", () => {
  for (const [reason, code] of Object.entries(CODES) as [MeshErrorReason, ExitCode][]) {
    assert.equal(exitCodeFor(new MeshError(reason, "no")), code, reason);
  }
});

Deno.test("exitCodeFor: usage is 2, everything else that is thrown is 1", () => {
  assert.equal(exitCodeFor(new UsageError("no")), 2);
  for (const error of [new ConfigError("no"), new TypeError("no"), "no", undefined, null]) {
    assert.equal(exitCodeFor(error), 1);
  }
});

Deno.test("EXIT_MEANINGS: explains every code once", () => {
  assert.deepEqual(Object.keys(EXIT_MEANINGS).map(Number), Object.values(EXIT));
});

Deno.test("errorText: message and hint of typed errors, as they are", () => {
  const errors = [
    new UsageError("it failed", "do this"),
    new ConfigError("it failed", "do this"),
    new MeshError("internal", "it failed", { hint: "do this" }),
  ];
  for (const error of errors) assert.deepEqual(errorText(error), { message: "it failed", hint: "do this" });
  assert.equal(errorText(new ConfigError("it failed")).hint, undefined);
});

Deno.test("errorText: a damaged log and a failed disk have a way out", () => {
  const damaged = errorText(new CorruptLogError("raft/1.wal", 512, "checksum"));
  assert.match(damaged.message, /raft\/1\.wal at offset 512/);
  assert.match(damaged.hint ?? "", /backup.*--join/);
  assert.match(errorText(new LogStoreFailedError(new Error("ENOSPC"))).hint ?? "", /disk/);
});

Deno.test("errorText: other errors never show a stack, and say how to see it", () => {
  assert.deepEqual(errorText(new RangeError("too far")), {
    message: "too far",
    hint: "Run it again with WEFT_LOG_LEVEL=debug to see where it comes from.",
  });
  assert.equal(errorText(new RangeError()).message, "RangeError");
  assert.equal(errorText("text").message, "text");
});

Deno.test("unexpectedStack: only for errors that no text explains", () => {
  assert.match(unexpectedStack(new RangeError("too far")) ?? "", /exit_test\.ts/);
  for (const error of [new UsageError("no"), new ConfigError("no"), new MeshError("internal", "no"), "text"]) {
    assert.equal(unexpectedStack(error), undefined);
  }
});
