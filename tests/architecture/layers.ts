/**
 * The ranks of core/README.md as data: which folder a file lives in and what it may import.
 *
 * Paths are relative to the repository's root, with `/`.
 *
 * @module
 */

/** Folders and single files of `core/` and their ranks; order as in core/README.md. */
export const CORE_RANKS: Readonly<Record<string, number>> = {
  "core/assert.ts": 0,
  "core/bytes/": 1,
  "core/time/": 1,
  "core/ip/": 2,
  "core/crypto/": 2,
  "core/seams/": 3,
  "core/keys/": 4,
  "core/wireguard/": 5,
  "core/raft/": 5,
  "core/state/": 5,
  "core/stun/": 5,
  "core/plugin/": 6,
  "core/io/": 7,
  "core/dataplane/": 8,
  "core/rpc/": 8,
  "core/node/": 9,
  "core/cli/": 10,
  "core/mod.ts": 11,
};

/** The only file of `core/` that plugins and `main.ts` may import. */
export const CORE_DOOR = "core/mod.ts";

/**
 * Folders whose results follow from their arguments alone: no I/O, clocks, timers or chance (design rule 2 of
 * CONTRIBUTING.md). `core/seams/` and `core/plugin/` are types and stay as clean.
 */
export const PURE_FOLDERS: readonly string[] = [
  "core/assert.ts",
  "core/bytes/",
  "core/time/",
  "core/ip/",
  "core/crypto/",
  "core/keys/",
  "core/seams/",
  "core/wireguard/",
  "core/raft/",
  "core/state/",
  "core/stun/",
  "core/plugin/",
];

/** Where a file stands. Files of one `home` may import each other. */
export interface Layer {
  readonly rank: number;
  /** The folder (with trailing slash) or file that shares the rank and knows itself. */
  readonly home: string;
}

/** Ranks of what lies outside `core/`. */
const GENERATED_RANK = 1;
const PLUGIN_RANK = 12;
const PLUGIN_LIST_RANK = 13;
const MAIN_RANK = 14;

/** The layer of a shipped file; `undefined` for tests and tools, which may import anything. */
export function layerOf(path: string): Layer | "unranked" | undefined {
  if (path === "deno.json") return { rank: 0, home: path };
  if (path.startsWith("proto/gen/")) return { rank: GENERATED_RANK, home: "proto/gen/" };
  if (path.startsWith("core/")) {
    const home = Object.keys(CORE_RANKS).find((home) => path === home || (home.endsWith("/") && path.startsWith(home)));
    const rank = home === undefined ? undefined : CORE_RANKS[home];
    return home === undefined || rank === undefined ? "unranked" : { rank, home };
  }
  if (path === "plugins/mod.ts") return { rank: PLUGIN_LIST_RANK, home: path };
  const plugin = /^plugins\/[^/]+\//.exec(path);
  if (plugin) return { rank: PLUGIN_RANK, home: plugin[0] };
  if (path === "main.ts") return { rank: MAIN_RANK, home: path };
  return undefined;
}

/** Says why `from` may not import `to`, or `undefined` when it may. Both are files of the repository. */
export function importProblem(from: string, to: string): string | undefined {
  const source = layerOf(from);
  const target = layerOf(to);
  if (source === undefined) return undefined;
  if (source === "unranked") return `${from} lies in a folder without a rank; see core/README.md`;
  if (target === undefined) return `shipped code may not import ${to}`;
  if (target === "unranked") return `${to} lies in a folder without a rank; see core/README.md`;
  if (source.home === target.home) return undefined;
  if (source.rank >= PLUGIN_RANK && to.startsWith("core/") && to !== CORE_DOOR) {
    return `${from} enters core through ${to}; the only door is ${CORE_DOOR}`;
  }
  if (target.rank < source.rank) return undefined;
  return `${source.home} has rank ${source.rank} and may not import ${target.home} of rank ${target.rank}`;
}

/** True for hand-written files of the program: what `main.ts` could reach. */
export function isShipped(path: string): boolean {
  return path.endsWith(".ts") && !path.startsWith("proto/gen/") && layerOf(path) !== undefined;
}

/** True if `path` lies in one of `folders`, which may name single files. */
export function liesIn(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || (folder.endsWith("/") && path.startsWith(folder)));
}
