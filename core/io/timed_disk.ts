/**
 * A disk whose syncs are timed. What it does is what the disk below does.
 *
 * @module
 */
import type { Clock } from "../seams/clock.ts";
import type { Disk, DiskFile } from "../seams/disk.ts";

/**
 * Times every sync of a file that succeeded.
 *
 * @param onSync Told how long it took, in milliseconds.
 */
export function timedDisk(disk: Disk, clock: Pick<Clock, "monotonicMs">, onSync: (durationMs: number) => void): Disk {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    open: async (path, mode) => timedFile(await disk.open(path, mode), clock, onSync),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    lock: (path, owner) => disk.lock(path, owner),
  };
}

function timedFile(file: DiskFile, clock: Pick<Clock, "monotonicMs">, onSync: (durationMs: number) => void): DiskFile {
  return {
    read: (target, position) => file.read(target, position),
    write: (bytes, position) => file.write(bytes, position),
    async sync() {
      const beganMs = clock.monotonicMs();
      await file.sync();
      onSync(clock.monotonicMs() - beganMs);
    },
    size: () => file.size(),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
