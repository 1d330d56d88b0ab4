/**
 * The state as another replica has it, for one whose own state is wrong and cannot be made again: a backup that is kept in
 * memory, verified before anybody uses it.
 *
 * @module
 */
import { type BackupPiece, Control } from "../../proto/gen/weft/v1/control_pb.ts";
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

/** What a piece is on its way. */
export type ImagePiece = Pick<BackupPiece, "data" | "skippedBytes">;

/** One image, over as many calls as it takes: what came before a call was cut off is not sent again, if it is still to be had. */
export class ImageDownload {
  /** Of the image whose begin is here, hexadecimal. */
  #sha256 = "";
  #image = new Uint8Array(0);
  #position = 0;

  /** Bytes that are here of an image that was cut off. */
  get position(): number {
    return this.#position;
  }

  /**
   * Asks the node behind `client` for its state. It answers only while it leads, as far as it knows, and is in service.
   *
   * @param meshId Of this node's mesh.
   * @throws {MeshError} What the other node refuses; `unavailable` if what comes is not a whole state of this mesh.
   */
  fetch(client: RpcClient, meshId: string, signal: AbortSignal): Promise<StateImage> {
    const options = { deadlineMs: IMAGE_TIMEOUT_MS, signal, metadata: { [READ_CONSISTENCY_KEY]: "weak" } };
    return this.receive(client.stream(Control.method.backup, one(this.request()), options), meshId);
  }

  /** What to ask for. */
  request(): { readonly resumeSha256: string; readonly resumeOffset: bigint } {
    return { resumeSha256: this.#sha256, resumeOffset: BigInt(this.#position) };
  }

  /** Puts the pieces of a backup together; see {@linkcode ImageDownload.fetch}. */
  async receive(pieces: AsyncIterable<ImagePiece>, meshId: string): Promise<StateImage> {
    const reader = new BackupReader();
    let skipped = 0n;
    for await (const { data, skippedBytes } of pieces) {
      skipped ||= skippedBytes;
      const isBegun = reader.header !== undefined;
      const bytes = reader.push(data);
      if (typeof bytes === "string") throw this.#unusable(bytes);
      if (!reader.header) continue;
      if (!isBegun) this.#begin(reader, Number(skipped), bytes.length, meshId);
      this.#image.set(bytes, this.#position);
      this.#position += bytes.length;
    }
    const { header } = reader;
    // The rest may come with another call.
    if (!header || this.#position < header.imageBytes) throw unusable("it is cut off");
    const problem = reader.finish();
    if (problem !== undefined) throw this.#unusable(problem);
    const data = this.#image;
    this.forget();
    return { index: header.index, data };
  }

  /** The header is here, and behind it `firstBytes` of the image in the same piece. */
  #begin(reader: BackupReader, skipped: number, firstBytes: number, meshId: string): void {
    const { header } = reader;
    if (!header || meshOrigin(header.meshId) !== meshOrigin(meshId)) throw this.#unusable("it is of another mesh");
    if (header.imageBytes > SNAPSHOT_MESSAGE_BYTES_MAX) throw this.#unusable("it is too large");
    if (skipped === 0) {
      this.#sha256 = header.imageSha256;
      this.#image = new Uint8Array(header.imageBytes);
      this.#position = 0;
      return;
    }
    const isSame = header.imageSha256 === this.#sha256 && header.imageBytes === this.#image.length;
    if (!isSame || skipped !== this.#position || firstBytes !== 0) {
      throw this.#unusable("it goes on with something else");
    }
    reader.push(this.#image.subarray(0, skipped));
  }

  /** What is here is of no use either. */
  #unusable(why: string): MeshError {
    this.forget();
    return unusable(why);
  }

  /** Lets go of what is here. */
  forget(): void {
    this.#sha256 = "";
    this.#image = new Uint8Array(0);
    this.#position = 0;
  }
}

async function* one<Message>(message: Message): AsyncGenerator<Message> {
  yield message;
}

function unusable(why: string): MeshError {
  return new MeshError("unavailable", `The state from the leader cannot be used: ${why}`);
}
