/**
 * The repository as the architecture tests see it: its root, its files, their text.
 *
 * @module
 */

/** Absolute path of the repository's root, without a trailing slash. */
export const ROOT: string = (import.meta.dirname ?? "").replace(/\/tests\/architecture$/, "");

/** Rules are tried on small trees below this folder, which must fail. Never linted, checked or formatted. */
export const FIXTURES = "tests/architecture/fixtures/";

const NOT_OURS = new Set([".git", "node_modules", "dist", "coverage"]);

/** A tree of files: the repository itself or a fixture that imitates it. */
export interface Tree {
  /** Paths relative to the tree's root, sorted. */
  readonly paths: readonly string[];
  /** Text of one file. */
  read(path: string): string;
}

/** Reads the file names below `root`; contents are read on demand. Leaves the fixtures out. */
export function readTree(root: string): Tree {
  const paths: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of Deno.readDirSync(`${root}/${folder}`)) {
      const path = folder + entry.name;
      if (NOT_OURS.has(entry.name) || path + "/" === FIXTURES) continue;
      if (entry.isDirectory) walk(path + "/");
      else if (entry.isFile) paths.push(path);
    }
  };
  walk("");
  return { paths: paths.sort(), read: (path) => Deno.readTextFileSync(`${root}/${path}`) };
}

/** TypeScript sources written by hand. */
export function sources(tree: Tree): string[] {
  return tree.paths.filter((path) => path.endsWith(".ts") && !path.startsWith("proto/gen/"));
}

/**
 * The path of a linted file relative to the root it belongs to; fixtures stand for the path behind
 * `fixtures/rules/<rule>/`.
 */
export function pathInRepository(filename: string): string {
  const path = filename.startsWith(ROOT + "/") ? filename.slice(ROOT.length + 1) : filename;
  return path.replace(/^tests\/architecture\/fixtures\/rules\/[^/]+\//, "");
}
