import assert from "node:assert/strict";
import { sha256 } from "../../../core/crypto/sha256.ts";
import {
  BACKUP_FORMAT_VERSION,
  BACKUP_HEADER_BYTES_MAX,
  type BackupHeader,
  BackupReader,
  encodeBackupHeader,
} from "../../../core/node/backup_file.ts";

const IMAGE = Uint8Array.from({ length: 1000 }, (_, index) => index);
const HEADER: BackupHeader = {
  formatVersion: BACKUP_FORMAT_VERSION,
  meshId: "m",
  index: 7,
  term: 2,
  schemaVersion: 1,
  engineVersion: "3.54.1",
  createdAtMs: 1,
  imageBytes: IMAGE.length,
  imageSha256: sha256(IMAGE).toHex(),
};

function file(header: object = HEADER): Uint8Array {
  return Uint8Array.from([...encodeBackupHeader(header as BackupHeader), ...IMAGE]);
}

/** What a reader says of `bytes`, in pieces of `size`. */
function read(bytes: Uint8Array, size = bytes.length): string | number[] {
  const reader = new BackupReader();
  const image: number[] = [];
  for (let offset = 0; offset < bytes.length; offset += size) {
    const some = reader.push(bytes.subarray(offset, offset + size));
    if (typeof some === "string") return some;
    image.push(...some);
  }
  return reader.finish() ?? image;
}

Deno.test("BackupReader: the image and the header come back, in pieces of any size", () => {
  for (const size of [1, 7, 11, 500, 5000]) assert.deepEqual(read(file(), size), [...IMAGE]);
  const reader = new BackupReader();
  reader.push(file());
  assert.deepEqual(reader.header, HEADER);
});

Deno.test("BackupReader: every flipped bit and every cut is found", () => {
  const whole = file();
  for (let offset = 0; offset < whole.length; offset++) {
    const bytes = whole.slice();
    bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
    assert.equal(typeof read(bytes), "string", `byte ${offset}`);
    assert.equal(typeof read(whole.subarray(0, offset)), "string", `cut at ${offset}`);
  }
  assert.equal(read(Uint8Array.from([...whole, 0])), "it is longer than it says");
});

Deno.test("BackupReader: says what is wrong with what", () => {
  assert.equal(read(new TextEncoder().encode("SQLite format 3")), "it is no backup of Weft");
  assert.equal(read(file({ ...HEADER, formatVersion: 2 })), "it has format version 2, this program reads up to 1");
  assert.equal(read(file({ ...HEADER, index: -1 })), "its header is damaged");
  assert.equal(read(file({ ...HEADER, meshId: 7 })), "its header is damaged");
  assert.equal(read(file({ ...HEADER, meshId: "x".repeat(BACKUP_HEADER_BYTES_MAX) })), "its header is damaged");
  assert.equal(read(file().subarray(0, 500)), "it is cut off");
});
