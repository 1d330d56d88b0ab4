/**
 * How large an entry counts in the engine's limits.
 *
 * @module
 */
import type { Entry, EntryType } from "../seams/log_store.ts";

/** Index, term, type and lengths, roughly; keeps empty entries from being free. */
export const ENTRY_OVERHEAD_BYTES = 24;

/** What one entry costs in a message, in memory or on disk. */
export function entryBytes(entry: Entry): number {
  return ENTRY_OVERHEAD_BYTES + entry.data.length;
}

/** Sum of {@linkcode entryBytes}. */
export function entriesBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}

/** Sum of the payloads alone: the empty entries that the protocol needs cost nothing. */
export function payloadBytes(entries: readonly { readonly type: EntryType; readonly data: Uint8Array }[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/** How many of `entries` from `start` up to `end` fit into `maxBytes`, at least one if there is any. */
export function countFitting(entries: readonly Entry[], start: number, end: number, maxBytes: number): number {
  let bytes = 0;
  for (let i = start; i < end; i++) {
    const entry = entries[i];
    if (entry === undefined) return i - start;
    bytes += entryBytes(entry);
    if (bytes > maxBytes && i > start) return i - start;
  }
  return Math.max(0, end - start);
}
