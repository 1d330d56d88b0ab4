/**
 * How a snapshot travels between two members: offered, sent in parts, and continued where it stopped.
 *
 * ```text
 * sender   -> receiver  offer: SHA-256 of the data | bytes of the data, u64 | the snapshot message without its data
 * receiver -> sender    have:  SHA-256 of the data | bytes that are here, u64
 * sender   -> receiver  part:  offset, u64 | bytes
 * ```
 *
 * Each is a frame (`raft_link_frame.ts`), sealed and therefore checksummed; offer and parts travel on the sender's
 * connection, `have` on the receiver's own. It answers the offer and every part. What is here of a snapshot outlives the
 * connection: when the same data are offered again, also by another leader, the sender goes on behind them.
 *
 * @module
 */
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";

/** Bytes of a digest. */
export const SNAPSHOT_DIGEST_BYTES = 32;
const NUMBER_BYTES = 8;

/** An offer as it came. */
export interface SnapshotOffer {
  readonly digest: Uint8Array;
  readonly dataBytes: number;
  /** The encoded message, with empty data. */
  readonly head: Uint8Array;
}

/** How much is here of the data with this digest. */
export interface SnapshotHave {
  readonly digest: Uint8Array;
  readonly bytes: number;
}

/** A part as it came. */
export interface SnapshotPart {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Returns fresh bytes. */
export function encodeOffer({ digest, dataBytes, head }: SnapshotOffer): Uint8Array {
  const bytes = new Uint8Array(SNAPSHOT_DIGEST_BYTES + NUMBER_BYTES + head.length);
  return new ByteWriter(bytes).bytes(digest).u53le(dataBytes).bytes(head).written;
}

/** `undefined` if it is cut. The result is a view of `bytes`. */
export function decodeOffer(bytes: Uint8Array): SnapshotOffer | undefined {
  const reader = new ByteReader(bytes);
  const digest = reader.bytes(SNAPSHOT_DIGEST_BYTES);
  const dataBytes = reader.u53le();
  const head = reader.bytes(reader.remaining);
  return digest && dataBytes !== undefined && head ? { digest, dataBytes, head } : undefined;
}

/** Returns fresh bytes. */
export function encodeHave({ digest, bytes }: SnapshotHave): Uint8Array {
  return new ByteWriter(new Uint8Array(SNAPSHOT_DIGEST_BYTES + NUMBER_BYTES)).bytes(digest).u53le(bytes).written;
}

/** `undefined` if it has another length. The result is a view of `bytes`. */
export function decodeHave(bytes: Uint8Array): SnapshotHave | undefined {
  const reader = new ByteReader(bytes);
  const digest = reader.bytes(SNAPSHOT_DIGEST_BYTES);
  const count = reader.u53le();
  return digest && count !== undefined && reader.remaining === 0 ? { digest, bytes: count } : undefined;
}

/** Returns fresh bytes; borrows the part's. */
export function encodePart({ offset, bytes }: SnapshotPart): Uint8Array {
  return new ByteWriter(new Uint8Array(NUMBER_BYTES + bytes.length)).u53le(offset).bytes(bytes).written;
}

/** `undefined` if it is cut. The result is a view of `bytes`. */
export function decodePart(bytes: Uint8Array): SnapshotPart | undefined {
  const reader = new ByteReader(bytes);
  const offset = reader.u53le();
  const rest = reader.bytes(reader.remaining);
  return offset !== undefined && rest ? { offset, bytes: rest } : undefined;
}
