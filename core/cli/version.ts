/**
 * `weft version`: what this program is.
 *
 * @module
 */
import { buildInfo } from "../io/build_info.ts";
import { runtimeInfo } from "../io/process.ts";
import type { Output } from "./output.ts";

/** Prints version, commit, build date and the runtime's version. */
export function runVersion(asJson: boolean, output: Output): void {
  const { version, commit, date: buildDate } = buildInfo();
  const { denoVersion, platform } = runtimeInfo();
  if (asJson) output.json({ version, commit, buildDate, denoVersion, platform });
  else output.lines([`weft ${version} (commit ${commit}, built ${buildDate}, Deno ${denoVersion}, ${platform})`]);
}
