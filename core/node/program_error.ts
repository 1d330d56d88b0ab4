/**
 * What the operator is told when this program is too old for its mesh.
 *
 * @module
 */
import { ConfigError } from "../plugin/errors.ts";
import { ProgramTooOldError } from "../state/program_versions.ts";

/** `error`, or what it means for the operator. */
export function programError(error: unknown): unknown {
  if (!(error instanceof ProgramTooOldError)) return error;
  return new ConfigError(error.message, "Nothing is lost: install the release that the others run and start again.");
}
