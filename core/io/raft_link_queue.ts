/**
 * What waits to be sent to one member: messages in order, and beside them one snapshot in parts, so that a long
 * snapshot does not keep heartbeats waiting. Raft does without messages that are lost and with ones out of order.
 *
 * @module
 */
import { type Frame, frameBytes, FrameType } from "./raft_link_frame.ts";
import { QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, SNAPSHOT_PART_BYTES, WRITE_BATCH_BYTES } from "./raft_link_limits.ts";

/** A queue of encoded messages. */
export class LinkQueue {
  #messages: Uint8Array[] = [];
  #bytes = 0;
  #snapshot: Uint8Array | undefined;
  #snapshotSentBytes = 0;

  /** Messages that wait, the snapshot included. */
  get messagesCount(): number {
    return this.#messages.length + (this.#snapshot ? 1 : 0);
  }

  /** Their bytes, without what was sent of the snapshot. */
  get bytes(): number {
    return this.#bytes + (this.#snapshot?.length ?? 0) - this.#snapshotSentBytes;
  }

  /** True if the rest of a snapshot must follow on the same connection. */
  get isInSnapshot(): boolean {
    return this.#snapshotSentBytes > 0;
  }

  /** Adds a message. Takes it. Returns how many of the oldest had to go. */
  push(message: Uint8Array): number {
    this.#messages.push(message);
    this.#bytes += message.length;
    let droppedCount = 0;
    while (this.#messages.length > QUEUE_MESSAGES_MAX || (this.#bytes > QUEUE_BYTES_MAX && this.#messages.length > 1)) {
      this.#bytes -= this.#messages.shift()?.length ?? 0;
      droppedCount++;
    }
    return droppedCount;
  }

  /** Adds a snapshot message in the place of one that waits. Takes it. Returns how many had to go. */
  pushSnapshot(message: Uint8Array): number {
    const droppedCount = this.#snapshot ? 1 : 0;
    this.#snapshot = message;
    this.#snapshotSentBytes = 0;
    return droppedCount;
  }

  /** Takes what goes into one write: messages up to a size, at least one, and one part of the snapshot. */
  takeBatch(): Frame[] {
    const frames: Frame[] = [];
    let bytes = 0;
    let count = 0;
    for (const message of this.#messages) {
      const frame = { type: FrameType.message, bytes: message };
      if (count > 0 && bytes + frameBytes(frame) > WRITE_BATCH_BYTES) break;
      frames.push(frame);
      bytes += frameBytes(frame);
      this.#bytes -= message.length;
      count++;
    }
    this.#messages.splice(0, count);
    const part = this.#takeSnapshotPart();
    if (part) frames.push(part);
    return frames;
  }

  /** Drops everything. Returns how many messages that were. */
  clear(): number {
    const droppedCount = this.messagesCount;
    this.#messages = [];
    this.#bytes = 0;
    this.#snapshot = undefined;
    this.#snapshotSentBytes = 0;
    return droppedCount;
  }

  #takeSnapshotPart(): Frame | undefined {
    const snapshot = this.#snapshot;
    if (!snapshot) return undefined;
    const start = this.#snapshotSentBytes;
    const bytes = snapshot.subarray(start, start + SNAPSHOT_PART_BYTES);
    const isLast = start + bytes.length === snapshot.length;
    this.#snapshotSentBytes = isLast ? 0 : start + bytes.length;
    if (isLast) this.#snapshot = undefined;
    if (start === 0) return { type: isLast ? FrameType.snapshotWhole : FrameType.snapshotFirstPart, bytes };
    return { type: isLast ? FrameType.snapshotLastPart : FrameType.snapshotPart, bytes };
  }
}
