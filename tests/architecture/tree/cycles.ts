/**
 * No file reaches itself through its imports, type-only ones included.
 *
 * @module
 */
import { importCycles, importGraph } from "../import_graph.ts";
import { sources, type Tree } from "../repository.ts";

/** One line per cycle. */
export function cycles(tree: Tree): string[] {
  return importCycles(importGraph(tree, sources(tree))).map((group) => `import cycle: ${group.join(", ")}`);
}
