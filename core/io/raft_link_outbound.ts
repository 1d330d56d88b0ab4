/**
 * The way to one member: a connection that this side opens, and what waits for it.
 *
 *  1. The first message starts the link; from then on it is kept for as long as the member is one.
 *  2. All candidate addresses are tried, see `raft_link_search.ts`. When all fail, what waits is dropped and the node is told;
 *     the next attempt comes after a pause that doubles, or as soon as the member connects to this side.
 *  3. While connected, pings find out whether the other side lives, unless it answers what it is sent. They go along with
 *     messages, or with pings of the other side, where there are any. Each loss of the connection is told.
 *  4. While connected over another address than the first, the better ones are tried now and then. A better connection
 *     takes over between two writes, never in the middle of a snapshot, and the old one still sends what it was given.
 *
 *  5. A member that connects to this side may have just started, and know nothing of an older connection to it: until that
 *     shows a sign of life, nothing more is entrusted to it, and a new one is made. A vote that is written into a
 *     connection to nobody is found missing an election timeout later.
 *
 * @module
 */
import { encodeMessage, messageBytes, messageBytesMax } from "../raft/codec.ts";
import type { InstallSnapshot, PeerMessage } from "../raft/message.ts";
import type { Random } from "../seams/random.ts";
import { Alarm, delay } from "./alarm.ts";
import type { LinkContext, LinkMember } from "./raft_link_context.ts";
import type { OutgoingConnection } from "./raft_link_dial.ts";
import { type Frame, FrameType } from "./raft_link_frame.ts";
import type { LinkAddress, LinkDropReason, LinkTimings } from "./raft_link_limits.ts";
import { LinkQueue } from "./raft_link_queue.ts";
import { LinkSearch, textOf } from "./raft_link_search.ts";
import { encodeHave, type SnapshotHave } from "./raft_link_snapshot.ts";
import { snapshotDigest } from "./raft_link_snapshot_out.ts";

const PING: Frame = { type: FrameType.ping, bytes: new Uint8Array() };
/** Where something went, or a ping came, in the last such part of the interval, a ping waits for so long for the next to go along. */
const COMPANY_SHARE = 1 / 4;
/** A look at the link may come so much of the interval later, when something else wakes this thread anyway. */
const SLACK_SHARE = 1 / 4;
/** The member's ping takes one along that would be due after less than this part of the interval. */
const TAKEN_ALONG_SHARE = 1 / 2;

/** How a link is. */
export type OutboundState =
  | { readonly kind: "idle" | "dialing" | "waiting" }
  | { readonly kind: "connected"; readonly address: LinkAddress };

/** The pause after `failuresCount` failed attempts, at least one: half of it fixed, half by chance. */
export function backoffMs(failuresCount: number, timings: LinkTimings, random: Random): number {
  const fullMs = Math.min(timings.backoffFirstMs * 2 ** (failuresCount - 1), timings.backoffLastMs);
  return fullMs / 2 + fullMs / 2 * (random.u32() / 0x1_0000_0000);
}

/** The link to one member. */
export class OutboundLink implements AsyncDisposable {
  readonly #context: LinkContext;
  readonly #queue = new LinkQueue();
  readonly #stop = new AbortController();
  readonly #alarm: Alarm;
  readonly #search: LinkSearch;
  #running: Promise<void> | undefined;
  #connection: OutgoingConnection | undefined;
  /** A connection over a better address, until it takes over; and the search for one. */
  #better: OutgoingConnection | undefined;
  #improving: Promise<void> | undefined;
  /** Since when the connection may be one that the member knows nothing of; what is sent waits. */
  #doubtedMs: number | undefined;
  #adoptedMs = 0;
  /** Former connections that still send. */
  readonly #finishing = new Set<OutgoingConnection>();
  #isPausing = false;
  #lastSignMs = 0;
  /** When a ping goes, unless the member answers something before. */
  #pingDueMs = 0;
  #improveDueMs = 0;
  /** When there is something to look after: a ping, the end of patience, better addresses, a snapshot's answer. */
  #lookDueMs = Infinity;
  /** When a message went, or a ping of the member's came. */
  #companyMs = -Infinity;
  /** A write waits for room. */
  #isBlocked = false;
  #wake: () => void = () => {};
  #endPause: () => void = () => {};

  /** @param advertised Where the member itself has said that it listens. */
  constructor(context: LinkContext, member: LinkMember, advertised: readonly LinkAddress[] = []) {
    this.#context = context;
    const onSign = () => this.#lastSignMs = context.nowMs;
    this.#search = new LinkSearch({ context, member, advertised, onSign, signal: this.#stop.signal });
    const { clock, timings } = context.parts;
    this.#alarm = new Alarm(clock, () => this.#onAlarm(), timings.pingIntervalMs * SLACK_SHARE);
  }

  get state(): OutboundState {
    if (this.#connection) return { kind: "connected", address: this.#connection.address };
    return { kind: this.#isPausing ? "waiting" : this.#running ? "dialing" : "idle" };
  }

  /** What waits to be sent. */
  get queue(): { readonly messagesCount: number; readonly bytes: number } {
    return this.#queue;
  }

  get member(): LinkMember {
    return this.#search.member;
  }

  /** The member's addresses may be new; its key is the same. */
  setMember(member: LinkMember): void {
    this.#search.member = member;
    this.#endPause();
  }

  /** The member is there: it has just connected to this side, and said where it listens. */
  heardFrom(advertised: readonly LinkAddress[]): void {
    this.#search.advertised = advertised;
    this.#endPause();
    const { nowMs, parts: { timings } } = this.#context;
    // A younger connection is the answer to one from there; two sides must not renew each other for ever.
    const isOld = this.#connection && nowMs - this.#adoptedMs > timings.dialTimeoutMs;
    if (isOld && !this.#better && !this.#queue.isInSnapshot) this.#improving ??= this.#renew();
  }

  /** The member has answered a message: it lives, and is reached. In doubt it may have been another connection that did. */
  heardAnswer(): void {
    if (this.#doubtedMs !== undefined) return;
    const { nowMs, parts: { timings } } = this.#context;
    this.#lastSignMs = nowMs;
    this.#pingDueMs = nowMs + timings.pingIntervalMs;
  }

  /** The member has sent a ping: both sides wake up once for both. */
  heardPing(): void {
    const { nowMs, parts: { timings } } = this.#context;
    if (!this.#connection || this.#pingDueMs - nowMs > timings.pingIntervalMs * TAKEN_ALONG_SHARE) return;
    this.#companyMs = nowMs;
    this.#pingDueMs = nowMs;
    this.#lookDueMs = nowMs;
    this.#wake();
  }

  /** Connects, although there is nothing to say yet. */
  greet(): void {
    this.#running ??= this.#run();
  }

  /** Queues a message. Borrows it. */
  send(message: PeerMessage): void {
    const { raftId } = this.member;
    const bytes = messageBytes(message);
    if (bytes > messageBytesMax(message.kind)) {
      this.#context.complain(raftId, "message-unsendable", { peer: raftId, kind: message.kind, bytes });
      return this.#context.unreachable(raftId);
    }
    const droppedCount = message.kind === "snapshot"
      ? this.#pushSnapshot(message)
      : this.#queue.push(encodeMessage(message));
    if (droppedCount > 0) this.#lost("queue-full", droppedCount);
    this.#running ??= this.#run();
    this.#wake();
  }

  /** Tells the member how much is here of a snapshot that it sends. */
  sendHave(have: SnapshotHave): void {
    this.#queue.pushHave(encodeHave(have));
    this.#running ??= this.#run();
    this.#wake();
  }

  /** The member says how much it has of a snapshot. */
  heardHave(have: SnapshotHave): void {
    const { snapshot } = this.#queue;
    if (!snapshot?.receiverHas(have, this.#context.nowMs)) return;
    this.#context.parts.onSnapshotMoved?.(this.member.raftId);
    if (snapshot.isDone) {
      this.#queue.endSnapshot();
      this.#context.messagesSentCount++;
    }
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake();
    this.#endPause();
    await this.#running;
    await this.#improving;
    const former = [...this.#finishing];
    for (const connection of former) connection.hangUp();
    await Promise.all(former.map(({ closed }) => closed));
    this.#alarm[Symbol.dispose]();
  }

  #pushSnapshot(message: InstallSnapshot): number {
    const droppedCount = this.#queue.pushSnapshot(message);
    const { snapshot } = this.#queue;
    snapshotDigest(message.snapshot.data).then((digest) => {
      if (!snapshot) return;
      snapshot.digest = digest;
      this.#wake();
    });
    return droppedCount;
  }

  async #run(): Promise<void> {
    const { parts: { timings, random } } = this.#context;
    let failuresCount = 0;
    while (!this.#stop.signal.aborted) {
      const connection = await this.#search.run();
      if (connection) {
        const startedMs = this.#context.nowMs;
        await this.#serve(connection);
        if (this.#context.nowMs - startedMs > timings.backoffLastMs) failuresCount = 0;
      }
      if (this.#stop.signal.aborted) return;
      const droppedCount = this.#queue.clear();
      // Something may have been on its way on a connection that is lost.
      if (connection) this.#lost("connection-lost", Math.max(droppedCount, 1));
      else if (droppedCount > 0) this.#lost("unreachable", droppedCount);
      failuresCount++;
      await this.#pause(backoffMs(failuresCount, timings, random));
    }
  }

  /** Sends what comes until the connection is lost or the link is no longer wanted. */
  async #serve(first: OutgoingConnection): Promise<void> {
    let connection = this.#adopt(first);
    while (!this.#stop.signal.aborted) {
      if (connection.isClosed && this.#doubtedMs !== undefined) await this.#improving;
      if (this.#better && !this.#queue.isInSnapshot) {
        this.#finish(connection);
        connection = this.#adopt(this.#better);
        this.#better = undefined;
      }
      if (connection.isClosed) break;
      const isLookDue = this.#context.nowMs >= this.#lookDueMs;
      if (isLookDue && !this.#look(connection)) {
        await connection.closed;
        continue;
      }
      const frames = this.#nextFrames();
      if (isLookDue) this.#armLook();
      if (frames.length === 0) {
        await new Promise<void>((resolve) => this.#wake = resolve);
        continue;
      }
      const room = connection.write(frames);
      if (room) {
        this.#isBlocked = true;
        await room;
        this.#isBlocked = false;
        // To make room, the other side's system has acknowledged something.
        this.#lastSignMs = this.#context.nowMs;
      } else if (this.#queue.isInSnapshot) {
        // Sealing a long snapshot must not keep the event loop.
        await delay(0);
      }
    }
    this.#connection = undefined;
    this.#alarm.arm(Infinity);
    connection[Symbol.dispose]();
    this.#better?.[Symbol.dispose]();
    await Promise.all([connection.closed, this.#better?.closed]);
    this.#better = undefined;
  }

  /** Lets a connection send what it was given. */
  #finish(connection: OutgoingConnection): void {
    connection.finish();
    this.#finishing.add(connection);
    connection.closed.then(() => {
      this.#finishing.delete(connection);
      connection[Symbol.dispose]();
    });
  }

  #adopt(connection: OutgoingConnection): OutgoingConnection {
    const { nowMs, parts: { timings, log } } = this.#context;
    log.debug("raft link up", { peer: this.member.raftId, address: textOf(connection.address) });
    this.#connection = connection;
    this.#adoptedMs = nowMs;
    this.#lastSignMs = nowMs;
    this.#pingDueMs = nowMs + timings.pingIntervalMs;
    this.#improveDueMs = nowMs + timings.improveIntervalMs;
    this.#armLook();
    connection.closed.then(() => this.#wake());
    return connection;
  }

  /** What goes into the next write; empty if there is nothing to say. */
  #nextFrames(): Frame[] {
    const { nowMs, parts: { timings } } = this.#context;
    const isDoubted = this.#doubtedMs !== undefined && this.#lastSignMs <= this.#doubtedMs;
    const frames = isDoubted ? [] : this.#queue.takeBatch(nowMs);
    for (const { type } of frames) if (type === FrameType.message) this.#context.messagesSentCount++;
    if (frames.length > 0) this.#companyMs = nowMs;
    if (nowMs < this.#pingDueMs) return frames;
    this.#pingDueMs = nowMs + timings.pingIntervalMs;
    return [PING, ...frames];
  }

  #onAlarm(): void {
    if (!this.#connection) return;
    if (!this.#isBlocked) return this.#wake();
    // The ping waits for the write before it; the silence must be looked at all the same.
    if (this.#look(this.#connection)) this.#armLook();
  }

  /** @returns False if the connection is given up. */
  #look(connection: OutgoingConnection): boolean {
    const { nowMs, parts: { timings } } = this.#context;
    if (nowMs - this.#lastSignMs >= timings.silenceMaxMs) {
      const { raftId } = this.member;
      this.#context.complain(raftId, "silent", { peer: raftId, addresses: textOf(connection.address) });
      connection.hangUp();
      return false;
    }
    if (nowMs >= this.#improveDueMs) {
      this.#improveDueMs = nowMs + timings.improveIntervalMs;
      // One that waits for the end of a snapshot is enough: more would push the snapshot's connection out.
      if (!this.#better) this.#improving ??= this.#improve(connection.address);
    }
    if (!this.#queue.snapshot?.nudge(nowMs, timings.silenceMaxMs)) this.#giveUpSnapshot();
    return true;
  }

  #giveUpSnapshot(): void {
    if (!this.#queue.snapshot) return;
    this.#queue.endSnapshot();
    this.#lost("snapshot-unanswered", 1);
  }

  /** Where there is traffic, the look comes with a message before the alarm rings for a ping. */
  #armLook(): void {
    const { nowMs, parts: { timings: { pingIntervalMs, silenceMaxMs } } } = this.#context;
    const soonMs = nowMs + pingIntervalMs / 2;
    const isPingToCome = this.#pingDueMs > nowMs && !(this.#queue.snapshot && this.#pingDueMs > soonMs);
    const pingDueMs = isPingToCome ? this.#pingDueMs : soonMs;
    const otherDueMs = Math.min(this.#lastSignMs + silenceMaxMs, this.#improveDueMs);
    this.#lookDueMs = Math.min(pingDueMs, otherDueMs);
    const companyMs = pingIntervalMs * COMPANY_SHARE;
    const waitMs = nowMs - this.#companyMs < companyMs ? companyMs : 0;
    this.#alarm.arm(Math.min(pingDueMs + waitMs, otherDueMs));
  }

  /** Looks for a connection over a candidate in front of `current`. */
  async #improve(current: LinkAddress): Promise<void> {
    const better = await this.#search.runBefore(current);
    this.#improving = undefined;
    if (!better) return;
    if (!this.#connection || this.#stop.signal.aborted) return better[Symbol.dispose]();
    this.#better = better;
    this.#wake();
  }

  /** Makes a new connection; what waited goes over it, or over the old one if there is no other. */
  async #renew(): Promise<void> {
    this.#doubtedMs = this.#context.nowMs;
    this.#pingDueMs = this.#doubtedMs;
    this.#lookDueMs = this.#doubtedMs;
    this.#wake();
    const renewed = await this.#search.run();
    const hasAnswered = this.#lastSignMs > this.#doubtedMs;
    this.#improving = undefined;
    this.#doubtedMs = undefined;
    if (renewed && (!this.#connection || this.#stop.signal.aborted)) renewed[Symbol.dispose]();
    else if (renewed) {
      this.#better = renewed;
      // Nobody takes what it was given: it would try for minutes.
      if (!hasAnswered) this.#connection?.hangUp();
    }
    this.#wake();
  }

  async #pause(pauseMs: number): Promise<void> {
    const end = new AbortController();
    this.#endPause = () => end.abort();
    this.#isPausing = true;
    await delay(pauseMs, AbortSignal.any([end.signal, this.#stop.signal])).catch(() => {});
    this.#isPausing = false;
    this.#endPause = () => {};
  }

  #lost(reason: LinkDropReason, messagesCount: number): void {
    this.#context.drop(reason, messagesCount);
    this.#context.unreachable(this.member.raftId);
  }
}
