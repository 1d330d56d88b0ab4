/**
 * What command line, environment and file say to plugins, by the plugin's name and the option's name, before anybody knows
 * whether there is such a plugin.
 *
 * `mesh_dns` and `mesh-dns` are one name: sections and options are found by either.
 *
 * @module
 */
import type { PluginOption } from "../plugin/options.ts";
import type { RawOption } from "./options.ts";

/** What was given to one plugin, by option. */
export interface PluginSection {
  /** As it was written, for messages. */
  readonly written: string;
  /** Where it was found first. */
  readonly source: string;
  readonly options: ReadonlyMap<string, RawOption>;
}

/** By the plugin's name. */
export type PluginSections = ReadonlyMap<string, PluginSection>;

/** The name that plugins have, whichever way it was written. */
export function sectionName(written: string): string {
  return written.replaceAll("-", "_");
}

/** The name that options have, whichever way it was written. */
export function optionName(written: string): string {
  return written.replaceAll("_", "-");
}

/** `--mesh-dns.listen`. */
export function pluginFlagName(plugin: string, option: string): string {
  return `--${plugin.replaceAll("_", "-")}.${option}`;
}

/** `WEFT_MESH_DNS_LISTEN`. */
export function pluginVariableName(plugin: string, option: string): string {
  return `WEFT_${plugin}_${option}`.toUpperCase().replaceAll("-", "_");
}

/** What the environment says to a plugin with these options. */
export function sectionFromEnvironment(
  plugin: string,
  options: readonly PluginOption[],
  environment: Readonly<Record<string, string>>,
): ReadonlyMap<string, RawOption> {
  const given = new Map<string, RawOption>();
  for (const { name } of options) {
    const source = pluginVariableName(plugin, name);
    const value = environment[source];
    if (value !== undefined && value !== "") given.set(name, { value, source });
  }
  return given;
}

/** What a command line says to plugins, and what is left of it. */
export interface SplitArguments {
  readonly rest: readonly string[];
  readonly sections: PluginSections;
}

const FLAG = /^--([a-zA-Z][\w-]*)\.([a-zA-Z][\w-]*)(?:=(.*))?$/s;

/**
 * Takes the options of plugins out of a command line: `--plugin.option VALUE`, `--plugin.option=VALUE`, and
 * `--plugin.flag`, which is one if nothing follows, or another option does, or `isFlag` says so.
 */
export function splitPluginArguments(
  args: readonly string[],
  isFlag: (plugin: string, option: string) => boolean,
): SplitArguments {
  const rest: string[] = [];
  const sections = new Map<string, { written: string; source: string; options: Map<string, RawOption> }>();
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] ?? "";
    const [, plugin, option, inline] = FLAG.exec(argument) ?? [];
    if (plugin === undefined || option === undefined) {
      rest.push(argument);
      continue;
    }
    const next = args[i + 1];
    const isBare = inline === undefined &&
      (isFlag(sectionName(plugin), optionName(option)) || next === undefined || next.startsWith("-"));
    const value = inline ?? (isBare ? true : next ?? "");
    if (inline === undefined && !isBare) i++;
    const source = `--${plugin}.${option}`;
    const section = sections.get(sectionName(plugin)) ?? { written: plugin, source, options: new Map() };
    sections.set(sectionName(plugin), section);
    const before = section.options.get(optionName(option))?.value;
    // Repeated, it is a list.
    const all = before === undefined || typeof value === "boolean" ? value : [...[before].flat().map(String), value];
    section.options.set(optionName(option), { value: all, source });
  }
  return { rest, sections };
}
