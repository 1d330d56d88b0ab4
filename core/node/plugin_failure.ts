/**
 * Why a plugin does not run, in words.
 *
 * @module
 */
import { ConfigError, MeshError } from "../plugin/errors.ts";

/** A service with a method that does not state who may call it: the node refuses to start. */
export class UnauthorisedServiceError extends ConfigError {}

/** The text of whatever was thrown, with its hint if it has one. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint = error instanceof ConfigError || error instanceof MeshError ? error.hint : undefined;
  const text = error.message || error.name;
  return hint === undefined ? text : `${text}. ${hint}`;
}
