/**
 * Snapshots on disk: each is a data file and a manifest, JSON with what the data are and their SHA-256.
 *
 * The log names the snapshots that count and holds the SHA-256 of each manifest (`SnapshotMark`). So a manifest that
 * verifies is the one that was written, and data that verify against it are too. Files that the log does not name are
 * left over from a crash.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Disk } from "../seams/disk.ts";
import type { ConfState, Snapshot } from "../seams/log_store.ts";
import { equalBytes } from "../bytes/constant_time.ts";
import { createFile, readFile, replaceFile } from "./disk_files.ts";
import type { SnapshotMark } from "./wal_record.ts";

const FORMAT_VERSION = 1;
const NAME_REGEXP = /^[0-9]{16}-[0-9]+-([0-9]+)\.(?:data|json)(?:\.tmp)?$/;

/** The content of a manifest. */
interface Manifest {
  readonly formatVersion: number;
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly dataBytes: number;
  readonly dataSha256: string;
}

/** The snapshot files of one log. */
export class SnapshotFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  #nextId: number;

  private constructor(disk: Disk, directory: string, nextId: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#nextId = nextId;
  }

  /** Uses `directory`, which exists. @param marks The snapshots that the log names. */
  static async open(disk: Disk, directory: string, marks: readonly SnapshotMark[]): Promise<SnapshotFiles> {
    const ids = (await disk.list(directory)).map((name) => Number(NAME_REGEXP.exec(name)?.[1] ?? 0));
    return new SnapshotFiles(disk, directory, Math.max(0, ...ids, ...marks.map(({ id }) => id)) + 1);
  }

  /** Writes both files; resolves when they and their names are on stable storage. Borrows the data. */
  async write(snapshot: Snapshot): Promise<SnapshotMark> {
    const { index, term, confState } = snapshot.meta;
    const id = this.#nextId++;
    const name = baseName({ index, term, id });
    const hash = createHash("sha256");
    await createFile(this.#disk, `${this.#directory}/${name}.data`, snapshot.data, (piece) => hash.update(piece));
    const dataBytes = snapshot.data.length;
    const manifest: Manifest = {
      formatVersion: FORMAT_VERSION,
      index,
      term,
      confState,
      dataBytes,
      dataSha256: hash.digest("hex"),
    };
    const bytes = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
    await replaceFile(this.#disk, this.#directory, `${name}.json`, bytes);
    return { index, term, id, manifestDigest: sha256(bytes) };
  }

  /** Reads and verifies. Returns what is wrong as text. */
  async read(mark: SnapshotMark): Promise<Snapshot | string> {
    const files = await this.#disk.list(this.#directory);
    const name = baseName(mark);
    if (!files.includes(`${name}.json`)) return "the manifest is missing";
    if (!files.includes(`${name}.data`)) return "the data file is missing";
    const manifestBytes = await readFile(this.#disk, `${this.#directory}/${name}.json`);
    if (!equalBytes(sha256(manifestBytes), mark.manifestDigest)) return "the manifest's checksum is wrong";
    const manifest: Manifest = JSON.parse(new TextDecoder().decode(manifestBytes));
    if (manifest.formatVersion !== FORMAT_VERSION) return `the format version ${manifest.formatVersion} is unknown`;
    const data = await readFile(this.#disk, `${this.#directory}/${name}.data`);
    if (sha256(data).toHex() !== manifest.dataSha256) return "the data file's checksum is wrong";
    return { meta: { index: manifest.index, term: manifest.term, confState: manifest.confState }, data };
  }

  /** The data file of `mark`, for messages. */
  path(mark: SnapshotMark): string {
    return `${this.#directory}/${baseName(mark)}.data`;
  }

  /** Removes all files of snapshots that `marks` do not name. Not durable: a crash may leave some for the next time. */
  async removeExcept(marks: readonly SnapshotMark[]): Promise<void> {
    const kept = new Set(marks.flatMap((mark) => [`${baseName(mark)}.data`, `${baseName(mark)}.json`]));
    for (const name of await this.#disk.list(this.#directory)) {
      if (NAME_REGEXP.test(name) && !kept.has(name)) await this.#disk.remove(`${this.#directory}/${name}`);
    }
  }
}

/** `0000000000005000-3-17`: index, term, id. */
function baseName({ index, term, id }: Omit<SnapshotMark, "manifestDigest">): string {
  return `${String(index).padStart(16, "0")}-${term}-${id}`;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
