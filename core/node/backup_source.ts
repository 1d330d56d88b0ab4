/**
 * Backups of this node's state for those who ask, and the rest of one for whoever was cut off: its image is kept for a while,
 * because the state goes on, and what was sent of an image is worth nothing with another.
 *
 * @module
 */
import type { Alarm } from "../io/alarm.ts";
import type { Clock } from "../seams/clock.ts";
import type { MeshInfo } from "../state/queries/mesh_info.ts";
import { type BackedUpState, type Backup, backupPieces, takeBackup } from "./state_backup.ts";

/** An image that was cut off is kept for so long, in milliseconds; a replica that needs it asks again within seconds. */
export const BACKUP_KEEP_MS = 60_000;

/** What a caller has of an earlier backup. */
export interface BackupResume {
  /** Of its image, hexadecimal; empty if there is none. */
  readonly sha256: string;
  readonly offset: number;
}

/** What backups are made of. */
export interface BackupSourceParts {
  readonly machine: BackedUpState;
  readonly clock: Clock;
  readonly makeAlarm: (onDue: () => void) => Pick<Alarm, "arm"> & Disposable;
}

/** See the module. Keeps one image at a time. */
export class BackupSource implements Disposable {
  readonly #parts: BackupSourceParts;
  readonly #alarm: Pick<Alarm, "arm"> & Disposable;
  #kept: Backup | undefined;
  #isClosed = false;

  constructor(parts: BackupSourceParts) {
    this.#parts = parts;
    this.#alarm = parts.makeAlarm(() => this.#kept = undefined);
  }

  /** Whether an image is kept. */
  get keepsImage(): boolean {
    return this.#kept !== undefined;
  }

  /** The pieces of a backup of `mesh` as it is now, or the rest of the one that the caller has a part of. */
  async *pieces(mesh: MeshInfo, resume: BackupResume): AsyncGenerator<{ data: Uint8Array; skippedBytes: bigint }> {
    const { machine, clock } = this.#parts;
    const isKept = (backup: Backup) => backup.header.imageSha256 === resume.sha256;
    const backup = this.#kept && isKept(this.#kept) ? this.#kept : takeBackup(machine, mesh, clock.wallMs());
    const isResumed = isKept(backup) && resume.offset <= backup.image.length;
    let isWhole = false;
    try {
      yield* backupPieces(backup, isResumed ? resume.offset : 0);
      isWhole = true;
    } finally {
      if (!isWhole) this.#keep(backup);
      else if (this.#kept === backup) this.#kept = undefined;
    }
  }

  /** Backups that are under way may end later. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#kept = undefined;
    this.#alarm[Symbol.dispose]();
  }

  #keep(backup: Backup): void {
    if (this.#isClosed) return;
    this.#kept = backup;
    this.#alarm.arm(this.#parts.clock.monotonicMs() + BACKUP_KEEP_MS);
  }
}
