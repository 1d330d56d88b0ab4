/**
 * A node's data directory: one node, one process at a time.
 *
 * ```text
 * LOCK        taken while the node runs
 * node.json   who the directory belongs to, replaced at once
 * raft/       the log, see wal_log_store.ts
 * ```
 *
 * @module
 */
import { resolve } from "node:path";
import { type Disk, type DiskLock, DiskLockedError } from "../seams/disk.ts";
import { ConfigError } from "../plugin/errors.ts";
import { readFile, replaceFile } from "./disk_files.ts";

/** What this program writes, and the newest it reads. */
export const DATA_DIR_FORMAT_VERSION = 1;
/** Name of the log's directory. */
export const RAFT_DIRECTORY = "raft";

const RECORD_NAME = "node.json";

/** Who a data directory belongs to. */
export interface NodeIdentity {
  readonly nodeId: string;
  readonly meshId: string;
  /** The Raft member id, from 1. */
  readonly raftId: number;
  /** Random id of the log: a new one means that the old log is gone, and with it the votes of its member. */
  readonly instanceId: string;
  /** The mesh was recovered without this node: its log is of no use any more. */
  readonly isLeftBehind?: boolean;
}

/** An open data directory; disposing gives up the lock. */
export interface DataDir extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** Where the log goes. */
  readonly raftPath: string;
  /** What `node.json` said at open or was given since; `undefined` until the node has joined or started a mesh. */
  readonly identity: NodeIdentity | undefined;
  /** Replaces `node.json`; resolves when that is on stable storage. */
  save(identity: NodeIdentity): Promise<void>;
}

/** Settings of {@linkcode openDataDir}. */
export interface DataDirOptions {
  /** The node that is about to start. */
  readonly nodeId: string;
  /** How this process calls itself, for the error message of whoever comes second, e.g. `weft, process 7`. */
  readonly owner: string;
}

/**
 * Takes `directory`, making it with mode 0700 if there is none.
 *
 * @throws {ConfigError} If it cannot be used, is in use by a live process, belongs to another node, or has a newer
 * format. Nothing in it was changed then.
 */
export async function openDataDir(directory: string, disk: Disk, options: DataDirOptions): Promise<DataDir> {
  const path = resolve(directory);
  await using stack = new AsyncDisposableStack();
  stack.use(await take(path, disk, options.owner));
  let identity = await readIdentity(path, disk);
  if (identity && identity.nodeId !== options.nodeId) {
    throw new ConfigError(
      `Data directory belongs to node "${identity.nodeId}", not to "${options.nodeId}": ${path}`,
      `Run with --node-id=${identity.nodeId}, or give this node a --data-dir of its own.`,
    );
  }
  const resources = stack.move();
  return {
    path,
    raftPath: `${path}/${RAFT_DIRECTORY}`,
    get identity() {
      return identity;
    },
    async save(next) {
      const record = { formatVersion: DATA_DIR_FORMAT_VERSION, ...next };
      await replaceFile(disk, path, RECORD_NAME, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`));
      identity = next;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** The id of the node that `directory` belongs to; `undefined` if it belongs to none. @throws {ConfigError} If damaged. */
export async function dataDirOwner(directory: string, disk: Disk): Promise<string | undefined> {
  const path = resolve(directory);
  const names: readonly string[] = await disk.list(path).catch(() => []);
  return names.includes(RECORD_NAME) ? (await readIdentity(path, disk))?.nodeId : undefined;
}

async function take(path: string, disk: Disk, owner: string): Promise<DiskLock> {
  try {
    await disk.makeDirectory(path);
    return await disk.lock(`${path}/LOCK`, owner);
  } catch (error) {
    if (error instanceof DiskLockedError) {
      throw new ConfigError(
        `Data directory is in use by ${error.holder || "another process"}: ${path}`,
        "Stop that process, or give this node a --data-dir of its own.",
      );
    }
    throw new ConfigError(
      `Cannot use data directory "${path}": ${error instanceof Error ? error.message : String(error)}`,
      "Choose a --data-dir that this user may write to.",
    );
  }
}

async function readIdentity(path: string, disk: Disk): Promise<NodeIdentity | undefined> {
  if (!(await disk.list(path)).includes(RECORD_NAME)) return undefined;
  // A process may have ended between renaming the file and syncing its name.
  await disk.syncDirectory(path);
  const record = parseRecord(await readFile(disk, `${path}/${RECORD_NAME}`));
  if (record && record.formatVersion > DATA_DIR_FORMAT_VERSION) {
    throw new ConfigError(
      `Data directory has format version ${record.formatVersion}, this program reads up to ` +
        `${DATA_DIR_FORMAT_VERSION}: ${path}`,
      "Run the version of Weft that wrote it, or a newer one.",
    );
  }
  if (record?.identity) return record.identity;
  throw new ConfigError(
    `Cannot read who the data directory belongs to: ${path}/${RECORD_NAME} is damaged`,
    "Restore the file from a backup, or remove the whole directory and let the node join again.",
  );
}

/** The fields of `node.json`; `identity` only if its version is known and all of them are there. */
function parseRecord(bytes: Uint8Array): { formatVersion: number; identity: NodeIdentity | undefined } | undefined {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const { formatVersion, nodeId, meshId, raftId, instanceId, isLeftBehind } = json as Readonly<Record<string, unknown>>;
  if (typeof formatVersion !== "number") return undefined;
  const isWhole = typeof nodeId === "string" && typeof meshId === "string" && typeof instanceId === "string" &&
    typeof raftId === "number" && Number.isSafeInteger(raftId) && raftId > 0;
  return {
    formatVersion,
    identity: isWhole
      ? { nodeId, meshId, raftId, instanceId, ...(isLeftBehind === true ? { isLeftBehind } : {}) }
      : undefined,
  };
}
