/**
 * Recorded histories of a real register, with known verdicts; see `../shared/vectors/SOURCES.md`.
 */
import assert from "node:assert/strict";
import { check } from "./checker.ts";
import { parseJepsenLog } from "./jepsen_log.ts";
import { REGISTER } from "./register.ts";

const FOLDER = new URL("../../../shared/vectors/linearizability/", import.meta.url);
const HISTORIES_COUNT = 51;
const LINEARIZABLE_COUNT = 10;

const isThere = await Deno.stat(new URL("verdicts.json", FOLDER)).then(() => true, () => false);
if (!isThere) console.log("linearizability vectors: skipped, ../shared/vectors/linearizability is not there");

Deno.test({
  name: `check: ${HISTORIES_COUNT} recorded histories get their known verdicts`,
  ignore: !isThere,
  fn: async () => {
    const verdicts: Record<string, boolean> = JSON.parse(await Deno.readTextFile(new URL("verdicts.json", FOLDER)));
    const counts = { linearizable: 0, violation: 0 };
    let operationsCount = 0;
    for (const [name, isLinearizable] of Object.entries(verdicts)) {
      const operations = parseJepsenLog(await Deno.readTextFile(new URL(name, FOLDER)));
      assert(operations.length > 50, `${name}: ${operations.length} operations`);
      operationsCount += operations.length;
      const { kind } = check(REGISTER, operations);
      assert.equal(kind, isLinearizable ? "linearizable" : "violation", name);
      counts[kind]++;
    }
    assert.deepEqual(counts, { linearizable: LINEARIZABLE_COUNT, violation: HISTORIES_COUNT - LINEARIZABLE_COUNT });
    console.log(`linearizability vectors: ${HISTORIES_COUNT} histories, ${operationsCount} operations`);
  },
});
