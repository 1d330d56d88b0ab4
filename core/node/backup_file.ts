/**
 * The file that `weft backup` writes and `weft restore` reads:
 *
 * ```text
 * [0, 8)    "WEFTBACK"
 * [8, 12)   length of the header, u32 little-endian
 * header    JSON: what the image is, its length and its SHA-256
 * 32 bytes  SHA-256 of all that is in front of them
 * image     the database, to the end of the file
 * ```
 *
 * @module
 */
import { equalBytes } from "../bytes/constant_time.ts";
import { createSha256, sha256 } from "../crypto/sha256.ts";

/** What this program writes, and the newest it reads. */
export const BACKUP_FORMAT_VERSION = 1;
/** Bytes of a header. */
export const BACKUP_HEADER_BYTES_MAX = 64 * 1024;

/** What a backup is of. */
export interface BackupHeader {
  readonly formatVersion: number;
  readonly meshId: string;
  /** The last log entry in it. */
  readonly index: number;
  readonly term: number;
  readonly schemaVersion: number;
  /** Of SQLite. */
  readonly engineVersion: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  readonly imageBytes: number;
  /** Hexadecimal. */
  readonly imageSha256: string;
}

const MAGIC = new TextEncoder().encode("WEFTBACK");
const PREFIX_BYTES = MAGIC.length + 4;
const HASH_BYTES = 32;

/** All that stands in front of the image. */
export function encodeBackupHeader(header: BackupHeader): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(PREFIX_BYTES + json.length + HASH_BYTES);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, json.length, true);
  bytes.set(json, PREFIX_BYTES);
  const end = PREFIX_BYTES + json.length;
  bytes.set(sha256(bytes.subarray(0, end)), end);
  return bytes;
}

/** Reads and verifies a backup in pieces of any size, and keeps no more of it than its header. */
export class BackupReader {
  readonly #hash = createSha256();
  #front = new Uint8Array(0);
  #imageBytes = 0;
  #header: BackupHeader | undefined;

  /** Known once enough was read. */
  get header(): BackupHeader | undefined {
    return this.#header;
  }

  /**
   * Takes the next bytes of the file. Borrows them.
   *
   * @returns The bytes of the image among them, or what is wrong, a phrase.
   */
  push(bytes: Uint8Array): Uint8Array | string {
    if (this.#header) return this.#image(this.#header, bytes);
    const front = new Uint8Array(this.#front.length + bytes.length);
    front.set(this.#front);
    front.set(bytes, this.#front.length);
    this.#front = front;
    if (!MAGIC.every((byte, index) => index >= front.length || front[index] === byte)) return "it is no backup of Weft";
    if (front.length < PREFIX_BYTES) return new Uint8Array(0);
    const length = new DataView(front.buffer).getUint32(MAGIC.length, true);
    if (length > BACKUP_HEADER_BYTES_MAX) return "its header is damaged";
    const end = PREFIX_BYTES + length;
    if (front.length < end + HASH_BYTES) return new Uint8Array(0);
    if (!equalBytes(sha256(front.subarray(0, end)), front.subarray(end, end + HASH_BYTES))) {
      return "its header is damaged";
    }
    const header = parseHeader(front.subarray(PREFIX_BYTES, end));
    if (typeof header === "string") return header;
    this.#header = header;
    this.#front = new Uint8Array(0);
    return this.#image(header, front.subarray(end + HASH_BYTES));
  }

  /** The file ends here. @returns What is wrong with it, a phrase; `undefined` if nothing is. */
  finish(): string | undefined {
    if (!this.#header || this.#imageBytes < this.#header.imageBytes) return "it is cut off";
    return this.#hash.digest().toHex() === this.#header.imageSha256 ? undefined : "its content is damaged";
  }

  #image({ imageBytes }: BackupHeader, bytes: Uint8Array): Uint8Array | string {
    this.#imageBytes += bytes.length;
    if (this.#imageBytes > imageBytes) return "it is longer than it says";
    this.#hash.update(bytes);
    return bytes;
  }
}

function parseHeader(bytes: Uint8Array): BackupHeader | string {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return "its header is damaged";
  }
  if (typeof json !== "object" || json === null) return "its header is damaged";
  const fields = json as Readonly<Record<string, unknown>>;
  const version = fields["formatVersion"];
  if (typeof version === "number" && version > BACKUP_FORMAT_VERSION) {
    return `it has format version ${version}, this program reads up to ${BACKUP_FORMAT_VERSION}`;
  }
  const texts = ["meshId", "engineVersion", "imageSha256"].map((name) => fields[name]);
  const numbers = ["formatVersion", "index", "term", "schemaVersion", "createdAtMs", "imageBytes"]
    .map((name) => fields[name]);
  const isWhole = texts.every((text) => typeof text === "string") &&
    numbers.every((number) => typeof number === "number" && Number.isSafeInteger(number) && number >= 0);
  return isWhole ? json as BackupHeader : "its header is damaged";
}
