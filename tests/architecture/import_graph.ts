/**
 * The imports of a whole tree, read by the linter's parser, and its cycles.
 *
 * @module
 */
import { eachImport, isRelative, resolveRelative } from "./rules/import_statements.ts";
import type { Tree } from "./repository.ts";

/** File to the files of the tree it names, type-only imports included, in source order. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** Reads the imports of `paths`. Works inside `deno test` only, where the linter can be called. */
export function importGraph(tree: Tree, paths: readonly string[]): ImportGraph {
  return new Map(paths.map((path) => [path, importsOf(path, tree.read(path))]));
}

function importsOf(path: string, text: string): string[] {
  const found: string[] = [];
  const collector: Deno.lint.Plugin = {
    name: "imports",
    rules: {
      collect: {
        create: (context) =>
          eachImport(context, (specifier) => {
            if (isRelative(specifier)) found.push(resolveRelative(path, specifier));
          }),
      },
    },
  };
  Deno.lint.runPlugin(collector, path, text);
  return found;
}

/** Groups of files that reach each other, each sorted (Tarjan's strongly connected components of two or more). */
export function importCycles(graph: ImportGraph): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const cycles: string[][] = [];
  const visit = (path: string): number => {
    const mine = order.size;
    order.set(path, mine);
    low.set(path, mine);
    open.push(path);
    for (const target of graph.get(path) ?? []) {
      if (!graph.has(target)) continue;
      const reached = !order.has(target) ? visit(target) : open.includes(target) ? order.get(target) ?? mine : mine;
      low.set(path, Math.min(low.get(path) ?? mine, reached));
    }
    const lowest = low.get(path) ?? mine;
    if (lowest === mine) {
      const group = open.splice(open.indexOf(path)).sort();
      if (group.length > 1 || (graph.get(path) ?? []).includes(path)) cycles.push(group);
    }
    return lowest;
  };
  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return cycles;
}
