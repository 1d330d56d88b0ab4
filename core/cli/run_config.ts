/**
 * From flags, environment and file to the configuration of a node, before anything is opened.
 *
 * @module
 */
import type { FileText } from "../io/process.ts";
import {
  type HostDefaults,
  namedPlugins,
  type NodeConfig,
  optionsFromEnvironment,
  parseConfig,
} from "../node/config.ts";
import { CONFIG_FILE_BYTES_MAX, parseConfigText } from "../node/config_text.ts";
import { didYouMean } from "../node/did_you_mean.ts";
import { environmentName, type OptionName, type RawOptions, RUN_OPTIONS } from "../node/options.ts";
import { type PluginSections, pluginVariableName } from "../node/plugin_settings.ts";
import type { PluginChoice } from "../node/plugin_setup.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { UsageError } from "./exit.ts";

/** Variables that are no option of a node. */
const OTHER_VARIABLES = ["WEFT_CONFIG", "WEFT_SERVER", "WEFT_SOCKET"];
const VARIABLE_PREFIX = "WEFT_";

/** What was asked for on the command line. */
export interface ConfigRequest {
  /** Options that stand on the command line. */
  readonly flags: RawOptions;
  /** `--config`; `WEFT_CONFIG` stands in for it. */
  readonly configPath: string | undefined;
  /** Options of plugins that stand on the command line. */
  readonly pluginFlags?: PluginSections;
  /** What the command takes for granted where nothing is said; may depend on what is said. */
  readonly assume?: (isSaid: (name: OptionName) => boolean) => RawOptions;
}

/** What the host contributes. */
export interface ConfigHost {
  readonly environment: Readonly<Record<string, string>>;
  readonly defaults: HostDefaults;
  readonly readFile: (path: string, bytesMax: number) => Promise<FileText>;
}

/** Everything that a command line, the environment and a file say. */
export interface RunConfig {
  readonly node: NodeConfig;
  /** Plugins to load, by file or package. */
  readonly load: readonly string[];
  /** What is said to plugins. */
  readonly choice: PluginChoice;
}

/**
 * Reads and merges all sources: flags, then environment, then file, then assumptions, then defaults.
 *
 * @throws {UsageError} Naming the source of what cannot be used.
 */
export async function readNodeConfig(request: ConfigRequest, host: ConfigHost): Promise<RunConfig> {
  try {
    const path = request.configPath ?? (host.environment["WEFT_CONFIG"] || undefined);
    const sources = [request.flags, optionsFromEnvironment(host.environment)];
    const file = path === undefined ? undefined : parseConfigText(path, await readConfigFile(path, host));
    if (file) sources.push(file.options);
    const isSaid = (name: OptionName) => sources.some((source) => source.has(name));
    const node = parseConfig(request.assume ? [...sources, request.assume(isSaid)] : sources, host.defaults);
    const { load, disabled } = namedPlugins(sources);
    const sections = [request.pluginFlags ?? new Map(), file?.sections ?? new Map()];
    const { features } = node;
    return { node, load, choice: { features, disabled, sections, environment: host.environment } };
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message, error.hint, { cause: error });
    throw error;
  }
}

async function readConfigFile(path: string, { readFile }: ConfigHost): Promise<string> {
  const file = await readFile(path, CONFIG_FILE_BYTES_MAX);
  switch (file.kind) {
    case "text":
      return file.text;
    case "absent":
      throw new ConfigError(`Cannot read the configuration file "${path}": there is no such file`);
    case "too-long":
      throw new ConfigError(`Cannot read the configuration file "${path}": longer than ${CONFIG_FILE_BYTES_MAX} bytes`);
    case "unreadable":
      throw new ConfigError(`Cannot read the configuration file "${path}": ${file.why}`);
  }
}

/**
 * Variables that look like a misspelt option, with the likely one. No error: whoever deploys a program called weft may have
 * variables of that prefix that are none of its business.
 */
export function misspeltVariables(
  environment: Readonly<Record<string, string>>,
  plugins: readonly Plugin[] = [],
): { readonly variable: string; readonly likely: string }[] {
  const ofPlugins = plugins.flatMap(({ name, options = [] }) =>
    options.map((option) => pluginVariableName(name, option.name))
  );
  const known = [...RUN_OPTIONS.map(({ name }) => environmentName(name)), ...OTHER_VARIABLES, ...ofPlugins];
  return Object.keys(environment)
    .filter((variable) => variable.startsWith(VARIABLE_PREFIX) && !known.includes(variable))
    .flatMap((variable) => {
      const likely = didYouMean(variable, known);
      return likely === undefined ? [] : [{ variable, likely }];
    });
}
