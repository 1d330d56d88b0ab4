/**
 * What the durable log of a member takes on disk: read from its directory, see `wal_log_store.ts` for the files.
 *
 * @module
 */
import type { Disk } from "../seams/disk.ts";

/** Sizes, and the newest snapshot. */
export interface LogFootprint {
  /** Bytes of all segments, with the zeros that are filled in ahead. */
  readonly walBytes: number;
  readonly walFileCount: number;
  /** `undefined` if there is none. */
  readonly snapshot:
    | { readonly index: number; readonly term: number; readonly bytes: number; readonly path: string }
    | undefined;
}

const SEGMENT_REGEXP = /\.wal$/;
const SNAPSHOT_REGEXP = /^([0-9]{16})-([0-9]+)-([0-9]+)\.data$/;

/** Looks at the log in `directory`. A file that goes away meanwhile is not counted. */
export async function logFootprint(disk: Disk, directory: string): Promise<LogFootprint> {
  const segments = (await disk.list(`${directory}/wal`)).filter((name) => SEGMENT_REGEXP.test(name));
  const sizes = await Promise.all(segments.map((name) => fileBytes(disk, `${directory}/wal/${name}`)));
  const known = sizes.filter((bytes) => bytes !== undefined);
  const walBytes = known.reduce((sum, bytes) => sum + bytes, 0);
  return { walBytes, walFileCount: known.length, snapshot: await newestSnapshot(disk, `${directory}/snap`) };
}

async function newestSnapshot(disk: Disk, directory: string): Promise<LogFootprint["snapshot"]> {
  const found = (await disk.list(directory)).flatMap((name) => {
    const [, index, term, id] = SNAPSHOT_REGEXP.exec(name) ?? [];
    return index === undefined ? [] : [{ name, index: Number(index), term: Number(term), id: Number(id) }];
  });
  // The name has the index in front; of two with the same index the later one counts.
  const newest = found.sort((a, b) => a.index - b.index || a.id - b.id).at(-1);
  if (!newest) return undefined;
  const path = `${directory}/${newest.name}`;
  const bytes = await fileBytes(disk, path);
  return bytes === undefined ? undefined : { index: newest.index, term: newest.term, bytes, path };
}

async function fileBytes(disk: Disk, path: string): Promise<number | undefined> {
  try {
    await using file = await disk.open(path, "read");
    return await file.size();
  } catch {
    return undefined;
  }
}
