import assert from "node:assert/strict";
import plugin from "./lint_plugin.ts";
import { FIXTURES, readTree, ROOT } from "./repository.ts";

const fixtures = readTree(`${ROOT}/${FIXTURES}rules`);

for (const rule of Object.keys(plugin.rules)) {
  const broken = fixtures.paths.filter((path) => path.startsWith(`${rule}/`));

  Deno.test(`house/${rule}: reports every fixture that must fail`, () => {
    assert.ok(broken.length > 0, `${FIXTURES}rules/${rule}/ has no fixture`);
    for (const path of broken) {
      const ids = reported(`${ROOT}/${FIXTURES}rules/${path}`, fixtures.read(path));
      assert.ok(
        ids.includes(`house/${rule}`),
        `${path} passes house/${rule}; reported: ${ids.join(", ") || "nothing"}`,
      );
    }
  });
}

Deno.test("lint plugin: every fixture belongs to a rule", () => {
  const rules = new Set(Object.keys(plugin.rules));
  assert.deepEqual(fixtures.paths.filter((path) => !rules.has(path.split("/")[0] ?? "")), []);
});

Deno.test("lint plugin: a file that keeps the rules passes", () => {
  const clean = `/**
 * Adds.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { Address } from "./address.ts";

/** Bytes of a sum. */
export const SUM_BYTES = 4;

assert(SUM_BYTES > 0, "A sum has bytes.");

/** The words Deno, fetch and setTimeout as labels and members are no use of them. */
export interface Named {
  readonly Deno: string;
  fetch(address: Address): string;
}

/** Adds to \`named.Deno\`. */
export function add(named: Named, at: number): Date {
  return new Date(named.Deno.length + at);
}
`;
  assert.deepEqual(reported(`${ROOT}/core/ip/clean.ts`, clean), []);
});

Deno.test("house/alarm: the alarm itself may set a timer", () => {
  const text = "/** The timer. @module */\nsetTimeout(() => {}, 1);\n";
  assert.ok(!reported(`${ROOT}/core/io/alarm.ts`, text).includes("house/alarm"));
});

Deno.test("house/no-bang: elements in byte loops pass", () => {
  const text = "const first = (bytes: Uint8Array) => bytes[0]!;\n";
  assert.ok(!reported(`${ROOT}/core/wireguard/loop.ts`, text).includes("house/no-bang"));
});

function reported(filename: string, text: string): string[] {
  return [...new Set(Deno.lint.runPlugin(plugin, filename, text).map(({ id }) => id))];
}
