/**
 * Tests mirror the code: `core/a/b.ts` is tested by `tests/core/a/b_test.ts`.
 *
 * @module
 */
import { sources, type Tree } from "../repository.ts";

/** Folders that are mirrored file by file. Drivers (`core/io`, `core/node`, `core/cli`) are tested by what they drive. */
const MIRRORED: readonly string[] = [
  "bytes",
  "time",
  "ip",
  "crypto",
  "keys",
  "wireguard",
  "raft",
  "state",
  "stun",
  "rpc",
  "dataplane",
];

/** Files with runtime code in mirrored folders and without their test file. */
export function mirror(tree: Tree): string[] {
  const present = new Set(tree.paths);
  return sources(tree)
    .filter((path) => MIRRORED.some((folder) => path.startsWith(`core/${folder}/`)))
    .filter((path) => hasRuntimeCode(tree.read(path)))
    .map((path) => ({ path, test: `tests/${path.replace(/\.ts$/, "_test.ts")}` }))
    .filter(({ test }) => !present.has(test))
    .map(({ path, test }) => `${path} has no ${test}`);
}

/** False for files of interfaces, type aliases and plain numbers. */
function hasRuntimeCode(text: string): boolean {
  return /^(export )?(abstract class|class|(async )?function|let|var) /m.test(text) ||
    /^(export )?const (?!\w+(: number)? = -?[\d_.]+;$)/m.test(text);
}
