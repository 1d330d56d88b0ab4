/**
 * From what there is and what the operator says to the plan of a node's plugins: every configuration is read here, before
 * anything is opened. A plugin that cannot be used is in the plan with the reason, and the node goes on without it.
 *
 * @module
 */
import type { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { Host } from "../plugin/host.ts";
import { OptionError, type OptionKind, type PluginOption } from "../plugin/options.ts";
import { type Plugin, PLUGIN_NAME, PLUGIN_NAME_CHARACTERS_MAX, type Start } from "../plugin/plugin.ts";
import { suggestion } from "./did_you_mean.ts";
import { featureName, featureOf } from "./features.ts";
import type { RawOption } from "./options.ts";
import { textOf } from "./plugin_failure.ts";
import { needsProblem } from "./plugin_needs.ts";
import type { PlannedPlugin, PluginPlan } from "./plugin_plan.ts";
import { type PluginSections, sectionFromEnvironment, sectionName } from "./plugin_settings.ts";

/** What `source` says of plugins that ship with the program. */
export const BUILT_IN = "built in";

/** A plugin that was found, or what was found in its place. */
export type FoundPlugin =
  | { readonly source: string; readonly moduleUrl: string | undefined; readonly value: unknown }
  | { readonly source: string; readonly problem: string };

/** What the operator says. */
export interface PluginChoice {
  /** Names of `--feature`, with `all` resolved. */
  readonly features: readonly string[];
  /** Plugins to leave out. */
  readonly disabled: readonly string[];
  /** First wins. */
  readonly sections: readonly PluginSections[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The plugins that ship with the program, as they are found. */
export function builtIn(plugins: readonly Plugin[]): FoundPlugin[] {
  return plugins.map((value) => ({ source: BUILT_IN, moduleUrl: undefined, value }));
}

/** Names of the features that these plugins have. */
export function featuresOf(plugins: readonly Plugin[]): string[] {
  return plugins.flatMap(({ feature }) => feature === undefined ? [] : [featureName(feature)]);
}

/**
 * The plan, in the order of `found`.
 *
 * @throws {ConfigError} For a plugin to leave out, or a section, of a name that no plugin has.
 */
export function planPlugins(found: readonly FoundPlugin[], choice: PluginChoice): PluginPlan {
  const plan: PlannedPlugin[] = [];
  for (const each of found) {
    const same = plan.find(({ name }) => name === nameOf(each));
    const planned = planOne(each, choice);
    plan.push(
      same ? { ...planned, problem: `there is another plugin "${same.name}", which is ${same.source}` } : planned,
    );
  }
  const names = plan.map(({ name }) => name);
  for (const name of choice.disabled) {
    if (!names.includes(sectionName(name))) {
      throw new ConfigError(
        `Cannot leave out the plugin "${name}": there is none${suggestion(sectionName(name), names)}`,
      );
    }
  }
  for (const sections of choice.sections) {
    for (const [name, { written, source }] of sections) {
      if (names.includes(name)) continue;
      throw new ConfigError(`Unknown plugin "${written}" in ${source}${suggestion(name, names)}`);
    }
  }
  return plan;
}

/** A plugin whose shape has been looked at. */
interface ShapedPlugin {
  readonly name: string;
  readonly summary: string;
  readonly feature: Feature | undefined;
  readonly needs: readonly string[];
  readonly options: readonly PluginOption[];
  readonly configure: (raw: unknown) => unknown;
}

function planOne(found: FoundPlugin, choice: PluginChoice): PlannedPlugin {
  const name = nameOf(found);
  const { source } = found;
  const nothing = { name, summary: "", source, moduleUrl: undefined, feature: undefined, needs: [], isEnabled: true };
  if ("problem" in found) return { ...nothing, problem: found.problem, start: neverStarts };
  const plugin = shaped(found.value);
  if (typeof plugin === "string") return { ...nothing, problem: plugin, start: neverStarts };
  const { summary, feature, needs } = plugin;
  const isEnabled = isWanted(plugin, source, choice);
  const planned = { name, summary, source, moduleUrl: found.moduleUrl, feature, needs, isEnabled };
  const problem = needsProblem(needs);
  if (problem !== undefined) return { ...planned, problem, start: neverStarts };
  const start = once(() => configured(plugin, choice));
  if (!isEnabled) return { ...planned, problem: undefined, start };
  try {
    start();
    return { ...planned, problem: undefined, start };
  } catch (error) {
    return { ...planned, problem: textOf(error), start: neverStarts };
  }
}

function isWanted({ name, feature }: ShapedPlugin, source: string, { features, disabled }: PluginChoice): boolean {
  if (disabled.some((written) => sectionName(written) === name)) return false;
  const asked = feature === undefined ? undefined : featureName(feature);
  return source !== BUILT_IN || asked === undefined || features.includes(asked);
}

/** Reads the configuration of a plugin. */
function configured(plugin: ShapedPlugin, { sections, environment }: PluginChoice): Start<Host> {
  const { name, options } = plugin;
  const inFront = sections.slice(0, 1);
  const behind = sections.slice(1);
  const sources = [
    ...inFront.map((each) => each.get(name)?.options),
    sectionFromEnvironment(name, options, environment),
    ...behind.map((each) => each.get(name)?.options),
  ].filter((each) => each !== undefined);
  const given = new Map<string, RawOption>();
  for (const source of sources) {
    for (const [option, raw] of source) if (!given.has(option)) given.set(option, raw);
  }
  const values: Record<string, unknown> = {};
  for (const [option, raw] of given) values[option] = readValue(option, raw, options);
  try {
    const start = plugin.configure(values);
    if (!isStart(start)) throw new ConfigError("configure did not return a function");
    return start;
  } catch (error) {
    const source = error instanceof OptionError ? given.get(error.option)?.source : undefined;
    throw source === undefined ? error : new ConfigError(`${textOf(error)} (${source})`);
  }
}

function readValue(name: string, { value, source }: RawOption, options: readonly PluginOption[]): unknown {
  const option = options.find((each) => each.name === name);
  if (!option) {
    const near = suggestion(name, options.map((each) => each.name));
    throw new ConfigError(`unknown option "${name}" in ${source}${near}`);
  }
  const read = valueOfKind(value, option.kind);
  if (read === undefined) throw new ConfigError(`Cannot use ${source}: expected ${EXPECTED[option.kind]}`);
  return read;
}

const EXPECTED: Readonly<Record<OptionKind, string>> = {
  flag: "true or false",
  text: "text",
  number: "a number",
  list: "a list of texts",
};

function valueOfKind(value: RawOption["value"], kind: OptionKind): unknown {
  switch (kind) {
    case "flag":
      if (typeof value === "boolean") return value;
      return value === "true" || value === "1" ? true : value === "false" || value === "0" ? false : undefined;
    case "text":
      return typeof value === "string" ? value : undefined;
    case "number":
      return typeof value === "number" || (typeof value === "string" && value !== "") ? String(value) : undefined;
    case "list":
      return typeof value === "string" ? value.split(",") : Array.isArray(value) ? value : undefined;
  }
}

function nameOf(found: FoundPlugin): string {
  const value = "value" in found ? found.value : undefined;
  if (isRecord(value) && typeof value["name"] === "string" && isName(value["name"])) return value["name"];
  const file = /([^/\\]*?)(?:\.[cm]?[jt]s)?$/.exec(found.source)?.[1] ?? "";
  const near = file.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^[_0-9]+|_+$/g, "");
  return near.slice(0, PLUGIN_NAME_CHARACTERS_MAX) || "plugin";
}

function isName(name: string): boolean {
  return PLUGIN_NAME.test(name) && name.length <= PLUGIN_NAME_CHARACTERS_MAX;
}

/** The value as a plugin, or why it is none. */
function shaped(value: unknown): ShapedPlugin | string {
  if (!isRecord(value)) return "it does not default-export a plugin";
  const { name, summary, feature, needs, options = [], configure } = value;
  if (typeof name !== "string" || !isName(name)) {
    return `its name ${
      JSON.stringify(name)
    } is not lower case words joined by "_", at most ${PLUGIN_NAME_CHARACTERS_MAX} characters`;
  }
  if (typeof summary !== "string" || summary === "") return "it has no summary";
  if (!Array.isArray(needs) || !needs.every((need) => typeof need === "string")) return "it has no list of needs";
  if (!Array.isArray(options) || !options.every(isOption)) return "its options are no table of name, kind and help";
  if (!isFunction(configure)) return "it has no function configure";
  const known = featureOf(feature);
  if (feature !== undefined && known === undefined) {
    return `its feature ${JSON.stringify(feature)} is not in the Feature enum`;
  }
  return { name, summary, feature: known, needs, options, configure: (raw) => configure.call(value, raw) };
}

function isOption(value: unknown): value is PluginOption {
  return isRecord(value) && typeof value["name"] === "string" && /^[a-z][a-z0-9-]*$/.test(value["name"]) &&
    typeof value["kind"] === "string" && Object.hasOwn(EXPECTED, value["kind"]) && typeof value["help"] === "string";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isFunction(value: unknown): value is (raw: unknown) => unknown {
  return typeof value === "function";
}

function isStart(value: unknown): value is Start<Host> {
  return typeof value === "function";
}

function once<Result>(make: () => Result): () => Result {
  let made: { readonly result: Result } | undefined;
  return () => (made ??= { result: make() }).result;
}

function neverStarts(): never {
  throw new ConfigError("it cannot be started");
}
