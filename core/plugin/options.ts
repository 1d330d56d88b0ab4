/**
 * What an operator can tell a plugin: a table of options, and a reader that turns raw values into settings.
 *
 * Option `listen` of the plugin `mesh_dns` is `--mesh-dns.listen`, `WEFT_MESH_DNS_LISTEN`, and the key `listen` in the
 * section `mesh_dns` of the configuration file. The host finds unknown names and values of a wrong kind; what a value
 * means is the plugin's.
 *
 * @module
 */
import { ConfigError } from "./errors.ts";

/** How the text of an option is read. Lists take repeated flags, commas in the environment, arrays in files. */
export type OptionKind = "flag" | "text" | "number" | "list";

/** One option. */
export interface PluginOption {
  /** Lower case, words joined by `-`. */
  readonly name: string;
  readonly kind: OptionKind;
  /** What stands for the value in help texts. */
  readonly placeholder?: string;
  readonly help: string;
  /** As the operator would write it; without it, the option is `undefined` (flags: false, lists: empty) if not given. */
  readonly defaultText?: string;
}

/** A value that a plugin cannot use. The host adds where the value came from. */
export class OptionError extends ConfigError {
  /** The option's name. */
  readonly option: string;

  constructor(option: string, message: string, hint?: string) {
    super(message, hint);
    this.option = option;
  }
}

/**
 * Reads the raw configuration of a plugin against its table.
 *
 * @example
 * ```ts
 * import { OptionReader, type PluginOption } from "./options.ts";
 * import { equal, throws } from "node:assert/strict";
 *
 * const OPTIONS: readonly PluginOption[] = [
 *   { name: "ttl-s", kind: "number", placeholder: "N", help: "how long answers may be kept", defaultText: "10" },
 * ];
 * equal(new OptionReader({ "ttl-s": "30" }, OPTIONS).integer("ttl-s", 1, 86_400), 30);
 * equal(new OptionReader({}, OPTIONS).integer("ttl-s", 1, 86_400), 10);
 * throws(() => new OptionReader({ "ttl-s": "soon" }, OPTIONS).integer("ttl-s", 1, 86_400), /ttl-s "soon": expected/);
 * ```
 */
export class OptionReader {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #options: readonly PluginOption[];

  /**
   * @param raw An object of values by option name; anything else is refused, and so is a name that is not in `options`.
   * @throws {OptionError}
   */
  constructor(raw: unknown, options: readonly PluginOption[]) {
    if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
      throw new ConfigError("expected options by name");
    }
    this.#values = { ...raw };
    this.#options = options;
    for (const name of Object.keys(this.#values)) {
      if (!options.some((option) => option.name === name)) throw new OptionError(name, `no such option "${name}"`);
    }
  }

  /** True if the flag was given. */
  flag(name: string): boolean {
    return this.#raw(name) === true;
  }

  /** The text; `undefined` if it is empty, or neither given nor in the table. */
  text(name: string): string | undefined {
    const value = this.#raw(name);
    return value === undefined || value === "" ? undefined : String(value);
  }

  /** The text of an option that has a default or must be given. */
  required(name: string): string {
    return this.text(name) ?? this.refuse(name, "", "a value is needed");
  }

  /** The texts of a list; an empty list if it was not given. */
  list(name: string): readonly string[] {
    const value = this.#raw(name);
    const texts = Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
    return texts.flatMap((text) => text.split(",")).map((text) => text.trim()).filter((text) => text !== "");
  }

  /** A whole number in `min..max`. */
  integer(name: string, min: number, max: number): number {
    const text = this.text(name) ?? "";
    const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
    return value >= min && value <= max ? value : this.refuse(name, text, `expected a number from ${min} to ${max}`);
  }

  /** One of `choices`. */
  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const text = this.text(name) ?? "";
    const found = choices.find((choice) => choice === text);
    return found ?? this.refuse(name, text, `expected one of ${choices.join(", ")}`);
  }

  /** `host:port`, with brackets around an IPv6 address; `:port` means all addresses of both families. */
  hostPort(name: string): { readonly host: string; readonly port: number } {
    const text = this.text(name) ?? "";
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]*)):([0-9]{1,5})$/.exec(text);
    const port = Number(match?.[3] ?? NaN);
    if (!match || !(port <= 65_535)) return this.refuse(name, text, "expected HOST:PORT, for example [::]:8080");
    return { host: match[1] ?? (match[2] || "::"), port };
  }

  /** Says that a value cannot be used. */
  refuse(name: string, value: string, why: string): never {
    throw new OptionError(name, `Cannot use ${name} "${value}": ${why}`);
  }

  #raw(name: string): unknown {
    return this.#values[name] ?? this.#options.find((option) => option.name === name)?.defaultText;
  }
}
