/**
 * Rules about documentation: what each file is, what each export means.
 *
 * @module
 */
import { scoped } from "./scoped.ts";

/** Test and bench files are explained by the file they mirror. */
function isModule(path: string): boolean {
  return path.endsWith(".ts") && !/_(test|bench)\.ts$/.test(path);
}

/** A file starts by saying what it is. */
export const moduleDoc: Deno.lint.Rule = scoped(isModule, (context) => ({
  Program(node) {
    const opening = /^\/\*\*[\s\S]*?\*\//.exec(context.sourceCode.text)?.[0];
    if (opening === undefined || !/^ \* @module$/m.test(opening)) {
      context.report({ node, message: "start the file with a doc comment that ends in @module" });
    } else if (!/^ \* [^@\s]/m.test(opening)) {
      context.report({ node, message: "say what the file is before @module" });
    }
  },
}));

/** True if a doc comment stands directly in front of the statement (overloads share the first one's). */
function isDocumented(text: string, statement: Deno.lint.Statement): boolean {
  return /\*\/\s*$/.test(text.slice(0, statement.range[0])) && lastCommentIsDoc(text.slice(0, statement.range[0]));
}

function lastCommentIsDoc(before: string): boolean {
  const start = before.lastIndexOf("/*");
  return before.startsWith("/**", start) && !/^\/\*\*[\s\S]*@module/.test(before.slice(start));
}

/** The names a statement declares, of which the doc comment speaks. */
function declaredNames(statement: Deno.lint.Statement): string[] {
  const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
  if (!declaration) return [];
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => id.type === "Identifier" ? [id.name] : []);
  }
  if ("id" in declaration && declaration.id?.type === "Identifier") return [declaration.id.name];
  return [];
}

/** What is exported is documented; shipped code, twins and test tools alike. */
export const exportDoc: Deno.lint.Rule = scoped(isModule, (context) => ({
  Program(program) {
    const text = context.sourceCode.text;
    const documented = new Set<string>();
    const exported: { name: string; node: Deno.lint.Node }[] = [];
    for (const statement of program.body) {
      const names = declaredNames(statement);
      if (isDocumented(text, statement)) names.forEach((name) => documented.add(name));
      if (statement.type !== "ExportNamedDeclaration") continue;
      for (const name of names) exported.push({ name, node: statement });
      if (statement.source) continue;
      for (const { local } of statement.specifiers) {
        if (local.type === "Identifier") exported.push({ name: local.name, node: statement });
      }
    }
    for (const { name, node } of exported) {
      if (!documented.has(name)) context.report({ node, message: `document ${name}` });
    }
  },
}));
