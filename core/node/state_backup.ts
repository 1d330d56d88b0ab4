/**
 * `Control.Backup` and `Control.Restore`: the state as a file, and a file as the state.
 *
 * A backup is the image as of one applied index, the same on every replica to the byte, taken between two entries and sent in
 * pieces. A restore goes into the log as
 * it comes, piece by piece, and takes effect with its last entry, on all replicas alike; see `core/state/restore.ts` for
 * what is kept of the mesh as it is now.
 *
 * @module
 */
import type { RaftApplyResponse } from "../../proto/gen/v1/node_raft_pb.ts";
import type { RestorePiece } from "../../proto/gen/weft/v1/control_pb.ts";
import { sha256 } from "../crypto/sha256.ts";
import { MeshError } from "../plugin/errors.ts";
import type { Random } from "../seams/random.ts";
import { encodeRestoreCommit, encodeRestorePart } from "../state/codec.ts";
import { RESTORE_PART_BYTES_MAX, RESTORE_PART_COUNT_MAX } from "../state/limits.ts";
import { meshOrigin } from "../state/mesh_epoch.ts";
import type { MeshInfo } from "../state/queries/mesh_info.ts";
import type { ProgramVersions } from "../state/program_versions.ts";
import { BACKUP_FORMAT_VERSION, type BackupHeader, BackupReader, encodeBackupHeader } from "./backup_file.ts";
import { randomId } from "./origin.ts";

/** Bytes of a piece on its way. */
export const BACKUP_PIECE_BYTES = 256 * 1024;
/** Parts of a restore that wait for the log at one time. */
export const RESTORE_PENDING_COUNT_MAX = 8;

/** What a backup is taken of. */
export interface BackedUpState {
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly versions: Pick<ProgramVersions, "engine">;
  canonicalImage(): Uint8Array;
}

/** A backup, whole. */
export interface Backup {
  readonly header: BackupHeader;
  readonly image: Uint8Array;
}

/** A backup of the state as it is now. */
export function takeBackup(machine: BackedUpState, mesh: MeshInfo, nowMs: number): Backup {
  const image = machine.canonicalImage();
  const header: BackupHeader = {
    formatVersion: BACKUP_FORMAT_VERSION,
    meshId: mesh.meshId,
    index: machine.appliedIndex,
    term: machine.appliedTerm,
    schemaVersion: mesh.schemaVersion,
    engineVersion: machine.versions.engine,
    createdAtMs: nowMs,
    imageBytes: image.length,
    imageSha256: sha256(image).toHex(),
  };
  return { header, image };
}

/** The pieces of a backup file: the header, and the image without its first `skippedBytes`. */
export function* backupPieces(
  { header, image }: Backup,
  skippedBytes = 0,
): Generator<{ data: Uint8Array; skippedBytes: bigint }> {
  yield { data: encodeBackupHeader(header), skippedBytes: BigInt(skippedBytes) };
  for (let offset = skippedBytes; offset < image.length; offset += BACKUP_PIECE_BYTES) {
    yield { data: image.subarray(offset, offset + BACKUP_PIECE_BYTES), skippedBytes: 0n };
  }
}

/** What a restore needs. */
export interface RestoreParts {
  readonly mesh: MeshInfo;
  readonly propose: (data: Uint8Array) => Promise<RaftApplyResponse>;
  readonly random: Random;
  readonly nowMs: () => number;
}

/**
 * Puts a backup file into the log.
 *
 * @returns What the file is.
 * @throws {MeshError} `invalid-argument` for a file that is damaged, too large, or of another mesh; what a write throws. The
 * state is as it was then.
 */
export async function restorePieces(
  pieces: AsyncIterable<RestorePiece>,
  { mesh, propose, random, nowMs }: RestoreParts,
): Promise<BackupHeader> {
  const reader = new BackupReader();
  const id = randomId(random);
  const log = new PartsLog(id, propose);
  let force = false;
  let isChecked = false;
  for await (const piece of pieces) {
    force ||= piece.force;
    const image = reader.push(piece.data);
    if (typeof image === "string") throw unusable(image);
    if (reader.header && !isChecked) checkHeader(reader.header, mesh, force);
    isChecked = reader.header !== undefined;
    await log.add(image);
  }
  const problem = reader.finish();
  const { header } = reader;
  if (problem !== undefined || !header) throw unusable(problem ?? "it is cut off");
  const partCount = await log.finish();
  const commit = { id, partCount, sha256: header.imageSha256, force, nowMs: nowMs() };
  const { error } = await propose(encodeRestoreCommit(commit));
  if (error !== "") throw refused(error);
  return header;
}

/** Gathers bytes to parts of full size, and proposes them a few at a time. */
class PartsLog {
  readonly #id: string;
  readonly #propose: RestoreParts["propose"];
  readonly #part = new Uint8Array(RESTORE_PART_BYTES_MAX);
  #filledBytes = 0;
  #position = 0;
  #pending: Promise<RaftApplyResponse>[] = [];

  constructor(id: string, propose: RestoreParts["propose"]) {
    this.#id = id;
    this.#propose = propose;
  }

  async add(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length;) {
      const some = bytes.subarray(offset, offset + this.#part.length - this.#filledBytes);
      this.#part.set(some, this.#filledBytes);
      this.#filledBytes += some.length;
      offset += some.length;
      if (this.#filledBytes === this.#part.length) await this.#send();
    }
  }

  /** @returns How many parts there are. */
  async finish(): Promise<number> {
    if (this.#filledBytes > 0) await this.#send();
    await this.#settle();
    return this.#position;
  }

  async #send(): Promise<void> {
    const data = this.#part.slice(0, this.#filledBytes);
    this.#filledBytes = 0;
    const proposed = this.#propose(encodeRestorePart({ id: this.#id, position: this.#position++, data }));
    proposed.catch(() => {});
    this.#pending.push(proposed);
    if (this.#pending.length >= RESTORE_PENDING_COUNT_MAX) await this.#settle();
  }

  async #settle(): Promise<void> {
    const responses = await Promise.all(this.#pending.splice(0));
    const error = responses.map((response) => response.error).find((text) => text !== "");
    if (error !== undefined) throw refused(error);
  }
}

function checkHeader({ meshId, imageBytes }: BackupHeader, mesh: MeshInfo, force: boolean): void {
  if (meshOrigin(meshId) !== meshOrigin(mesh.meshId) && !force) {
    throw new MeshError("invalid-argument", `The backup is of another mesh: ${meshId}, this one is ${mesh.meshId}`, {
      hint: "If that is what you want, run it again with --force.",
    });
  }
  const max = RESTORE_PART_BYTES_MAX * RESTORE_PART_COUNT_MAX;
  if (imageBytes > max) throw unusable(`it is larger than ${max} bytes`);
}

function unusable(why: string): MeshError {
  return new MeshError("invalid-argument", `Cannot restore the backup: ${why}`, { hint: "Take another backup file." });
}

function refused(why: string): MeshError {
  return new MeshError("invalid-argument", `The mesh refuses the backup: ${why}`, {
    hint: "Nothing has changed. Was another restore started meanwhile?",
  });
}
