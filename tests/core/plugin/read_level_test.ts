import { strict as assert } from "node:assert";
import {
  DEFAULT_READ_LEVEL,
  needsLeader,
  READ_LEVEL_KINDS,
  type ReadLevel,
  readLevelMetadata,
  readWishOf,
} from "../../../core/plugin/read_level.ts";

function wishOf(metadata: Record<string, string>): ReturnType<typeof readWishOf> {
  return readWishOf(new Map(Object.entries(metadata)));
}

function refuses(metadata: Record<string, string>, message: RegExp): void {
  assert.throws(() => wishOf(metadata), { name: "MeshError", reason: "invalid-argument", message });
}

Deno.test("readWishOf: who says nothing reads the replica", () => {
  assert.deepEqual(wishOf({}), { level: DEFAULT_READ_LEVEL, prefersLeader: false });
  assert.deepEqual(wishOf({}), wishOf({ "read-consistency": "none" }));
});

Deno.test("readWishOf: every level by its name, and only the leader may answer two of them", () => {
  assert.deepEqual(READ_LEVEL_KINDS.map((kind) => wishOf({ "read-consistency": kind }).level.kind), READ_LEVEL_KINDS);
  assert.deepEqual(
    READ_LEVEL_KINDS.filter((kind) => needsLeader(wishOf({ "read-consistency": kind }).level)),
    ["weak", "strong"],
  );
});

Deno.test("readWishOf: anything else is refused with what is allowed", () => {
  for (const text of ["", "None", "auto", "none,weak", "linearizable "]) {
    refuses({ "read-consistency": text }, /"read-consistency: .*allowed are none, weak, linearizable, strong$/);
  }
  refuses({ "read-consistency": "x".repeat(1000) }, /^.{0,200}$/);
});

Deno.test("readWishOf: freshness goes with none, as a Go duration above 0", () => {
  const level = (text: string) => wishOf({ freshness: text }).level;
  assert.deepEqual(level("5s"), { kind: "none", freshness: { maxMs: 5_000, strict: false } });
  assert.deepEqual(level("1m0.5s"), { kind: "none", freshness: { maxMs: 60_500, strict: false } });
  for (const text of ["", "5", "0s", "-5s", "5 s", "soon"]) refuses({ freshness: text }, /"freshness: .*above 0/);
  for (const kind of ["weak", "linearizable", "strong"]) {
    refuses({ "read-consistency": kind, freshness: "5s" }, new RegExp(`"freshness" goes with .* not with ${kind}$`));
  }
});

Deno.test("readWishOf: strict freshness is true or false, and strict about something", () => {
  const strict = (text: string) => wishOf({ freshness: "5s", "freshness-strict": text }).level;
  assert.deepEqual(strict("true"), { kind: "none", freshness: { maxMs: 5_000, strict: true } });
  assert.deepEqual(strict("false"), { kind: "none", freshness: { maxMs: 5_000, strict: false } });
  refuses({ freshness: "5s", "freshness-strict": "yes" }, /allowed are true, false$/);
  refuses({ "freshness-strict": "true" }, /needs "freshness"/);
});

Deno.test("readWishOf: prefer-leader is exactly true or nothing", () => {
  assert.equal(wishOf({ "prefer-leader": "true" }).prefersLeader, true);
  for (const text of ["false", "True", "1", ""]) assert.equal(wishOf({ "prefer-leader": text }).prefersLeader, false);
});

Deno.test("readLevelMetadata: says what readWishOf hears", () => {
  const levels: ReadLevel[] = [
    { kind: "none", freshness: undefined },
    { kind: "none", freshness: { maxMs: 1_500, strict: true } },
    { kind: "none", freshness: { maxMs: 250, strict: false } },
    { kind: "weak" },
    { kind: "linearizable" },
    { kind: "strong" },
  ];
  for (const level of levels) assert.deepEqual(wishOf(readLevelMetadata(level)).level, level);
});
