/**
 * Each dependency of `deno.json` has a reason in CONTRIBUTING.md and a door in `doors.ts`, and nothing else has.
 *
 * @module
 */
import { PACKAGE_DOORS } from "../doors.ts";
import type { Tree } from "../repository.ts";

/** Differences between the import map, the table of reasons and the doors; versions that are not exact. */
export function dependencies(tree: Tree): string[] {
  const { imports } = JSON.parse(tree.read("deno.json")) as { imports: Record<string, string> };
  const explained = explainedPackages(tree.read("CONTRIBUTING.md"));
  const doors = Object.keys(PACKAGE_DOORS);
  const names = Object.keys(imports);
  return [
    ...names.filter((name) => !explained.includes(name)).map((name) => `CONTRIBUTING.md does not explain ${name}`),
    ...explained.filter((name) => !names.includes(name)).map((name) => `CONTRIBUTING.md explains ${name}: not used`),
    ...names.filter((name) => !doors.includes(name)).map((name) => `${name} has no door`),
    ...doors.filter((name) => !names.includes(name)).map((name) => `the door of ${name} leads nowhere`),
    ...names
      .filter((name) => !new RegExp(`^npm:${name}@\\d+\\.\\d+\\.\\d+$`).test(imports[name] ?? ""))
      .map((name) => `${name} has no exact npm version`),
  ];
}

/** Backticked names in the first column of the table under "Dependencies". */
function explainedPackages(contributing: string): string[] {
  const section = contributing.split(/^## /m).find((text) => text.startsWith("Dependencies")) ?? "";
  const cells = [...section.matchAll(/^\| *(`[^|]*)\|/gm)].map((match) => match[1] ?? "");
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].flatMap((match) => match[1] ?? []));
}
