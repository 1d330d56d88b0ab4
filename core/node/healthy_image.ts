/**
 * The state as another replica has it, for one whose own state is wrong and cannot be made again: a backup that is kept in
 * memory, verified before anybody uses it.
 *
 * @module
 */
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import { MeshError } from "../plugin/errors.ts";
import { READ_CONSISTENCY_KEY } from "../plugin/read_level.ts";
import { SNAPSHOT_MESSAGE_BYTES_MAX } from "../raft/codec.ts";
import type { RpcClient } from "../rpc/client.ts";
import { meshOrigin } from "../state/mesh_epoch.ts";
import { BackupReader } from "./backup_file.ts";

/** How long a whole state may be on its way, in milliseconds. */
export const IMAGE_TIMEOUT_MS = 10 * 60_000;

/** The state as of one log entry. */
export interface StateImage {
  readonly index: number;
  readonly data: Uint8Array;
}

/**
 * Asks the node behind `client` for its state. It answers only while it leads, as far as it knows, and is in service.
 *
 * @param meshId Of this node's mesh.
 * @throws {MeshError} What the other node refuses; `unavailable` if what comes is not a whole state of this mesh.
 */
export function fetchImage(client: RpcClient, meshId: string, signal: AbortSignal): Promise<StateImage> {
  const options = { deadlineMs: IMAGE_TIMEOUT_MS, signal, metadata: { [READ_CONSISTENCY_KEY]: "weak" } };
  return receiveImage(client.stream(Control.method.backup, one({}), options), meshId);
}

/** Puts the pieces of a backup together; see {@linkcode fetchImage}. */
export async function receiveImage(
  pieces: AsyncIterable<{ readonly data: Uint8Array }>,
  meshId: string,
): Promise<StateImage> {
  const reader = new BackupReader();
  let image: Uint8Array | undefined;
  let position = 0;
  for await (const { data } of pieces) {
    const bytes = reader.push(data);
    if (typeof bytes === "string") throw unusable(bytes);
    const { header } = reader;
    if (!header) continue;
    if (!image) {
      if (meshOrigin(header.meshId) !== meshOrigin(meshId)) throw unusable("it is of another mesh");
      if (header.imageBytes > SNAPSHOT_MESSAGE_BYTES_MAX) throw unusable("it is too large");
      image = new Uint8Array(header.imageBytes);
    }
    image.set(bytes, position);
    position += bytes.length;
  }
  const problem = reader.finish();
  if (problem !== undefined || !image || !reader.header) throw unusable(problem ?? "it is cut off");
  return { index: reader.header.index, data: image };
}

async function* one<Message>(message: Message): AsyncGenerator<Message> {
  yield message;
}

function unusable(why: string): MeshError {
  return new MeshError("unavailable", `The state from the leader cannot be used: ${why}`);
}
