/**
 * Rules about who may import whom: ranks, and one door per npm package.
 *
 * @module
 */
import { PACKAGE_DOORS, packageOf } from "../doors.ts";
import { importProblem, isShipped, liesIn } from "../layers.ts";
import { eachImport, isRelative, resolveRelative } from "./import_statements.ts";
import { scoped } from "./scoped.ts";

/** Imports stay in the file's own folder or go to a lower rank; plugins and main enter core through its door. */
export const ranks: Deno.lint.Rule = scoped(isShipped, (context, path) =>
  eachImport(context, (specifier, node) => {
    if (!isRelative(specifier)) return;
    const message = importProblem(path, resolveRelative(path, specifier));
    if (message) context.report({ node, message });
  }));

/** As plugins from elsewhere, and so their fixtures, name this program. */
const OWN_PACKAGE = "@weft/weft";

/** npm packages come by bare name from the import map, and only through their door. */
export const doors: Deno.lint.Rule = scoped(
  (path) => path.endsWith(".ts"),
  (context, path) =>
    eachImport(context, (specifier, node) => {
      if (isRelative(specifier) || specifier.startsWith("node:")) return;
      const name = packageOf(specifier);
      if (name === OWN_PACKAGE && path.startsWith("tests/fixtures/plugins/")) return;
      const allowed = PACKAGE_DOORS[name];
      if (!allowed) {
        context.report({ node, message: `${name} has no door in tests/architecture/doors.ts` });
      } else if (!path.startsWith("tests/") && !liesIn(path, allowed)) {
        context.report({ node, message: `${name} may be imported only by ${allowed.join(", ") || "tests"}` });
      }
    }),
);
