import assert from "node:assert/strict";
import { check, checkByKey, type Operation, type Verdict } from "./checker.ts";
import { REGISTER, type RegisterInput } from "./register.ts";
import { SeededRandom } from "../twins/seeded_random.ts";

type History = Operation<RegisterInput, number>[];

function read(callAt: number, returnAt: number, output: number): Operation<RegisterInput, number> {
  return { input: { kind: "read" }, output, callAt, returnAt };
}

function write(callAt: number, returnAt: number, value: number): Operation<RegisterInput, number> {
  const output = returnAt === Infinity ? undefined : 0;
  return { input: { kind: "write", value }, output, callAt, returnAt };
}

function verdict(history: History): Verdict["kind"] {
  return check(REGISTER, history).kind;
}

Deno.test("check: nothing happened, and that is fine", () => {
  assert.equal(verdict([]), "linearizable");
});

Deno.test("check: a read sees the last write that returned before it", () => {
  assert.equal(verdict([write(0, 1, 5), read(2, 3, 5)]), "linearizable");
  assert.equal(verdict([write(0, 1, 5), read(2, 3, 0)]), "violation");
});

Deno.test("check: a read beside a write may see it or not, but not both in turn", () => {
  assert.equal(verdict([write(0, 9, 5), read(1, 2, 0), read(3, 4, 5)]), "linearizable");
  assert.equal(verdict([write(0, 9, 5), read(1, 2, 5), read(3, 4, 0)]), "violation");
});

Deno.test("check: a write of unknown outcome takes effect late, or never", () => {
  const lost = write(0, Infinity, 5);
  assert.equal(verdict([lost, read(1, 2, 0), read(3, 4, 0)]), "linearizable");
  assert.equal(verdict([lost, read(1, 2, 0), read(3, 4, 5)]), "linearizable");
  assert.equal(verdict([lost, read(1, 2, 5), read(3, 4, 0)]), "violation");
});

Deno.test("check: compare and set tells whether it did", () => {
  const cas = (output: number): History[number] => ({
    input: { kind: "cas", expected: 1, value: 2 },
    output,
    callAt: 2,
    returnAt: 3,
  });
  assert.equal(verdict([write(0, 1, 1), cas(1), read(4, 5, 2)]), "linearizable");
  assert.equal(verdict([write(0, 1, 1), cas(0)]), "violation");
  assert.equal(verdict([write(0, 1, 3), cas(0), read(4, 5, 3)]), "linearizable");
});

Deno.test("check: says how much it could explain", () => {
  const result = check(REGISTER, [write(0, 1, 5), read(2, 3, 5), read(4, 5, 7)]);
  assert.deepEqual(result, { kind: "violation", explainedCount: 2 });
});

Deno.test("check: gives up when told to", () => {
  const writes = Array.from({ length: 12 }, (_, i) => write(i, 100 + i, i + 1));
  assert.deepEqual(check(REGISTER, [...writes, read(200, 201, 99)], 1000), { kind: "gave-up" });
});

Deno.test("checkByKey: names the key that is at fault", () => {
  const at = (key: string, operation: History[number]) => ({ ...operation, key });
  const history = [at("a", write(0, 1, 5)), at("b", write(2, 3, 6)), at("a", read(4, 5, 5)), at("b", read(6, 7, 5))];
  assert.equal(checkByKey(REGISTER, history, ({ key }) => key).key, "b");
  assert.deepEqual(checkByKey(REGISTER, history.slice(0, 3), ({ key }) => key).verdict, { kind: "linearizable" });
});

/** All orders that respect time, by brute force. */
function isLinearizable(history: History, state = 0): boolean {
  const completed = history.filter(({ returnAt }) => returnAt !== Infinity);
  if (completed.length === 0) return true;
  const firstReturn = Math.min(...completed.map(({ returnAt }) => returnAt));
  return history.some((operation) => {
    if (operation.callAt > firstReturn) return false;
    const after = REGISTER.step(state, operation.input, operation.output);
    return after !== undefined && isLinearizable(history.filter((other) => other !== operation), after);
  });
}

/** Results that a register gave, some of them spoiled. */
function randomHistory(random: SeededRandom): History {
  const count = 2 + random.below(5);
  const times = Array.from({ length: 2 * count }, (_, i) => i);
  const history: History = [];
  for (let i = 0; i < count; i++) {
    const a = times.splice(random.below(times.length), 1)[0] ?? 0;
    const b = times.splice(random.below(times.length), 1)[0] ?? 0;
    const kinds: RegisterInput[] = [
      { kind: "read" },
      { kind: "write", value: 1 + random.below(2) },
      { kind: "swap", value: 1 + random.below(2) },
      { kind: "cas", expected: random.below(3), value: 1 + random.below(2) },
    ];
    const input = kinds[random.below(kinds.length)] ?? { kind: "read" };
    const isUnknown = random.oneIn(5);
    const output = isUnknown ? undefined : random.below(input.kind === "cas" ? 2 : 3);
    history.push({ input, output, callAt: Math.min(a, b), returnAt: isUnknown ? Infinity : Math.max(a, b) });
  }
  return history;
}

Deno.test("check: agrees with brute force on 20000 small histories", () => {
  const random = new SeededRandom(1);
  const counts = { linearizable: 0, violation: 0 };
  for (let i = 0; i < 20_000; i++) {
    const history = randomHistory(random);
    const expected = isLinearizable(history) ? "linearizable" : "violation";
    assert.equal(verdict(history), expected, JSON.stringify(history));
    counts[expected]++;
  }
  assert(counts.linearizable > 2000 && counts.violation > 2000, JSON.stringify(counts));
});
