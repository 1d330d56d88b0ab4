/**
 * Every way in which a module names another one: import, export from, `import()`, and `import("…")` types.
 *
 * @module
 */

/** Visits all module specifiers of a file, type-only ones included. Computed `import()` arguments are left out. */
export function eachImport(
  context: Deno.lint.RuleContext,
  found: (specifier: string, node: Deno.lint.Node) => void,
): Deno.lint.LintVisitor {
  return {
    ImportDeclaration: (node) => found(node.source.value, node),
    ExportAllDeclaration: (node) => found(node.source.value, node),
    ExportNamedDeclaration: (node) => {
      if (node.source) found(node.source.value, node);
    },
    ImportExpression: (node) => {
      if (node.source.type === "Literal" && typeof node.source.value === "string") found(node.source.value, node);
    },
    TSImportType: (node) => {
      // The argument's literal is not reachable through the node, so it is read from the text.
      const quoted = /^import\s*\(\s*(["'])(.*?)\1/.exec(context.sourceCode.getText(node));
      if (quoted?.[2]) found(quoted[2], node);
    },
  };
}

/** The repository path that a relative specifier in `from` means. */
export function resolveRelative(from: string, specifier: string): string {
  return decodeURIComponent(new URL(specifier, `file:///${from}`).pathname.slice(1));
}

/** True for `./x` and `../x`. */
export function isRelative(specifier: string): boolean {
  return specifier.startsWith("./") || specifier.startsWith("../");
}
