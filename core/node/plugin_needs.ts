/**
 * What a plugin gets: the capabilities that its list of needs names, and a clear error for everything else.
 *
 * @module
 */
import { ConfigError } from "../plugin/errors.ts";
import { ABSENT_CAPABILITIES, CAPABILITIES, type Host } from "../plugin/host.ts";
import { suggestion } from "./did_you_mean.ts";

/** Why the list of needs of the plugin cannot be met, a sentence; `undefined` if it can. */
export function needsProblem(needs: readonly string[]): string | undefined {
  for (const need of needs) {
    const absent = Object.hasOwn(ABSENT_CAPABILITIES, need) ? ABSENT_CAPABILITIES[need] : undefined;
    if (absent !== undefined) return `it needs "${need}", which this node does not have: ${absent}`;
    if (!isCapability(need)) {
      return `it needs "${need}", and there is no such capability${suggestion(need, CAPABILITIES)}`;
    }
  }
  return undefined;
}

/**
 * The part of `host` that `needs` names. Reaching for anything else throws.
 *
 * @throws {ConfigError} If `needs` cannot be met.
 */
export function narrowedNeeds(name: string, needs: readonly string[], host: Host): Host {
  const problem = needsProblem(needs);
  if (problem !== undefined) throw new ConfigError(problem);
  const declared = new Set(needs);
  return new Proxy(host, {
    get(all, key) {
      if (typeof key === "symbol" || key === "then") return undefined;
      if (declared.has(key) && isCapability(key)) return all[key];
      const known = isCapability(key) || Object.hasOwn(ABSENT_CAPABILITIES, key);
      throw new ConfigError(
        known
          ? `The plugin "${name}" reached for "${key}", which its needs do not name`
          : `The plugin "${name}" reached for "${key}", and there is no such capability`,
        known ? `Add "${key}" to its needs, in the type and in the list.` : undefined,
      );
    },
    has: (_all, key) => typeof key === "string" && declared.has(key),
    ownKeys: () => [...declared],
    getOwnPropertyDescriptor: (all, key) =>
      typeof key === "string" && declared.has(key) && isCapability(key)
        ? { value: all[key], enumerable: true, configurable: true, writable: false }
        : undefined,
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}

function isCapability(name: string): name is keyof Host {
  return (CAPABILITIES as readonly string[]).includes(name);
}
