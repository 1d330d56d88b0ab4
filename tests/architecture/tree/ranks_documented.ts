/**
 * The table of ranks in core/README.md, which readers use, says what `layers.ts` says, which the linter uses.
 *
 * @module
 */
import { CORE_RANKS, layerOf } from "../layers.ts";
import type { Tree } from "../repository.ts";

/** Differences between the two, in both directions. */
export function ranksDocumented(tree: Tree): string[] {
  const documented = new Map<string, number>();
  for (const [, rank, places] of tree.read("core/README.md").matchAll(/^\| (\d+) +\| ([^|]+)\|/gm)) {
    for (const [, place] of (places ?? "").matchAll(/`([^`]+)`/g)) documented.set(place ?? "", Number(rank));
  }
  const wrong = [...documented].filter(([place, rank]) => rankOf(place) !== rank);
  const forgotten = Object.keys(CORE_RANKS).filter((place) => !documented.has(place));
  return [
    ...wrong.map(([place, rank]) => `core/README.md gives ${place} rank ${rank}, the linter ${rankOf(place)}`),
    ...forgotten.map((place) => `core/README.md has no rank for ${place}`),
  ];
}

function rankOf(place: string): number | undefined {
  const layer = layerOf(place.endsWith("/") ? `${place}file.ts` : place);
  return layer === undefined || layer === "unranked" ? undefined : layer.rank;
}
