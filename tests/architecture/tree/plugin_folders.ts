/**
 * All plugin folders look alike: `mod.ts`, `config.ts`, and a README with the six headings in order.
 *
 * @module
 */
import type { Tree } from "../repository.ts";

/** Headings of a plugin's README.md, in order; see plugins/README.md. */
export const README_HEADINGS: readonly string[] = [
  "What it does",
  "Enable",
  "Configure",
  "Metrics",
  "Failure",
  "Files",
];

/** Missing files and headings, missing tests, and files that the README's last section does not explain. */
export function pluginFolders(tree: Tree): string[] {
  const names = new Set(tree.paths.flatMap((path) => /^plugins\/([^/]+)\//.exec(path)?.[1] ?? []));
  return [...names].flatMap((name) => pluginProblems(tree, name));
}

function pluginProblems(tree: Tree, name: string): string[] {
  const folder = `plugins/${name}/`;
  const files = tree.paths.filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length));
  const problems = ["mod.ts", "config.ts", "README.md"]
    .filter((role) => !files.includes(role))
    .map((role) => `${folder} has no ${role}`);
  if (!tree.paths.some((path) => path.startsWith(`tests/plugins/${name}/`) && path.endsWith("_test.ts"))) {
    problems.push(`${folder} has no tests in tests/plugins/${name}/`);
  }
  if (files.includes("README.md")) problems.push(...readmeProblems(folder, tree.read(folder + "README.md"), files));
  return problems;
}

function readmeProblems(folder: string, readme: string, files: readonly string[]): string[] {
  const headings = [...readme.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
  if (headings.join("|") !== README_HEADINGS.join("|")) {
    return [`${folder}README.md has the headings "${headings.join(", ")}", not "${README_HEADINGS.join(", ")}"`];
  }
  const section = readme.slice(readme.indexOf("\n## Files"));
  return files
    .filter((file) => file !== "README.md" && !section.includes(`\`${file}\``))
    .map((file) => `${folder}README.md does not explain ${file} under Files`);
}
