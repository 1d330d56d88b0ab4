/**
 * What waits to be sent to one member: messages in order, and beside them one snapshot in parts, so that a long
 * snapshot does not keep heartbeats waiting, and one answer to a snapshot of theirs. Raft does without messages that are
 * lost and with ones out of order.
 *
 * @module
 */
import type { InstallSnapshot } from "../raft/message.ts";
import { type Frame, frameBytes, FrameType } from "./raft_link_frame.ts";
import { QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, WRITE_BATCH_BYTES } from "./raft_link_limits.ts";
import { OutgoingSnapshot } from "./raft_link_snapshot_out.ts";

/** A queue of encoded messages. */
export class LinkQueue {
  #messages: Uint8Array[] = [];
  #bytes = 0;
  #snapshot: OutgoingSnapshot | undefined;
  #have: Uint8Array | undefined;

  /** Messages that wait, the snapshot included. */
  get messagesCount(): number {
    return this.#messages.length + (this.#snapshot ? 1 : 0);
  }

  /** Their bytes, without what the member has of the snapshot. */
  get bytes(): number {
    return this.#bytes + (this.#snapshot?.leftBytes ?? 0);
  }

  /** The snapshot that waits or is on its way. */
  get snapshot(): OutgoingSnapshot | undefined {
    return this.#snapshot;
  }

  /** True if the rest of a snapshot must follow on the same connection. */
  get isInSnapshot(): boolean {
    return this.#snapshot?.isUnderWay ?? false;
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

  /** Adds a snapshot in the place of another one that waits. Borrows it until it is sent. Returns how many had to go. */
  pushSnapshot(message: InstallSnapshot): number {
    if (this.#snapshot?.renew(message)) return 0;
    const droppedCount = this.#snapshot ? 1 : 0;
    this.#snapshot = new OutgoingSnapshot(message);
    return droppedCount;
  }

  /** The snapshot has arrived, or is given up. */
  endSnapshot(): void {
    this.#snapshot = undefined;
  }

  /** Adds the answer to a snapshot, in the place of an older one. Takes it. */
  pushHave(have: Uint8Array): void {
    this.#have = have;
  }

  /** Takes what goes into one write: messages up to a size, at least one, and one part of the snapshot. */
  takeBatch(nowMs: number): Frame[] {
    const frames: Frame[] = [];
    if (this.#have) frames.push({ type: FrameType.snapshotHave, bytes: this.#have });
    this.#have = undefined;
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
    const part = this.#snapshot?.nextFrame(nowMs);
    if (part) frames.push(part);
    return frames;
  }

  /** Drops everything. Returns how many messages that were. */
  clear(): number {
    const droppedCount = this.messagesCount;
    this.#messages = [];
    this.#bytes = 0;
    this.#snapshot = undefined;
    this.#have = undefined;
    return droppedCount;
  }
}
