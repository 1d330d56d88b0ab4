/**
 * Forgetting a mesh: what a node that left removes from its data directory. Its key stays, so that it gets the same addresses
 * when it joins again.
 *
 * @module
 */
import { RAFT_DIRECTORY } from "./data_dir.ts";

/** Removes identity and log below `path`. The identity goes first: without it the log belongs to nobody. */
export async function forgetMesh(path: string): Promise<void> {
  await removeIfThere(`${path}/node.json`);
  await removeIfThere(`${path}/${RAFT_DIRECTORY}`);
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
