/**
 * What text files of the repository do not say: notes to self, paths of somebody's machine, silenced checks.
 *
 * @module
 */
import type { Tree } from "../repository.ts";

interface Ban {
  readonly pattern: RegExp;
  readonly why: string;
}

const TEXT = /\.(ts|md|json|sh|sql|proto|txt)$|^\.ci\/|^LICENSE$|^\.gitignore$/;

/** Data from elsewhere and generated code are kept as they came; this folder names what it bans. */
const KEPT = /^(tests\/vectors\/|tests\/transcripts\/|proto\/gen\/|deno\.lock$|tests\/architecture\/)/;

const BANS: readonly Ban[] = [
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, why: "do it, or write an issue" },
  { pattern: /(?<![\w.}])\/(root|Users|work)\/[\w.]+/, why: "a path of one machine" },
  {
    pattern: /deno-lint-ignore-file|@ts-nocheck|@ts-ignore/,
    why: "a check silenced for a whole file or without a name",
  },
  { pattern: /deno-lint-ignore(?!-file)(?!.* -- \S)/, why: "say why behind ` -- `" },
  {
    pattern: /\bDeno\.test\.(only|ignore)\b|\bonly: *true/,
    why: "a test that hides others, or hides itself without a reason",
  },
];

/** One line per banned text, with its file and line number. */
export function plainText(tree: Tree): string[] {
  return tree.paths
    .filter((path) => TEXT.test(path) && !KEPT.test(path))
    .flatMap((path) =>
      tree.read(path).split("\n").flatMap((line, index) =>
        BANS.filter(({ pattern }) => pattern.test(line)).map(({ why }) =>
          `${path}:${index + 1}: ${why}: ${line.trim()}`
        )
      )
    );
}
