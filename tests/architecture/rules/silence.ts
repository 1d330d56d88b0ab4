/**
 * Rules about importing: it does nothing and leaves nothing behind that changes.
 *
 * @module
 */
import { isShipped } from "../layers.ts";
import { scoped } from "./scoped.ts";

/** Programs: running them is what they are for. */
const ENTRIES = new Set(["main.ts", "core/dataplane/worker.ts", "core/io/sql_query_worker.ts"]);

function isLibrary(path: string): boolean {
  return isShipped(path) && !ENTRIES.has(path);
}

function isAssertion(statement: Deno.lint.ExpressionStatement): boolean {
  const call = statement.expression;
  return call.type === "CallExpression" && call.callee.type === "Identifier" && call.callee.name === "assert";
}

const QUIET = new Set([
  "ClassDeclaration",
  "ExportAllDeclaration",
  "ExportDefaultDeclaration",
  "ExportNamedDeclaration",
  "FunctionDeclaration",
  "ImportDeclaration",
  "TSDeclareFunction",
  "TSInterfaceDeclaration",
  "TSModuleDeclaration",
  "TSTypeAliasDeclaration",
  "VariableDeclaration",
]);

/** A library module declares and asserts its constants; it acts only when called. */
export const silentImport: Deno.lint.Rule = scoped(isLibrary, (context) => ({
  Program(program) {
    for (const statement of program.body) {
      if (QUIET.has(statement.type) || (statement.type === "ExpressionStatement" && isAssertion(statement))) continue;
      context.report({ node: statement, message: "importing a module must do nothing" });
    }
  },
}));

/** State belongs to a value that somebody owns, not to a module. */
export const noModuleState: Deno.lint.Rule = scoped(isLibrary, (context) => ({
  Program(program) {
    for (const statement of program.body) {
      const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
      if (declaration?.type === "VariableDeclaration" && declaration.kind !== "const") {
        context.report({ node: statement, message: "a module has no variables" });
      }
    }
  },
}));
