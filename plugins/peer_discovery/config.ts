/**
 * Peer discovery can be told nothing.
 *
 * @module
 */
import { OptionReader, type PluginOption } from "../../core/mod.ts";

/** All options: none. */
export const OPTIONS: readonly PluginOption[] = [];

/** @throws {ConfigError} For any option. */
export function readConfig(raw: unknown): void {
  new OptionReader(raw, OPTIONS);
}
