/**
 * The snapshot that this member is being sent: one at a time, from whichever leader, whatever connection its parts come on.
 * See `raft_link_snapshot.ts` for what goes over the wire.
 *
 * Its data are collected in memory, which must hold them anyway to load them; nothing else of the size of a snapshot is
 * kept. What is not continued for {@linkcode SNAPSHOT_KEEP_MS} goes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { equalBytes } from "../bytes/constant_time.ts";
import { decodeMessage, SNAPSHOT_MESSAGE_BYTES_MAX } from "../raft/codec.ts";
import type { InstallSnapshot } from "../raft/message.ts";
import { type LinkDropReason, SNAPSHOT_DONE_MS, SNAPSHOT_KEEP_MS } from "./raft_link_limits.ts";
import { decodeOffer, decodePart, type SnapshotHave, type SnapshotOffer } from "./raft_link_snapshot.ts";

/** A snapshot that is being received. */
export interface IncomingSnapshot {
  readonly digest: Uint8Array;
  readonly dataBytes: number;
}

/** What came of a frame. */
export interface SnapshotProgress {
  /** What the sender is told; `undefined` if it need not know. */
  readonly have: SnapshotHave | undefined;
  /** The whole message, when it is complete. */
  readonly message: InstallSnapshot | undefined;
}

/** The one of them. */
class Current implements IncomingSnapshot {
  readonly digest: Uint8Array;
  readonly dataBytes: number;
  readonly data: Uint8Array;
  readonly hash = createHash("sha256");
  head: InstallSnapshot;
  haveBytes = 0;
  touchedMs = 0;

  constructor({ digest, dataBytes }: SnapshotOffer, head: InstallSnapshot) {
    this.digest = digest.slice();
    this.dataBytes = dataBytes;
    this.data = new Uint8Array(dataBytes);
    this.head = head;
  }
}

/** A snapshot that has arrived. */
interface Done {
  readonly digest: Uint8Array;
  readonly dataBytes: number;
  /** Of the leader that sent it. */
  readonly term: number;
  readonly atMs: number;
}

const NOTHING: SnapshotProgress = { have: undefined, message: undefined };

/** See the module. */
export class SnapshotInbox {
  #current: Current | undefined;
  #done: Done | undefined;

  /** Bytes that are held. */
  get bytes(): number {
    return this.#current?.dataBytes ?? 0;
  }

  /** When something is to be let go; `Infinity` if nothing is held. */
  get deadlineMs(): number {
    return this.#current ? this.#current.touchedMs + SNAPSHOT_KEEP_MS : Infinity;
  }

  /** Lets go of what was not continued. */
  expire(nowMs: number): void {
    if (nowMs >= this.deadlineMs) this.#current = undefined;
  }

  /**
   * An offer of `peer`. The same data as before go on; others take their place, unless they come from an older term.
   *
   * @returns What the parts behind it belong to, or why the connection ends.
   */
  offer(
    peer: number,
    bytes: Uint8Array,
    nowMs: number,
  ): { readonly incoming: IncomingSnapshot; readonly progress: SnapshotProgress } | LinkDropReason {
    const offer = decodeOffer(bytes);
    if (!offer) return "frame-malformed";
    const { digest, dataBytes } = offer;
    if (dataBytes > SNAPSHOT_MESSAGE_BYTES_MAX - offer.head.length) return "message-too-large";
    const head = decodeMessage(offer.head);
    if (typeof head === "string") return head;
    if (head.kind !== "snapshot" || head.snapshot.data.length > 0) return "frame-malformed";
    if (head.from !== peer) return "wrong-sender";
    const done = this.#done;
    if (done && done.term === head.term && isSame(done, offer) && nowMs - done.atMs < SNAPSHOT_DONE_MS) {
      const have = { digest: done.digest, bytes: dataBytes };
      return { incoming: done, progress: { have, message: undefined } };
    }
    const before = this.#current;
    if (before && head.term < before.head.term) return { incoming: { digest, dataBytes }, progress: NOTHING };
    const { index, term } = head.snapshot.meta;
    const goesOn = before && isSame(before, offer) && before.head.snapshot.meta.index === index &&
      before.head.snapshot.meta.term === term;
    const current = goesOn ? before : new Current(offer, head);
    current.head = head;
    this.#current = current;
    return { incoming: current, progress: this.#progress(current, nowMs) };
  }

  /** A part of `incoming`. Parts of one that was given up, and parts that are here already or too early, do nothing. */
  part(incoming: IncomingSnapshot, bytes: Uint8Array, nowMs: number): SnapshotProgress | LinkDropReason {
    const part = decodePart(bytes);
    if (!part) return "frame-malformed";
    const current = this.#current;
    if (incoming !== current) return NOTHING;
    if (part.offset + part.bytes.length > current.dataBytes) return "message-too-large";
    if (part.offset === current.haveBytes) {
      current.data.set(part.bytes, part.offset);
      current.hash.update(part.bytes);
      current.haveBytes += part.bytes.length;
    }
    if (current.haveBytes < current.dataBytes) return this.#progress(current, nowMs);
    if (equalBytes(current.hash.digest(), current.digest)) return this.#progress(current, nowMs);
    this.#current = undefined;
    return "snapshot-corrupt";
  }

  #progress(current: Current, nowMs: number): SnapshotProgress {
    current.touchedMs = nowMs;
    const { digest, dataBytes, haveBytes, head, data } = current;
    const have = { digest, bytes: haveBytes };
    if (haveBytes < dataBytes) return { have, message: undefined };
    this.#current = undefined;
    this.#done = { digest, dataBytes, term: head.term, atMs: nowMs };
    return { have, message: { ...head, snapshot: { ...head.snapshot, data } } };
  }
}

function isSame(a: IncomingSnapshot, b: IncomingSnapshot): boolean {
  return a.dataBytes === b.dataBytes && equalBytes(a.digest, b.digest);
}
