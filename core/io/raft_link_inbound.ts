/**
 * Connections that other members opened to this one: handshake, frames, and the limits that keep strangers small.
 *
 * @module
 */
import { equalBytes } from "../bytes/constant_time.ts";
import { decodeMessage } from "../raft/codec.ts";
import type { PeerMessage } from "../raft/message.ts";
import { meshEpoch, meshOrigin } from "../state/mesh_epoch.ts";
import { Alarm } from "./alarm.ts";
import type { LinkContext, LinkMember } from "./raft_link_context.ts";
import { type Frame, FrameOpener, FrameType, ReceiveBuffer } from "./raft_link_frame.ts";
import { decodeHave, type SnapshotHave } from "./raft_link_snapshot.ts";
import { type IncomingSnapshot, SnapshotInbox, type SnapshotProgress } from "./raft_link_snapshot_in.ts";
import {
  decodeHello,
  encodeGreeting,
  type Hello,
  LINK_NONCE_BYTES,
  type ReceivedHello,
  transcriptOf,
} from "./raft_link_hello.ts";
import {
  HALF_OPEN_MAX,
  HELLO_BYTES_MAX,
  INBOUND_MAX,
  INBOUND_PER_MEMBER_MAX,
  type LinkDropReason,
} from "./raft_link_limits.ts";
import type { LinkListenerEvents, LinkSocket } from "./raft_link_socket.ts";

/** What answers a ping. */
const PONG = Uint8Array.of(1);

/** Messages that come only because one of this side's has arrived there. */
const ANSWERS: ReadonlySet<PeerMessage["kind"]> = new Set<PeerMessage["kind"]>([
  "append-ack",
  "append-reject",
  "heartbeat-response",
  "pre-vote-response",
  "vote-response",
]);

/** How far a connection is. */
type Stage =
  /** TLS is not done. */
  | { readonly kind: "opening" }
  /** The greeting is sent. */
  | { readonly kind: "greeted"; readonly socket: LinkSocket; readonly nonce: Uint8Array }
  /** The dialer is `peer`, as it was known then. */
  | { readonly kind: "open"; readonly socket: LinkSocket; readonly peer: LinkMember; readonly opener: FrameOpener };

/** One connection. */
interface Inbound {
  readonly id: string;
  readonly close: () => void;
  readonly buffer: ReceiveBuffer;
  stage: Stage;
  /** When it is closed unless something happens. */
  deadlineMs: number;
  /** What parts of a snapshot belong to. */
  snapshot: IncomingSnapshot | undefined;
  isPongWaiting: boolean;
}

/** What the links to members do with what comes in. */
export interface InboundEvents {
  /** A member proved itself; this is what it says of itself. */
  hello(hello: Hello): void;
  /** A member asks for a sign of life, and has got it. */
  pinged(peer: number): void;
  /** A member has answered a message. */
  answered(peer: number): void;
  /** There is so much here of the snapshot that a member sends. */
  receivedSnapshot(peer: number, have: SnapshotHave): void;
  /** A member says how much it has of the snapshot that it is sent. */
  heardHave(peer: number, have: SnapshotHave): void;
}

/** All of them. Disposing closes them; the listeners must be told to stop first. */
export class InboundLinks implements LinkListenerEvents, Disposable {
  readonly #context: LinkContext;
  readonly #events: InboundEvents;
  /** Oldest first. */
  readonly #connections = new Map<string, Inbound>();
  readonly #snapshots = new SnapshotInbox();
  readonly #alarm: Alarm;

  constructor(context: LinkContext, events: InboundEvents) {
    this.#context = context;
    this.#events = events;
    this.#alarm = new Alarm(context.parts.clock, () => this.#closeOverdue());
  }

  /** Open connections, and those whose handshake is not done. */
  get counts(): { readonly openCount: number; readonly halfOpenCount: number } {
    const openCount = [...this.#connections.values()].filter(({ stage }) => stage.kind === "open").length;
    return { openCount, halfOpenCount: this.#connections.size - openCount };
  }

  opened(id: string, close: () => void): void {
    if (this.#connections.size >= INBOUND_MAX) {
      this.#context.complain("strangers", "too-many-connections", { connection: id });
      return close();
    }
    const deadlineMs = this.#context.nowMs + this.#context.parts.timings.handshakeTimeoutMs;
    this.#connections.set(id, {
      id,
      close,
      buffer: new ReceiveBuffer(),
      stage: { kind: "opening" },
      deadlineMs,
      snapshot: undefined,
      isPongWaiting: false,
    });
    const halfOpen = [...this.#connections.values()].filter(({ stage }) => stage.kind !== "open");
    if (halfOpen.length > HALF_OPEN_MAX && halfOpen[0]) this.#close(halfOpen[0], "too-many-connections");
    this.#armAlarm();
  }

  ready(id: string, socket: LinkSocket): void {
    const connection = this.#connections.get(id);
    if (!connection) return socket.destroy();
    const nonce = this.#context.randomBytes(LINK_NONCE_BYTES);
    connection.stage = { kind: "greeted", socket, nonce };
    socket.write(encodeGreeting(nonce));
    socket.receive((bytes) => this.#received(connection, bytes));
  }

  closed(id: string): void {
    const connection = this.#connections.get(id);
    if (!connection) return;
    const isOpen = connection.stage.kind === "open";
    if (connection.buffer.length > 0) this.#context.drop(isOpen ? "frame-truncated" : "handshake-truncated");
    this.#forget(connection);
  }

  tlsRefused(why: string): void {
    this.#context.complain("strangers", "tls-refused", { why });
  }

  /** Closes the connections of whoever is no longer a member, or not with the key that it proved. */
  membersChanged(): void {
    for (const connection of [...this.#connections.values()]) {
      if (connection.stage.kind !== "open") continue;
      const { raftId, publicKey } = connection.stage.peer;
      const isMember = this.#context.members.get(raftId)?.publicKey.equals(publicKey) ?? false;
      if (!isMember) this.#close(connection, "unknown-member");
    }
  }

  [Symbol.dispose](): void {
    this.#alarm[Symbol.dispose]();
    for (const connection of [...this.#connections.values()]) this.#end(connection);
  }

  #received(connection: Inbound, bytes: Uint8Array): void {
    if (!this.#connections.has(connection.id)) return;
    connection.buffer.push(bytes);
    const reason = this.#readHello(connection) ?? this.#readFrames(connection);
    if (reason) this.#close(connection, reason);
  }

  #readHello(connection: Inbound): LinkDropReason | undefined {
    const { stage, buffer } = connection;
    if (stage.kind !== "greeted") return undefined;
    const block = buffer.takeBlock(HELLO_BYTES_MAX);
    if (block === undefined) return undefined;
    if (block === false) return "handshake-malformed";
    const received = decodeHello(block);
    if (typeof received === "string") return received;
    const { hello, body, mac } = received;
    const { self, authenticator } = this.#context.parts;
    if (hello.meshId !== self.meshId) return this.#refuseMesh(connection, stage, received);
    if (hello.to !== self.raftId) return "wrong-addressee";
    const member = this.#context.members.get(hello.from);
    if (!member) return "unknown-member";
    const expected = authenticator.mac(member.publicKey, "hello", transcriptOf(stage.nonce, body));
    if (!expected || !equalBytes(expected, mac)) return "bad-mac";
    const transcript = transcriptOf(stage.nonce, body, mac);
    const welcome = authenticator.mac(member.publicKey, "welcome", transcript);
    const key = authenticator.sessionKey(member.publicKey, transcript);
    if (!welcome || !key) return "bad-mac";
    const opener = new FrameOpener(key, this.#context.frameMemory);
    connection.stage = { kind: "open", socket: stage.socket, peer: member, opener };
    connection.deadlineMs = this.#context.nowMs + this.#context.parts.timings.idleMaxMs;
    stage.socket.write(welcome);
    this.#closeOldest(hello.from);
    this.#armAlarm();
    this.#events.hello(hello);
    return undefined;
  }

  /** Who is of an earlier epoch is told so; it hangs up then, or runs into the deadline. */
  #refuseMesh(
    connection: Inbound,
    { nonce, socket }: Extract<Stage, { kind: "greeted" }>,
    { hello, body, mac }: ReceivedHello,
  ): LinkDropReason | undefined {
    const { self, authenticator } = this.#context.parts;
    const isEarlier = meshOrigin(hello.meshId) === meshOrigin(self.meshId) &&
      meshEpoch(hello.meshId) < meshEpoch(self.meshId);
    const publicKey = isEarlier ? this.#context.leftBehind.get(hello.from) : undefined;
    if (!publicKey || hello.to !== self.raftId) return "wrong-mesh";
    const expected = authenticator.mac(publicKey, "hello", transcriptOf(nonce, body));
    if (!expected || !equalBytes(expected, mac)) return "bad-mac";
    const notice = authenticator.mac(publicKey, "left-behind", transcriptOf(nonce, body, mac));
    if (!notice) return "bad-mac";
    this.#context.complain(hello.from, "left-behind", { connection: connection.id, peer: hello.from });
    connection.stage = { kind: "opening" };
    socket.write(notice);
    return undefined;
  }

  #readFrames(connection: Inbound): LinkDropReason | undefined {
    const { stage, buffer } = connection;
    if (stage.kind !== "open") return undefined;
    for (;;) {
      const frame = stage.opener.next(buffer);
      if (frame === undefined || typeof frame === "string") return frame;
      connection.deadlineMs = this.#context.nowMs + this.#context.parts.timings.idleMaxMs;
      const reason = this.#take(connection, stage.socket, stage.peer.raftId, frame);
      if (reason) return reason;
      // What the message led to may have ended the connection.
      if (!this.#connections.has(connection.id)) return undefined;
    }
  }

  #take(connection: Inbound, socket: LinkSocket, peer: number, { type, bytes }: Frame): LinkDropReason | undefined {
    switch (type) {
      case FrameType.ping:
        this.#pong(connection, socket);
        this.#events.pinged(peer);
        return undefined;
      case FrameType.message:
        return this.#deliver(peer, bytes);
      case FrameType.snapshotOffer:
        return this.#takeOffer(connection, peer, bytes);
      case FrameType.snapshotPart:
        return this.#takePart(connection, peer, bytes);
      case FrameType.snapshotHave: {
        const have = decodeHave(bytes);
        if (!have) return "frame-malformed";
        this.#events.heardHave(peer, have);
        return undefined;
      }
      default:
        return "frame-malformed";
    }
  }

  /** A peer that does not read its answers gets no more of them. */
  #pong(connection: Inbound, socket: LinkSocket): void {
    if (connection.isPongWaiting) return;
    const room = socket.write(PONG);
    if (!room) return;
    connection.isPongWaiting = true;
    room.then(() => connection.isPongWaiting = false);
  }

  #takeOffer(connection: Inbound, peer: number, bytes: Uint8Array): LinkDropReason | undefined {
    const taken = this.#snapshots.offer(peer, bytes, this.#context.nowMs);
    if (typeof taken === "string") return taken;
    connection.snapshot = taken.incoming;
    return this.#continueSnapshot(peer, taken.progress);
  }

  #takePart(connection: Inbound, peer: number, bytes: Uint8Array): LinkDropReason | undefined {
    if (!connection.snapshot) return "frame-malformed";
    const progress = this.#snapshots.part(connection.snapshot, bytes, this.#context.nowMs);
    return typeof progress === "string" ? progress : this.#continueSnapshot(peer, progress);
  }

  #continueSnapshot(peer: number, { have, message }: SnapshotProgress): LinkDropReason | undefined {
    if (have) this.#events.receivedSnapshot(peer, have);
    return message && this.#handOver(peer, message);
  }

  #deliver(peer: number, bytes: Uint8Array): LinkDropReason | undefined {
    const message = decodeMessage(bytes);
    return typeof message === "string" ? message : this.#handOver(peer, message);
  }

  #handOver(peer: number, message: PeerMessage): LinkDropReason | undefined {
    if (message.to !== this.#context.parts.self.raftId) return "wrong-addressee";
    if (message.from !== peer && !this.#mayRelay(message)) return "wrong-sender";
    this.#context.messagesReceivedCount++;
    if (ANSWERS.has(message.kind)) this.#events.answered(peer);
    this.#context.parts.onMessage(peer, message);
    return undefined;
  }

  /** A follower passes on, under the asker's name, what another follower took it for the leader with. */
  #mayRelay({ kind, from }: PeerMessage): boolean {
    const isRelayed = kind === "propose" || kind === "read-index" || kind === "transfer-leader";
    return isRelayed && (this.#context.members.has(from) || from === this.#context.parts.self.raftId);
  }

  /** A member that dials again has lost its connection or has found a better way. */
  #closeOldest(peer: number): void {
    const same = [...this.#connections.values()].filter(({ stage }) =>
      stage.kind === "open" && stage.peer.raftId === peer
    );
    const oldest = same[0];
    if (same.length > INBOUND_PER_MEMBER_MAX && oldest) {
      this.#context.drop("replaced");
      this.#end(oldest);
    }
  }

  #closeOverdue(): void {
    const { nowMs } = this.#context;
    this.#snapshots.expire(nowMs);
    for (const connection of [...this.#connections.values()]) {
      if (connection.deadlineMs > nowMs) continue;
      this.#close(connection, connection.stage.kind === "open" ? "idle" : "handshake-timeout");
    }
    this.#armAlarm();
  }

  #armAlarm(): void {
    let nextMs = this.#snapshots.deadlineMs;
    for (const { deadlineMs } of this.#connections.values()) nextMs = Math.min(nextMs, deadlineMs);
    this.#alarm.arm(nextMs);
  }

  #close(connection: Inbound, reason: LinkDropReason): void {
    const peer = connection.stage.kind === "open" ? connection.stage.peer.raftId : undefined;
    this.#context.complain(peer ?? hostOf(connection.id), reason, { connection: connection.id, peer });
    this.#end(connection);
  }

  #end(connection: Inbound): void {
    this.#forget(connection);
    connection.close();
  }

  #forget(connection: Inbound): void {
    this.#connections.delete(connection.id);
    if (connection.stage.kind === "open") connection.stage.opener[Symbol.dispose]();
  }
}

/** The address of the other side, without its port, so that a port scan makes one line. */
function hostOf(id: string): string {
  return id.slice(0, id.lastIndexOf(":", id.indexOf(" to ")));
}
