/**
 * The options of `weft run` and `weft up` on the command line, made from the one table of options.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { pluginFlagName } from "../node/plugin_settings.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { Style } from "./format.ts";
import { type OptionName, type OptionSpec, type RawOption, type RawOptions, RUN_OPTIONS } from "../node/options.ts";

/** Headings of the help text, each over the options from the named one to the next heading. */
const GROUPS: Readonly<Partial<Record<OptionName, string>>> = {
  "bootstrap": "Mesh:",
  "node-id": "Node:",
  "primary-endpoint": "Addresses:",
  "grpc-listen": "Ports and interface:",
  "insecure": "Transport security:",
  "feature": "Features and plugins:",
  "log-level": "Log:",
};

/** Defaults that depend on the host, as the help text says them. */
export interface HostDefaultTexts {
  readonly dataDir: string;
}

/** Adds every option of the table, and `--config`. */
export function addRunOptions(command: Command, defaults: HostDefaultTexts): Command {
  let group = "";
  for (const spec of RUN_OPTIONS) {
    group = GROUPS[spec.name] ?? group;
    command.addOption(runOption(spec, defaults).helpGroup(group));
  }
  return command.addOption(
    new Option("--config <FILE>", "configuration file: YAML, JSON or TOML with these options as keys").helpGroup(
      "Node:",
    ),
  );
}

function runOption(spec: OptionSpec, { dataDir }: HostDefaultTexts): Option {
  const defaultText = spec.name === "data-dir" ? dataDir : spec.defaultText;
  const help = defaultText === undefined ? spec.help : `${spec.help} (default: ${defaultText})`;
  if (spec.kind === "flag") return new Option(`--${spec.name}`, help);
  const option = new Option(`--${spec.name} <${spec.placeholder}>`, help);
  if (spec.kind === "list") option.argParser(append).description += "; may be repeated";
  return option;
}

function append(text: string, all: readonly string[] | undefined): readonly string[] {
  return [...all ?? [], text];
}

/** The options of plugins, as a part of a command's help; empty if there are none. */
export function pluginOptionsHelp(plugins: readonly Plugin[], style: Style): string {
  const parts = plugins.filter(({ options = [] }) => options.length > 0).map(({ name, summary, options = [] }) => {
    const left = options.map((option) => {
      const flag = pluginFlagName(name, option.name);
      return option.kind === "flag" ? flag : `${flag} <${option.placeholder ?? "VALUE"}>`;
    });
    const width = Math.max(...left.map((text) => text.length));
    const lines = options.map(({ help, defaultText }, i) => {
      const more = defaultText === undefined ? "" : ` (default: ${defaultText})`;
      return `  ${(left[i] ?? "").padEnd(width)}  ${help}${more}`;
    });
    return [`\n${style.bold(`Plugin ${name}`)} (${summary}):`, ...lines].join("\n");
  });
  return parts.join("\n");
}

/** The options that stand on the command line, by the names of the table. */
export function givenOptions(command: Command): RawOptions {
  const values: Readonly<Record<string, unknown>> = command.opts();
  const options = new Map<OptionName, RawOption>();
  for (const { name } of RUN_OPTIONS) {
    // The parser turns `--no-x` into an option `x` that is true unless the flag stands there.
    const isNegated = name.startsWith("no-");
    const key = camelCase(isNegated ? name.slice(3) : name);
    if (command.getOptionValueSource(key) !== "cli") continue;
    const value = values[key];
    const source = `--${name}`;
    if (typeof value === "boolean") options.set(name, { value: isNegated ? !value : value, source });
    else if (typeof value === "string") options.set(name, { value, source });
    else if (Array.isArray(value)) options.set(name, { value: value.map(String), source });
  }
  return options;
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
