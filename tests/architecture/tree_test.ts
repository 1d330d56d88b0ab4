import assert from "node:assert/strict";
import { FIXTURES, readTree, ROOT, type Tree } from "./repository.ts";
import { cycles } from "./tree/cycles.ts";
import { dependencies } from "./tree/dependencies.ts";
import { mirror } from "./tree/mirror.ts";
import { names } from "./tree/names.ts";
import { plainText } from "./tree/plain_text.ts";
import { pluginFolders } from "./tree/plugin_folders.ts";
import { ranksDocumented } from "./tree/ranks_documented.ts";
import { pinnedVersion, runtimeVersion } from "./tree/runtime_version.ts";
import { tasks } from "./tree/tasks.ts";

const repository = readTree(ROOT);

/** Each rule, and words that its report of the fixture must contain: one per kind of problem it knows. */
const RULES: readonly { name: string; check: (tree: Tree) => string[]; reports: readonly string[] }[] = [
  { name: "cycles", check: cycles, reports: ["import cycle: core/ip/a.ts, core/ip/b.ts"] },
  {
    name: "mirror",
    check: mirror,
    reports: ["core/wireguard/untested.ts has no tests/core/wireguard/untested_test.ts"],
  },
  {
    name: "plugin_folders",
    check: pluginFolders,
    reports: [
      "plugins/half/ has no config.ts",
      "plugins/half/ has no README.md",
      "plugins/half/ has no tests",
      "plugins/wordless/README.md has the headings",
      "plugins/unexplained/README.md does not explain config.ts",
    ],
  },
  {
    name: "dependencies",
    check: dependencies,
    reports: [
      "does not explain left-pad",
      "explains forgotten: not used",
      "left-pad has no door",
      "the door of yaml leads nowhere",
      "left-pad has no exact npm version",
    ],
  },
  {
    name: "names",
    check: names,
    reports: ["core/utils.ts: name the concept", "camelCase.ts: file and folder names", "scratch.txt: the top level"],
  },
  {
    name: "plain_text",
    check: plainText,
    reports: ["notes.ts:1:", "notes.ts:2:", "notes.ts:3:", "notes.ts:5:", "notes.ts:6:", "notes.ts:7:"],
  },
  {
    name: "ranks_documented",
    check: ranksDocumented,
    reports: ["gives core/ip/ rank 1, the linter 2", "core/forgotten_by_layers/ rank 7", "no rank for core/raft/"],
  },
  {
    name: "tasks",
    check: tasks,
    reports: ["task demo runs tests/gone.ts", "task all waits for nowhere", "idle_bench.ts has no task bench:idle"],
  },
  { name: "runtime_version", check: runtimeVersion, reports: ["README.md says deno@2.9.6, deno.json says 2.9.3"] },
];

for (const { name, check, reports } of RULES) {
  Deno.test(`${name}: the repository keeps the rule`, () => {
    const problems = check(repository);
    assert.equal(problems.length, 0, "\n" + problems.join("\n"));
  });

  Deno.test(`${name}: reports the fixture that must fail`, () => {
    const problems = check(readTree(`${ROOT}/${FIXTURES}tree/${name}`)).join("\n");
    for (const words of reports) assert.ok(problems.includes(words), `not reported: ${words}\nreported:\n${problems}`);
  });
}

Deno.test("mirror: a file of types needs no test", () => {
  const fixture = readTree(`${ROOT}/${FIXTURES}tree/mirror`);
  assert.ok(fixture.paths.includes("core/wireguard/shape.ts"));
  assert.ok(!mirror(fixture).join("\n").includes("shape.ts"));
});

Deno.test("runtime_version: these tests run on the pinned Deno", () => {
  assert.equal(Deno.version.deno, pinnedVersion(repository));
});

Deno.test("README.md: has the one test command that .ci/run reads", () => {
  const commands = repository.read("README.md").match(/^ *npx -y deno@[0-9.]+ task test$/gm);
  assert.equal(commands?.length, 1);
});
