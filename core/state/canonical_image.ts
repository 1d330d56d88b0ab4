/**
 * The one image of a state: replicas that are equal have files that differ in unused bytes, because batches and snapshots leave
 * free pages in different places. Written anew, page after page in the order of the keys, the same rows give the same file:
 * two nodes exported at the same applied index are equal to the byte, if they run the same SQLite.
 *
 * Costs a few copies of the state, and works on an image: a node that has other things to do can leave it to another thread.
 *
 * @module
 */
import type { SqlEngine } from "../seams/sql_database.ts";

/**
 * Fields of the header that count what was done to a file and not what is in it (sqlite.org/fileformat2.html §1.3): change
 * counter and the change for which the library version is valid, and the schema cookie.
 */
const COUNTER_OFFSETS = [24, 92, 40] as const;
const COUNTER = 1;

/** The canonical form of `image`, another one of the same state. Borrows `image`. */
export function canonicalImage(engine: SqlEngine, image: Uint8Array): Uint8Array {
  using copy = engine.open(image);
  // What was deleted leaves zeros, also in pages that are still used.
  copy.run("PRAGMA journal_mode = memory; PRAGMA secure_delete = on; PRAGMA auto_vacuum = none; VACUUM");
  const canonical = copy.export();
  const header = new DataView(canonical.buffer, canonical.byteOffset, canonical.byteLength);
  for (const offset of COUNTER_OFFSETS) header.setUint32(offset, COUNTER);
  return canonical;
}
