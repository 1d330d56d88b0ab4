/**
 * `weft backup FILE` and `weft restore FILE`: the replicated state as a verified file, and back; `-` for standard output and
 * input.
 *
 * @module
 */
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import { type ByteTarget, openByteTarget, readPieces, STANDARD_STREAM } from "../io/file_stream.ts";
import { type BackupHeader, BackupReader } from "../node/backup_file.ts";
import { MeshError } from "../plugin/errors.ts";
import { READ_CONSISTENCY_KEY, READ_LEVEL_KINDS } from "../plugin/read_level.ts";
import type { RpcClient } from "../rpc/client.ts";
import { UsageError } from "./exit.ts";
import { formatBytes, printable } from "./format.ts";
import type { Output } from "./output.ts";
import { choose } from "./sql_session.ts";
import { askNode, type TargetHost, type TargetOptions } from "./target.ts";

/** Options of `weft backup`, as the user gave them. */
export interface BackupOptions extends TargetOptions {
  readonly level?: string;
}

/** Options of `weft restore`, as the user gave them. */
export interface RestoreOptions extends TargetOptions {
  readonly force?: boolean;
}

/** The whole of a large state takes a while, in milliseconds. */
const TRANSFER_TIMEOUT_MS = 10 * 60_000;

/** Writes a backup and verifies it on the way. What was at `path` stays until the backup is whole. */
export async function runBackup(
  path: string,
  options: BackupOptions,
  host: TargetHost,
  output: Output,
): Promise<void> {
  if (path === STANDARD_STREAM && options.json) throw new UsageError("Cannot print JSON where the backup goes");
  const level = options.level === undefined ? "none" : choose("level", options.level, READ_LEVEL_KINDS);
  const header = await askNode(options, host, async (client) => {
    await using target = await openByteTarget(path).catch((error) => cannot(`write "${path}"`, error));
    return await receive(client, level, target);
  });
  if (options.json) return output.json({ file: path, ...backupJson(header) });
  const lines = [
    `Backup of mesh ${printable(header.meshId)} at index ${header.index}, term ${header.term}: ` +
    `${formatBytes(header.imageBytes)}, verified${path === STANDARD_STREAM ? "" : `, in ${path}`}`,
  ];
  if (path === STANDARD_STREAM) output.talk(`${lines[0]}\n`);
  else output.lines(lines);
}

async function receive(client: RpcClient, level: string, target: ByteTarget): Promise<BackupHeader> {
  const reader = new BackupReader();
  const metadata = { [READ_CONSISTENCY_KEY]: level };
  const call = client.stream(Control.method.backup, one({}), { deadlineMs: TRANSFER_TIMEOUT_MS, metadata });
  for await (const { data } of call) {
    const image = reader.push(data);
    if (typeof image === "string") throw damaged(image);
    await target.write(data);
  }
  const problem = reader.finish();
  if (problem !== undefined || !reader.header) throw damaged(problem ?? "it is cut off");
  await target.commit();
  return reader.header;
}

/** Puts the backup at `path` in the place of the state. A file is verified before the node hears of it. */
export async function runRestore(
  path: string,
  options: RestoreOptions,
  host: TargetHost,
  output: Output,
): Promise<void> {
  if (path !== STANDARD_STREAM) await verify(path);
  const message = await askNode(options, host, async (client) => {
    const pieces = piecesOf(path, options.force ?? false);
    const call = client.stream(Control.method.restore, pieces, { deadlineMs: TRANSFER_TIMEOUT_MS });
    const [answer] = await Array.fromAsync(call);
    if (!answer) throw new MeshError("internal", "The node did not say how the restore ended");
    return answer;
  });
  const { appliedIndex, stateHash, backupIndex } = message;
  if (options.json) {
    return output.json({ appliedIndex: Number(appliedIndex), stateHash, backupIndex: Number(backupIndex) });
  }
  output.lines([
    `Restored the state of index ${backupIndex} at index ${appliedIndex} of the log. State ${printable(stateHash)}`,
    "Who belongs to the mesh has not changed: nodes, addresses and networks are those of now.",
  ]);
}

async function verify(path: string): Promise<void> {
  const reader = new BackupReader();
  try {
    for await (const piece of readPieces(path)) {
      const image = reader.push(piece);
      if (typeof image === "string") throw unusable(path, image);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    cannot(`read "${path}"`, error);
  }
  const problem = reader.finish();
  if (problem !== undefined) throw unusable(path, problem);
}

async function* piecesOf(path: string, force: boolean): AsyncGenerator<{ data: Uint8Array; force: boolean }> {
  for await (const data of readPieces(path)) yield { data, force };
}

async function* one<Item>(item: Item): AsyncGenerator<Item> {
  yield await Promise.resolve(item);
}

function backupJson(header: BackupHeader): Record<string, unknown> {
  const { meshId, index, term, schemaVersion, engineVersion, createdAtMs, imageBytes, imageSha256 } = header;
  const createdAt = new Date(createdAtMs).toISOString();
  return { meshId, index, term, schemaVersion, engineVersion, createdAt, imageBytes, imageSha256 };
}

function damaged(why: string): MeshError {
  return new MeshError("internal", `The backup that came is not usable: ${why}`, { hint: "Run the command again." });
}

function unusable(path: string, why: string): UsageError {
  return new UsageError(`Cannot restore "${path}": ${why}`, "Take another backup file; nothing was changed.");
}

function cannot(what: string, error: unknown): never {
  throw new UsageError(`Cannot ${what}: ${error instanceof Error ? error.message : String(error)}`);
}
