/**
 * Whole files on a disk: read, write durably, replace at once.
 *
 * @module
 */
import type { Disk, DiskFile } from "../seams/disk.ts";

/** Large files are written in pieces, so that the event loop turns in between. */
const PIECE_BYTES = 1 << 20;
/** They are synced every so often: a sync of another file may have to wait for all that this one has written. */
const SYNC_BYTES = 4 << 20;

/** Returns all bytes of the file. */
export async function readFile(disk: Disk, path: string): Promise<Uint8Array> {
  await using file = await disk.open(path, "read");
  const bytes = new Uint8Array(await file.size());
  const length = await file.read(bytes, 0);
  return bytes.subarray(0, length);
}

/**
 * Creates a file with `bytes`, and resolves when they are on stable storage; the name is the caller's to sync.
 *
 * @param onPiece Called with each piece before it is written, e.g. to hash it.
 */
export async function createFile(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  onPiece?: (piece: Uint8Array) => void,
): Promise<void> {
  await using file = await disk.open(path, "create");
  for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) {
    const piece = bytes.subarray(offset, offset + PIECE_BYTES);
    onPiece?.(piece);
    await file.write(piece, offset);
    if ((offset + PIECE_BYTES) % SYNC_BYTES === 0) await file.sync();
  }
  await file.sync();
}

/** What {@linkcode writeZeros} writes, for all who do; never written to, it takes no memory either. */
const ZEROS = new Uint8Array(PIECE_BYTES);

/** Overwrites `lengthBytes` from `position` with zeros; the caller syncs. */
export async function writeZeros(file: DiskFile, position: number, lengthBytes: number): Promise<void> {
  for (let offset = 0; offset < lengthBytes; offset += PIECE_BYTES) {
    await file.write(ZEROS.subarray(0, lengthBytes - offset), position + offset);
  }
}

/**
 * Gives `directory/name` the content `bytes`: after a crash at any moment it has the old content or the new one.
 * Resolves when the new one is on stable storage.
 */
export async function replaceFile(disk: Disk, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${name}.tmp`;
  if ((await disk.list(directory)).includes(temporary)) await disk.remove(`${directory}/${temporary}`);
  await createFile(disk, `${directory}/${temporary}`, bytes);
  await disk.rename(`${directory}/${temporary}`, `${directory}/${name}`);
  await disk.syncDirectory(directory);
}
