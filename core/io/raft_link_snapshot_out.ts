/**
 * One snapshot on its way to one member; see `raft_link_snapshot.ts` for what goes over the wire.
 *
 * Parts are taken from the image that all receivers share: nothing is copied but the part that is being sent. So many bytes
 * may be on their way as the receiver answers within a moment; otherwise heartbeats would wait behind megabytes in the
 * buffers of a slow path. The window doubles while answers are quick and halves when they are not.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { equalBytes } from "../bytes/constant_time.ts";
import { encodeMessage } from "../raft/codec.ts";
import type { InstallSnapshot } from "../raft/message.ts";
import { delay } from "./alarm.ts";
import { type Frame, FrameType } from "./raft_link_frame.ts";
import {
  SNAPSHOT_OFFERS_MAX,
  SNAPSHOT_PART_BYTES,
  SNAPSHOT_QUICK_MS,
  SNAPSHOT_SLOW_MS,
  SNAPSHOT_WINDOW_BYTES_FIRST,
  SNAPSHOT_WINDOW_BYTES_MAX,
} from "./raft_link_limits.ts";
import { encodeOffer, encodePart, type SnapshotHave } from "./raft_link_snapshot.ts";

/** An image is hashed in pieces, so that the event loop turns in between. */
const HASH_PIECE_BYTES = 1 << 20;

/** The digests of images that are being sent, or were. */
const digests = new WeakMap<Uint8Array, Promise<Uint8Array>>();

/** SHA-256 of a snapshot's data, computed once for each image. Borrows; the image never changes. */
export function snapshotDigest(data: Uint8Array): Promise<Uint8Array> {
  const known = digests.get(data) ?? computeDigest(data);
  digests.set(data, known);
  return known;
}

async function computeDigest(data: Uint8Array): Promise<Uint8Array> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < data.length; offset += HASH_PIECE_BYTES) {
    if (offset > 0) await delay(0);
    hash.update(data.subarray(offset, offset + HASH_PIECE_BYTES));
  }
  return hash.digest();
}

/** See the module. */
export class OutgoingSnapshot {
  readonly #data: Uint8Array;
  #message: InstallSnapshot;
  #digest: Uint8Array | undefined;
  #isOffered = false;
  #offersCount = 0;
  #sentBytes = 0;
  /** What the receiver says that it has; `undefined` until it has answered the offer. */
  #haveBytes: number | undefined;
  #movedMs = 0;
  #windowBytes = SNAPSHOT_WINDOW_BYTES_FIRST;
  /** When the byte before this offset was sent; its answer tells how quick the path is. */
  #probe: { readonly offset: number; readonly atMs: number } | undefined;

  constructor(message: InstallSnapshot) {
    this.#message = message;
    this.#data = message.snapshot.data;
  }

  /** Nothing is sent before this is set. */
  set digest(digest: Uint8Array) {
    this.#digest = digest;
  }

  /** Bytes that the receiver does not have, as far as it said. */
  get leftBytes(): number {
    return this.#data.length - (this.#haveBytes ?? 0);
  }

  /** True if the receiver has everything. */
  get isDone(): boolean {
    return this.#haveBytes === this.#data.length;
  }

  /** True if a part was sent on this connection. */
  get isUnderWay(): boolean {
    return this.#sentBytes > 0;
  }

  /** The same snapshot, asked for again: goes on under the newer message. False if it is another one. */
  renew(message: InstallSnapshot): boolean {
    if (message.snapshot.data !== this.#data) return false;
    this.#message = message;
    return true;
  }

  /** The next frame; `undefined` while there is none to be sent. */
  nextFrame(nowMs: number): Frame | undefined {
    if (!this.#digest || this.isDone) return undefined;
    if (!this.#isOffered) return this.#offer(this.#digest, nowMs);
    if (this.#haveBytes === undefined || this.#sentBytes === this.#data.length) return undefined;
    if (this.#sentBytes - this.#haveBytes >= this.#windowBytes) return undefined;
    const offset = this.#sentBytes;
    const bytes = this.#data.subarray(offset, offset + SNAPSHOT_PART_BYTES);
    this.#sentBytes += bytes.length;
    this.#probe ??= { offset: this.#sentBytes, atMs: nowMs };
    return { type: FrameType.snapshotPart, bytes: encodePart({ offset, bytes }) };
  }

  /** The receiver answered. False if it meant something else. */
  receiverHas({ digest, bytes }: SnapshotHave, nowMs: number): boolean {
    if (!this.#digest || !this.#isOffered || !equalBytes(digest, this.#digest)) return false;
    const had = this.#haveBytes ?? 0;
    if (bytes > this.#data.length || (this.#haveBytes !== undefined && bytes < had)) return false;
    if (this.#haveBytes === undefined) this.#sentBytes = bytes;
    else if (bytes > had) this.#offersCount = 1;
    this.#haveBytes = bytes;
    this.#sentBytes = Math.max(this.#sentBytes, bytes);
    this.#movedMs = nowMs;
    this.#adapt(bytes, nowMs);
    return true;
  }

  /**
   * Offers it again if there was no answer for `silenceMs`: an answer may have been lost, with the receiver's connection.
   *
   * @returns False if that was done often enough.
   */
  nudge(nowMs: number, silenceMs: number): boolean {
    if (!this.#isOffered || this.isDone || nowMs - this.#movedMs < silenceMs) return true;
    this.#isOffered = false;
    this.#haveBytes = undefined;
    this.#sentBytes = 0;
    this.#probe = undefined;
    return this.#offersCount < SNAPSHOT_OFFERS_MAX;
  }

  #offer(digest: Uint8Array, nowMs: number): Frame {
    this.#isOffered = true;
    this.#offersCount++;
    this.#movedMs = nowMs;
    const message = this.#message;
    const head = encodeMessage({ ...message, snapshot: { ...message.snapshot, data: new Uint8Array() } });
    return { type: FrameType.snapshotOffer, bytes: encodeOffer({ digest, dataBytes: this.#data.length, head }) };
  }

  #adapt(haveBytes: number, nowMs: number): void {
    if (!this.#probe || haveBytes < this.#probe.offset) return;
    const tookMs = nowMs - this.#probe.atMs;
    this.#probe = undefined;
    if (tookMs > SNAPSHOT_SLOW_MS) this.#windowBytes = Math.max(this.#windowBytes / 2, SNAPSHOT_PART_BYTES);
    else if (tookMs < SNAPSHOT_QUICK_MS) this.#windowBytes = Math.min(this.#windowBytes * 2, SNAPSHOT_WINDOW_BYTES_MAX);
  }
}
