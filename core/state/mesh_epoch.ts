/**
 * Epochs of a mesh. A mesh that was recovered without its majority goes on under another mesh id, `ID-e1`, then `ID-e2`: all
 * that checks the id, links between members above all, keeps those out who stayed behind in the epoch before.
 *
 * @module
 */

const EPOCH_REGEXP = /^(.*)-e([1-9][0-9]{0,5})$/;

/** Epoch of a mesh id, 0 unless it was ever recovered. */
export function meshEpoch(meshId: string): number {
  return Number(EPOCH_REGEXP.exec(meshId)?.[2] ?? 0);
}

/** The id that a mesh has in all its epochs. */
export function meshOrigin(meshId: string): string {
  return EPOCH_REGEXP.exec(meshId)?.[1] ?? meshId;
}

/** The id of the next epoch. */
export function nextMeshId(meshId: string): string {
  return `${meshOrigin(meshId)}-e${meshEpoch(meshId) + 1}`;
}
