/**
 * What admin_api can be told: nothing.
 *
 * @module
 */
import { OptionReader, type PluginOption } from "../../core/mod.ts";

/** No options. */
export const OPTIONS: readonly PluginOption[] = [];

/** @throws {ConfigError} For whatever is given. */
export function readConfig(raw: unknown): void {
  new OptionReader(raw, OPTIONS);
}
