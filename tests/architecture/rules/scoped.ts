/**
 * How house rules are written: a scope in repository paths, and a visitor.
 *
 * @module
 */
import { pathInRepository } from "../repository.ts";

/** A lint rule for the files whose repository path passes `applies`. */
export function scoped(
  applies: (path: string) => boolean,
  visit: (context: Deno.lint.RuleContext, path: string) => Deno.lint.LintVisitor,
): Deno.lint.Rule {
  return {
    create(context) {
      const path = pathInRepository(context.filename);
      return applies(path) ? visit(context, path) : {};
    },
  };
}

/** True if both are the same place of the same file: the linter hands out fresh objects for one node. */
export function sameNode(a: Deno.lint.Node, b: Deno.lint.Node): boolean {
  return a.range[0] === b.range[0] && a.range[1] === b.range[1];
}
