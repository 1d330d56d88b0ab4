/**
 * The node's private key on disk, in the form that `wg genkey` prints: one line of base64.
 *
 * The file is its owner's alone. A node refuses a key that others could have read, since nobody can tell whether they
 * did.
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import { PrivateKey } from "../keys/private_key.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { Random } from "../seams/random.ts";

/** A key file longer than this is refused; a key and its newline are 45 bytes. */
export const KEY_FILE_BYTES_MAX = 1024;

const KEY_FILE_MODE = 0o600;
const KEY_DIRECTORY_MODE = 0o700;
/** What group and others may do. */
const FOREIGN_MODE_MASK = 0o077;
const MODE_MASK = 0o7777;

/**
 * Reads the private key from `path`, or generates one and stores it there if there is no such file. Directories that
 * are missing are made, for the owner alone.
 *
 * The new file appears complete or not at all, and is on stable storage before this resolves: other nodes will know the
 * key. When several processes do this at once, all get the key of the one that was first.
 *
 * @throws {ConfigError} If the file or its directory cannot be read or written, if group or others have any right to
 * the file, or if it does not hold exactly one key. Never says what the file holds.
 */
export async function loadOrCreatePrivateKey(path: string, random: Random): Promise<PrivateKey> {
  const stored = await loadPrivateKey(path);
  if (stored) return stored;
  using fresh = PrivateKey.generate(random);
  try {
    await storePrivateKey(path, fresh, random);
  } catch (error) {
    throw new ConfigError(`Cannot create private key "${path}": ${reasonOf(error)}`);
  }
  const key = await loadPrivateKey(path);
  if (!key) throw new ConfigError(`Cannot read private key "${path}": it was removed while the node started`);
  return key;
}

/** The key in the file; `undefined` if there is no file. */
async function loadPrivateKey(path: string): Promise<PrivateKey | undefined> {
  const bytes = new Uint8Array(KEY_FILE_BYTES_MAX + 1);
  let mode: number;
  let length: number;
  try {
    using file = await Deno.open(path);
    mode = (await file.stat()).mode ?? 0;
    length = await file.read(bytes) ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new ConfigError(`Cannot read private key "${path}": ${reasonOf(error)}`);
  }
  try {
    refuseForeignRights(path, mode);
    return parsePrivateKey(path, bytes.subarray(0, length));
  } finally {
    wipe(bytes);
  }
}

function refuseForeignRights(path: string, mode: number): void {
  if ((mode & FOREIGN_MODE_MASK) === 0) return;
  const found = (mode & MODE_MASK).toString(8).padStart(4, "0");
  throw new ConfigError(
    `Cannot use private key "${path}": its mode is ${found}, so group or others may access it`,
    `Run: chmod 600 ${shellWord(path)}`,
  );
}

function parsePrivateKey(path: string, bytes: Uint8Array): PrivateKey {
  const text = bytes.length <= KEY_FILE_BYTES_MAX ? new TextDecoder().decode(bytes).trim() : "";
  const key = PrivateKey.fromBase64(text);
  if (key) return key;
  throw new ConfigError(
    `Cannot use private key "${path}": it does not hold one key of 44 base64 characters`,
    "Restore the file from a backup, or remove it to start the node with a new key.",
  );
}

/** Makes `path` with the key; leaves a file alone that another process made in the meantime. */
async function storePrivateKey(path: string, key: PrivateKey, random: Random): Promise<void> {
  const directory = directoryOf(path);
  await Deno.mkdir(directory, { recursive: true, mode: KEY_DIRECTORY_MODE });
  const temporary = `${path}.${random.u32().toString(16)}.tmp`;
  try {
    await writeDurably(temporary, key);
    // A link, unlike a rename, does not replace: the first of several processes wins.
    await Deno.link(temporary, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(temporary);
  }
  using parent = await Deno.open(directory);
  await parent.sync();
}

async function writeDurably(path: string, key: PrivateKey): Promise<void> {
  const secret = key.reveal();
  const line = new TextEncoder().encode(`${secret.toBase64()}\n`);
  try {
    using file = await Deno.open(path, { write: true, createNew: true, mode: KEY_FILE_MODE });
    for (let offset = 0; offset < line.length;) offset += await file.write(line.subarray(offset));
    await file.sync();
  } finally {
    wipe(secret, line);
  }
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash + 1);
}

/** `path` as a shell reads it. */
function shellWord(path: string): string {
  return /^[\w./+:@%-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
