/**
 * Names of files and folders: a fixed top level, snake_case, no drawers.
 *
 * @module
 */
import type { Tree } from "../repository.ts";

/** What may lie in the repository's root. */
const TOP_LEVEL = new Set([
  ".ci",
  ".gitignore",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
  "SECURITY.md",
  "compile.sh",
  "core",
  "deno.json",
  "deno.lock",
  "main.ts",
  "plugins",
  "proto",
  "tests",
]);

/** Names that say nothing about what is inside. */
const DRAWERS = new Set(["util", "utils", "helper", "helpers", "common", "misc", "shared", "lib", "stuff", "tools"]);

/** Files in the wrong place or with the wrong name. */
export function names(tree: Tree): string[] {
  return tree.paths.flatMap((path) => {
    const parts = path.split("/");
    const top = parts[0] ?? "";
    if (!TOP_LEVEL.has(top)) return [`${path}: the top level is fixed`];
    const problems: string[] = [];
    if (parts.some((part) => DRAWERS.has(part.replace(/\.ts$/, "").replace(/^_/, "")))) {
      problems.push(`${path}: name the concept, not a drawer`);
    }
    const generated = path.startsWith("proto/gen/");
    if (path.endsWith(".ts") && !generated && !parts.every((part) => /^[a-z0-9_]+(\.d)?(\.ts)?$/.test(part))) {
      problems.push(`${path}: file and folder names are snake_case`);
    }
    return problems;
  });
}
