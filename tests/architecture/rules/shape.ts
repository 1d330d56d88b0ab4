/**
 * Rules about language features the house does without.
 *
 * @module
 */
import { isShipped, liesIn } from "../layers.ts";
import { scoped } from "./scoped.ts";

/** Default exports are for values that a tool or the operator loads by file name. */
const DEFAULT_EXPORTS: readonly string[] = ["tests/architecture/lint_plugin.ts", "tests/fixtures/plugins/"];

/** Folders with byte loops on the packet path, where `bytes[i]!` is worth more than a second check. */
const BYTE_LOOPS: readonly string[] = [
  "core/bytes/",
  "core/ip/",
  "core/crypto/",
  "core/keys/",
  "core/wireguard/",
  "core/io/",
  "core/dataplane/",
];

function everywhere(path: string): boolean {
  return path.endsWith(".ts");
}

/** `any` switches the type checker off. */
export const noAny: Deno.lint.Rule = scoped(everywhere, (context) => ({
  TSAnyKeyword: (node) => context.report({ node, message: "parse into a type, or take unknown" }),
}));

/** `x as unknown as T` claims what nothing has checked. */
export const noCastChain: Deno.lint.Rule = scoped(everywhere, (context) => ({
  TSAsExpression(node) {
    if (node.expression.type === "TSAsExpression") {
      context.report({ node, message: "a chain of casts silences the type checker" });
    }
  },
}));

/** `x!` hides a missing case, except for the elements of byte loops. */
export const noBang: Deno.lint.Rule = scoped(isShipped, (context, path) => ({
  TSNonNullExpression(node) {
    const isElement = node.expression.type === "MemberExpression" && node.expression.computed;
    if (!isElement || !liesIn(path, BYTE_LOOPS)) {
      context.report({ node, message: "handle the missing case, or state it with assert" });
    }
  },
}));

/** Names are exported one by one, so that a reader can find where each comes from. */
export const noExportStar: Deno.lint.Rule = scoped(everywhere, (context) => ({
  ExportAllDeclaration: (node) => context.report({ node, message: "name what is exported" }),
}));

/** Unions of literals say the same and need no runtime code. */
export const noEnum: Deno.lint.Rule = scoped(everywhere, (context) => ({
  TSEnumDeclaration: (node) => context.report({ node, message: "use a union of literals" }),
}));

/** An export has one name everywhere. */
export const noDefaultExport: Deno.lint.Rule = scoped(
  (path) => everywhere(path) && !liesIn(path, DEFAULT_EXPORTS),
  (context) => ({
    ExportDefaultDeclaration: (node) => context.report({ node, message: "export it by name" }),
  }),
);
