/**
 * `weft raft recover`: the mesh has lost its majority for good and goes on with what this node has.
 *
 * @module
 */
import { openDisk } from "../io/disk_deno.ts";
import { recoverMesh, type Recovery } from "../node/recover.ts";
import type { Log } from "../seams/log.ts";
import { UsageError } from "./exit.ts";
import { printable } from "./format.ts";
import type { Output } from "./output.ts";
import { type FormatOptions, wantsJson } from "./output_format.ts";

/** Options of the command, as the user gave them. */
export interface RecoverOptions extends FormatOptions {
  readonly dataDir?: string;
  readonly survivor?: readonly string[];
  readonly yes?: boolean;
}

/** The help that follows the options. */
export const RECOVER_HELP = `
For a mesh whose majority of voters is gone for good. Run it on the one survivor that has the longest log (\`weft raft
status\`: applied, then log), while its node is stopped. That node becomes the only voter; the mesh goes on under a new
mesh id, so that whoever stayed behind is kept out: as soon as it reaches a member, it stops taking part, and \`weft
status\` there says so. All other nodes join again: stop them and start them with --join. They get their addresses back.

Never run it on two nodes of one mesh: that makes two meshes.`;

/**
 * Recovers, or says what that would do and that it wants --yes.
 *
 * @throws {UsageError} Without --yes, with what would be done.
 */
export async function runRaftRecover(
  options: RecoverOptions,
  defaultDataDir: string,
  output: Output,
  nowMs: number,
  log: Log,
): Promise<void> {
  const json = wantsJson(options);
  const recovery = await recoverMesh({
    dataDir: options.dataDir ?? defaultDataDir,
    survivors: options.survivor ?? [],
    isConfirmed: options.yes ?? false,
    disk: openDisk(),
    nowMs,
    log,
  });
  if (!recovery.isDone) {
    throw new UsageError(
      `Would make ${summary(recovery)}`,
      "If those nodes are gone for good, run it again with --yes.",
    );
  }
  if (json) return output.json({ ...recovery });
  output.lines([
    `Made ${summary(recovery)}`,
    "Start this node again. All others join again, with --join: see `weft raft recover --help`.",
  ]);
}

function summary({ nodeId, newMeshId, index, term, lost }: Recovery): string {
  const gone = lost.length === 0 ? "no node leaves" : `these nodes leave: ${lost.map(printable).join(", ")}`;
  return `"${printable(nodeId)}" the only voter of mesh ${
    printable(newMeshId)
  }, from index ${index}, term ${term}; ${gone}`;
}
