/**
 * Loading a plugin that does not ship with the program, by file or package.
 *
 * A program that runs from source takes TypeScript files and what they import, npm packages included. One that was built into
 * an executable takes single files too, but has no package cache and reads nothing from the network: bundle such a plugin
 * into one file first (`deno bundle`).
 *
 * @module
 */
import { delay } from "./alarm.ts";

/** A module that has not settled after this time is not used, in milliseconds. */
export const LOAD_BUDGET_MS = 5_000;

/** A module's default export, or why there is none. */
export type LoadedModule =
  | { readonly source: string; readonly moduleUrl: string; readonly value: unknown }
  | { readonly source: string; readonly problem: string };

/**
 * Imports the module at `source`: a path, a URL, or a package such as `npm:name`. What it throws, and a module that never
 * settles, is a result.
 */
export async function loadPluginModule(source: string, budgetMs: number = LOAD_BUDGET_MS): Promise<LoadedModule> {
  const url = urlOf(source);
  const over = new AbortController();
  try {
    const late = delay(budgetMs, over.signal).then(() => "late" as const);
    late.catch(() => {});
    const importing: Promise<Readonly<Record<string, unknown>>> = import(url);
    importing.catch(() => {});
    const module = await Promise.race([importing, late]);
    if (module === "late") return { source, problem: `it did not load within ${budgetMs / 1000} s` };
    if (module["default"] === undefined) return { source, problem: "it does not default-export a plugin" };
    return { source, moduleUrl: url, value: module["default"] };
  } catch (error) {
    return { source, problem: `it cannot be loaded: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    over.abort();
  }
}

function urlOf(source: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(source)) return source;
  const isPath = source.startsWith(".") || source.startsWith("/") || /\.[cm]?[jt]s$/.test(source);
  if (!isPath) return `npm:${source}`;
  const folder = `file://${Deno.cwd().split("/").map(encodeURIComponent).join("/")}/`;
  return new URL(source.split("/").map(encodeURIComponent).join("/"), folder).href;
}
