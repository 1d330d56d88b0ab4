/**
 * The Deno version is written down in `deno.json` (`engines.deno`); whatever else names one names the same.
 *
 * @module
 */
import type { Tree } from "../repository.ts";

/** The version this repository is built, tested and shipped with. */
export function pinnedVersion(tree: Tree): string {
  return (JSON.parse(tree.read("deno.json")) as { engines: { deno: string } }).engines.deno;
}

/** These tests name wrong versions on purpose. */
const OURS = "tests/architecture/";

/** Commands in documents and scripts that name another version. */
export function runtimeVersion(tree: Tree): string[] {
  const pinned = pinnedVersion(tree);
  return tree.paths
    .filter((path) => /\.(md|sh|ts)$/.test(path) || path === ".ci/run").filter((path) => !path.startsWith(OURS))
    .flatMap((path) =>
      [...tree.read(path).matchAll(/\bdeno@([\w.]+)/g)]
        .filter((match) => match[1] !== pinned)
        .map((match) => `${path} says deno@${match[1]}, deno.json says ${pinned}`)
    );
}
