/**
 * Configuration files: YAML, JSON or TOML text to raw options, with the line of every complaint.
 *
 * @module
 */
import { parse as parseToml, TomlError } from "smol-toml";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { ConfigError } from "../plugin/errors.ts";
import { suggestion } from "./did_you_mean.ts";
import { optionName, type PluginSection, type PluginSections, sectionName } from "./plugin_settings.ts";
import { type OptionName, optionSpec, type RawOption, type RawOptions, type RawValue, RUN_OPTIONS } from "./options.ts";

/** A configuration file longer than this is refused. */
export const CONFIG_FILE_BYTES_MAX = 1024 * 1024;

/** One top-level key of a file. */
interface FileKey {
  readonly name: string;
  readonly value: unknown;
  readonly line: number;
}

/** What a file says. */
export interface FileOptions {
  /** To the node. */
  readonly options: RawOptions;
  /** To plugins: every key that is no option and has keys of its own. Whether there is such a plugin is seen later. */
  readonly sections: PluginSections;
}

/**
 * Reads the text of a configuration file. The format follows the extension (`.toml`, otherwise YAML, of which JSON is
 * a part).
 *
 * @throws {ConfigError} For syntax errors, unknown keys (with a suggestion), repeated keys and values of a wrong kind;
 * every message names `path` and the line.
 */
export function parseConfigText(path: string, text: string): FileOptions {
  if (text.length > CONFIG_FILE_BYTES_MAX) {
    throw new ConfigError(`Cannot read the configuration file "${path}": longer than ${CONFIG_FILE_BYTES_MAX} bytes`);
  }
  const keys = path.toLowerCase().endsWith(".toml") ? tomlKeys(path, text) : yamlKeys(path, text);
  const options = new Map<OptionName, RawOption>();
  const sections = new Map<string, PluginSection>();
  for (const key of keys) {
    const spec = optionSpec(key.name);
    const source = `${path} line ${key.line}`;
    if (!spec && isTable(key.value)) {
      const name = sectionName(key.name);
      if (sections.has(name)) throw new ConfigError(`The plugin "${name}" has a second section in ${source}`);
      sections.set(name, { written: key.name, source, options: sectionOptions(key, path, source) });
    } else if (!spec) {
      const near = suggestion(key.name, RUN_OPTIONS.map((option) => option.name));
      throw new ConfigError(`Unknown key "${key.name}" in ${source}${near}`);
    } else options.set(spec.name, { value: fileValue(key.value, spec.kind, key.name, source), source });
  }
  return { options, sections };
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sectionOptions({ name: section, value }: FileKey, path: string, source: string): Map<string, RawOption> {
  const options = new Map<string, RawOption>();
  for (const [name, raw] of Object.entries(isTable(value) ? value : {})) {
    const isTexts = Array.isArray(raw) && raw.every((item) => typeof item === "string");
    if (typeof raw !== "boolean" && typeof raw !== "string" && typeof raw !== "number" && !isTexts) {
      throw new ConfigError(`Cannot use key "${section}.${name}" in ${source}: expected text, a number, true or false`);
    }
    options.set(optionName(name), { value: raw, source: `${section}.${name} of ${path}` });
  }
  return options;
}

function yamlKeys(path: string, text: string): FileKey[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const problem = document.errors[0];
  if (problem) {
    const reason = (problem.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");
    throw new ConfigError(`Cannot parse ${path} line ${lines.linePos(problem.pos[0]).line}: ${reason}`);
  }
  if (document.contents === null) return [];
  if (!isMap(document.contents)) throw new ConfigError(`Cannot use ${path} line 1: expected keys and values`);
  return document.contents.items.map((item) => {
    const key = item.key;
    const line = isScalar(key) && key.range ? lines.linePos(key.range[0]).line : 1;
    const value = item.value;
    const plain = value !== null && typeof value === "object" && "toJSON" in value ? value.toJSON() : value;
    return { name: isScalar(key) ? String(key.value) : String(key), value: plain, line };
  });
}

function tomlKeys(path: string, text: string): FileKey[] {
  try {
    const textLines = text.split("\n");
    return Object.entries(parseToml(text)).map(([name, value]) => {
      const pattern = new RegExp(`^\\s*(\\[+\\s*)?["']?${name.replace(/[^\w-]/g, "\\$&")}["']?\\s*[=\\].]`);
      return { name, value, line: textLines.findIndex((line) => pattern.test(line)) + 1 };
    });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new ConfigError(`Cannot parse ${path} line ${error.line}: ${error.message.split("\n")[0]}`);
  }
}

function fileValue(value: unknown, kind: "flag" | "text" | "number" | "list", name: string, source: string): RawValue {
  if (kind === "flag" && typeof value === "boolean") return value;
  if (kind === "number" && typeof value === "number") return value;
  if (kind === "text" && typeof value === "string") return value;
  if (kind === "list" && typeof value === "string") return [value];
  if (kind === "list" && Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  const expected = { flag: "true or false", text: "text", number: "a number", list: "a list of texts" }[kind];
  throw new ConfigError(`Cannot use key "${name}" in ${source}: expected ${expected}`);
}
