/**
 * The log of a member that keeps nothing: for meshes whose state may go when the process goes (`--in-memory`).
 *
 * Such a member must come back under a new Raft id, because it does not remember its votes.
 *
 * @module
 */
import type { LogStore, StoredLog } from "../seams/log_store.ts";

const NOTHING: StoredLog = { hardState: { term: 0, vote: 0, commit: 0 }, snapshot: undefined, entries: [] };

/** A log store without a disk: everything counts as durable at once and is forgotten. */
export function openMemoryLogStore(): LogStore {
  return {
    stored: NOTHING,
    append: () => Promise.resolve(),
    saveSnapshot: () => Promise.resolve(),
    installSnapshot: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
