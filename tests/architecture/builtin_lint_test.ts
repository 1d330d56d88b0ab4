import assert from "node:assert/strict";
import { FIXTURES, ROOT } from "./repository.ts";

/**
 * `deno lint` accepts unknown rule names silently, so each rule of its own that the house relies on has a fixture,
 * `fixtures/builtin/<rule>.ts`, linted here with the rules of deno.json.
 */
const folder = `${ROOT}/${FIXTURES}builtin`;
const rules = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(/\.ts$/, "")).sort();

interface LintReport {
  readonly diagnostics: readonly { readonly filename: string; readonly code: string }[];
  readonly errors: readonly unknown[];
}

async function lintFixtures(): Promise<LintReport> {
  const { lint } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`)) as { lint: { rules: unknown } };
  const config = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(config, JSON.stringify({ lint: { rules: lint.rules } }));
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["lint", "--json", "--config", config, folder],
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout)) as LintReport;
  } finally {
    await Deno.remove(config);
  }
}

Deno.test("deno lint: every rule relied on reports its fixture", async () => {
  const report = await lintFixtures();
  assert.deepEqual(report.errors, []);
  for (const rule of rules) {
    const found = report.diagnostics.filter(({ filename }) => filename.endsWith(`/${rule}.ts`)).map(({ code }) => code);
    assert.ok(found.includes(rule), `${rule} is silent; reported: ${found.join(", ") || "nothing"}`);
  }
});

Deno.test("deno lint: every rule that deno.json adds has a fixture", () => {
  const { lint } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`)) as { lint: { rules: { include: string[] } } };
  assert.deepEqual(lint.rules.include.filter((rule) => !rules.includes(rule)), []);
});
