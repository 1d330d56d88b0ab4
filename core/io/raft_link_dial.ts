/**
 * Opening a connection to a member: the dial, and the dialer's side of the handshake.
 *
 * @module
 */
import { equalBytes } from "../bytes/constant_time.ts";
import { delay } from "./alarm.ts";
import { LINK_MAC_BYTES } from "./raft_link_authenticator.ts";
import type { LinkContext, LinkMember } from "./raft_link_context.ts";
import { type Frame, FrameSealer, ReceiveBuffer } from "./raft_link_frame.ts";
import { decodeGreeting, encodeHello, GREETING_BYTES, LINK_NONCE_BYTES, transcriptOf } from "./raft_link_hello.ts";
import { LINK_ADDRESSES_MAX, type LinkAddress, type LinkDropReason } from "./raft_link_limits.ts";
import { DialFailure, dialSocket, type LinkSocket } from "./raft_link_socket.ts";

/** More than greeting and welcome before the handshake is done ends the connection. */
export const HANDSHAKE_BYTES_MAX = 1024;

/** A connection to a member that has proved itself. */
export class OutgoingConnection implements Disposable {
  readonly address: LinkAddress;
  readonly #socket: LinkSocket;
  readonly #sealer: FrameSealer;

  constructor(address: LinkAddress, socket: LinkSocket, sealer: FrameSealer) {
    this.address = address;
    this.#socket = socket;
    this.#sealer = sealer;
  }

  get isClosed(): boolean {
    return this.#socket.isClosed;
  }

  /** Resolves when it is gone. */
  get closed(): Promise<void> {
    return this.#socket.closed;
  }

  /** Writes frames. Borrows. See {@linkcode LinkSocket.write} for when to wait. */
  write(frames: readonly Frame[]): Promise<void> | undefined {
    return this.#socket.write(this.#sealer.seal(frames));
  }

  /** Closes once what was written is sent. Nothing more is written. */
  finish(): void {
    this.#socket.finish();
  }

  /** Closes now; a write that waits is let go. */
  hangUp(): void {
    this.#socket.destroy();
  }

  /** Closes now, for whoever will not use it again. */
  [Symbol.dispose](): void {
    this.#socket.destroy();
    this.#sealer[Symbol.dispose]();
  }
}

/**
 * Dials `member` at `address`, says hello and checks the welcome.
 *
 * @param onSign Called when the member answers a ping later on.
 */
export async function dialMember(
  context: LinkContext,
  member: LinkMember,
  address: LinkAddress,
  onSign: () => void,
  signal: AbortSignal,
): Promise<OutgoingConnection | DialFailure> {
  const { tls, timings } = context.parts;
  const socket = await dialSocket(address, tls, timings.dialTimeoutMs, signal);
  if (socket instanceof DialFailure) return socket;
  const timer = new AbortController();
  let isLate = false;
  const giveUp = (late: boolean) => {
    if (timer.signal.aborted) return;
    isLate = late;
    socket.destroy();
  };
  delay(timings.handshakeTimeoutMs, AbortSignal.any([timer.signal, signal])).then(
    () => giveUp(true),
    () => giveUp(false),
  );
  const sealer = await handshake(context, member, socket, onSign);
  timer.abort();
  if (typeof sealer !== "string" && !socket.isClosed) return new OutgoingConnection(address, socket, sealer);
  socket.destroy();
  await socket.closed;
  if (typeof sealer === "string") return new DialFailure(isLate ? "handshake-timeout" : sealer);
  sealer[Symbol.dispose]();
  return new DialFailure("connection-lost");
}

async function handshake(
  context: LinkContext,
  member: LinkMember,
  socket: LinkSocket,
  onSign: () => void,
): Promise<FrameSealer | LinkDropReason> {
  const { self, authenticator } = context.parts;
  const incoming = new Incoming(socket, onSign);
  const greeting = await incoming.read(GREETING_BYTES);
  if (!greeting) return incoming.problem;
  const acceptorNonce = decodeGreeting(greeting);
  if (typeof acceptorNonce === "string") return acceptorNonce;
  const body = encodeHello({
    meshId: self.meshId,
    from: self.raftId,
    to: member.raftId,
    nonce: context.randomBytes(LINK_NONCE_BYTES),
    addresses: self.addresses().slice(0, LINK_ADDRESSES_MAX),
  });
  const mac = authenticator.mac(member.publicKey, "hello", transcriptOf(acceptorNonce, body));
  if (!mac) return "bad-mac";
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, body.length + mac.length, true);
  socket.write(transcriptOf(length, body, mac));
  const welcome = await incoming.read(LINK_MAC_BYTES);
  // Whoever does not know us, or is of another mesh, closes without a word.
  if (!welcome) return incoming.problem;
  const transcript = transcriptOf(acceptorNonce, body, mac);
  const expected = authenticator.mac(member.publicKey, "welcome", transcript);
  if (!expected || !equalBytes(expected, welcome)) {
    const notice = authenticator.mac(member.publicKey, "left-behind", transcript);
    if (!notice || !equalBytes(notice, welcome)) return "bad-mac";
    context.parts.onLeftBehind?.();
    return "left-behind";
  }
  const key = authenticator.sessionKey(member.publicKey, transcript);
  if (!key) return "bad-mac";
  incoming.open();
  return new FrameSealer(key, context.frameMemory);
}

/** What the acceptor sends: greeting and welcome, then a byte for each ping. */
class Incoming {
  readonly #socket: LinkSocket;
  readonly #buffer = new ReceiveBuffer();
  readonly #onSign: () => void;
  #isOpen = false;
  #onMore: () => void = () => {};
  /** Why there is nothing more to read. */
  problem: LinkDropReason = "connection-lost";

  constructor(socket: LinkSocket, onSign: () => void) {
    this.#socket = socket;
    this.#onSign = onSign;
    socket.receive((bytes) => this.#received(bytes));
    socket.closed.then(() => this.#onMore());
  }

  /** The next bytes; `undefined` if the connection ends before. */
  async read(length: number): Promise<Uint8Array | undefined> {
    while (this.#buffer.length < length && !this.#socket.isClosed) {
      await new Promise<void>((resolve) => this.#onMore = resolve);
    }
    return this.#buffer.take(length);
  }

  /** From now on every byte is a sign of life. */
  open(): void {
    this.#isOpen = true;
  }

  #received(bytes: Uint8Array): void {
    if (this.#isOpen) return this.#onSign();
    this.#buffer.push(bytes);
    if (this.#buffer.length > HANDSHAKE_BYTES_MAX) {
      this.problem = "handshake-malformed";
      this.#socket.destroy();
    }
    this.#onMore();
  }
}
