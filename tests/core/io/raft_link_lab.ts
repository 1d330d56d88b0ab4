/**
 * Members with keys on the loopback interface, and peers that break the rules.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import net from "node:net";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { systemClock } from "../../../core/io/clock.ts";
import { RaftLinks } from "../../../core/io/raft_link.ts";
import { NodeAuthenticator } from "../../../core/io/raft_link_authenticator.ts";
import { LinkContext, type LinkMember, type LinkParts } from "../../../core/io/raft_link_context.ts";
import { dialMember, type OutgoingConnection } from "../../../core/io/raft_link_dial.ts";
import type { LinkAddress, LinkDropReason, LinkTimings } from "../../../core/io/raft_link_limits.ts";
import { DialFailure, type LinkTls } from "../../../core/io/raft_link_socket.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { InstallSnapshot, PeerMessage } from "../../../core/raft/message.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { MemoryLog } from "../../twins/memory_log.ts";

/**
 * Links that act quickly and lose patience late: a machine that is busy with something else breaks none. A test of a limit
 * sets a short one of its own.
 */
export const FAST: LinkTimings = {
  staggerMs: 100,
  dialTimeoutMs: 20_000,
  handshakeTimeoutMs: 20_000,
  backoffFirstMs: 5,
  backoffLastMs: 50,
  pingIntervalMs: 50,
  silenceMaxMs: 30_000,
  improveIntervalMs: 50,
  idleMaxMs: 60_000,
};

/** Waits for something that takes milliseconds. */
export function soon(what: string, condition: () => boolean): Promise<boolean> {
  return eventually(what, condition, 30_000);
}

/** What a member is made of; links can be opened and closed for it again and again. */
export class Member {
  readonly raftId: number;
  readonly key = PrivateKey.generate(systemRandom);
  readonly log = new MemoryLog();
  readonly received: { from: number; message: PeerMessage }[] = [];
  readonly unreachable: number[] = [];
  /** How often a part of a snapshot that it sends has arrived. */
  movedCount = 0;
  /** Where it listens, once it does. */
  port = 0;

  constructor(raftId: number) {
    this.raftId = raftId;
  }

  /** How others know it. */
  describe(addresses: readonly LinkAddress[] = [loopback(this.port)]): LinkMember {
    return { raftId: this.raftId, publicKey: this.key.publicKey(nobleSuite.x25519), addresses };
  }

  /** Everything links need from a node. */
  parts(overrides: Partial<LinkParts> & { meshId?: string } = {}): LinkParts {
    const { meshId = "mesh-1", ...others } = overrides;
    return {
      self: { raftId: this.raftId, meshId, addresses: () => [] },
      tls: undefined,
      authenticator: new NodeAuthenticator(nobleSuite, this.key),
      onMessage: (from, message) => this.received.push({ from, message }),
      onSnapshotMoved: () => this.movedCount++,
      onUnreachable: (raftId) => this.unreachable.push(raftId),
      clock: systemClock,
      random: systemRandom,
      log: this.log,
      timings: FAST,
      ...others,
    };
  }

  /** Listens, on the same port as the last time. */
  async open(overrides: Partial<LinkParts> & { meshId?: string; tls?: LinkTls } = {}): Promise<RaftLinks> {
    const links = await RaftLinks.open({ ...this.parts(overrides), listen: [loopback(this.port)] });
    this.port = links.addresses[0]?.port ?? 0;
    return links;
  }

  /** Connects to `to` as this member, or says why it did not get so far; the frames are the caller's. */
  async dial(
    to: LinkMember,
    overrides: Partial<LinkParts> & { meshId?: string } = {},
  ): Promise<OutgoingConnection | LinkDropReason> {
    const context = new LinkContext(this.parts(overrides));
    const address = to.addresses[0] ?? loopback(0);
    const result = await dialMember(context, to, address, () => {}, new AbortController().signal);
    return result instanceof DialFailure ? result.reason : result;
  }
}

/** 127.0.0.1 */
export function loopback(port: number): LinkAddress {
  return { host: "127.0.0.1", port };
}

/** A small message with a number in it. */
export function heartbeat(from: number, to: number, round: number): PeerMessage {
  return { kind: "heartbeat", from, to, term: 1, commit: 0, round };
}

/** What a member says to a heartbeat. */
export function answer(from: number, to: number): PeerMessage {
  return { kind: "heartbeat-response", from, to, term: 1, round: 1 };
}

/** The numbers of the heartbeats that a member received. */
export function rounds({ received }: Member): number[] {
  return received.flatMap(({ message }) => message.kind === "heartbeat" ? [message.round] : []);
}

/** A snapshot message from member 1 to member 2. */
export function snapshotOf(dataBytes: number): InstallSnapshot {
  const confState = { voters: [1, 2], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const data = new Uint8Array(dataBytes);
  for (let i = 0; i < dataBytes; i++) data[i] = i * 31;
  return { kind: "snapshot", from: 1, to: 2, term: 4, snapshot: { meta: { index: 9, term: 3, confState }, data } };
}

/** A TCP connection without a protocol. */
export interface RawConnection {
  readonly socket: net.Socket;
  readonly closed: Promise<void>;
  isClosed: boolean;
  /** Bytes so far. */
  readonly received: () => number;
}

/** A plain connection to `port`, closed with the stack. */
export async function connectRaw(stack: AsyncDisposableStack, port: number): Promise<RawConnection> {
  const socket = net.connect(loopback(port));
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let receivedBytes = 0;
  const state = { socket, closed, isClosed: false, received: () => receivedBytes };
  socket.on("error", () => {});
  socket.on("data", (bytes: Uint8Array) => receivedBytes += bytes.length);
  socket.on("close", () => {
    state.isClosed = true;
    resolve();
  });
  stack.defer(async () => {
    socket.destroy();
    await closed;
  });
  await new Promise<void>((resolve) => socket.on("connect", () => resolve()));
  return state;
}

/** A relay that is open. */
export interface Tap extends AsyncDisposable {
  readonly port: number;
  /** Carries nothing more, and lets nobody notice. */
  pause(): void;
  resume(): void;
  /** Bytes that it carried towards `target`. */
  readonly carriedBytes: number;
  /** Closes everything. */
  stop(): Promise<void>;
}

/** A relay to `target` that can stop carrying bytes, and stop altogether. */
export async function openTap(target: number, port = 0): Promise<Tap> {
  const sockets = new Set<net.Socket>();
  let isPaused = false;
  let carriedBytes = 0;
  const server = net.createServer((near) => {
    const far = net.connect(loopback(target));
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("data", (bytes: Uint8Array) => {
        if (from === near) carriedBytes += bytes.length;
        to.write(bytes);
      });
      from.on("end", () => to.end());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      if (isPaused) from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen({ ...loopback(port) }, resolve));
  const address = server.address();
  assert(typeof address === "object" && address);
  const stop = async () => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    const gone = [...sockets].map((socket) => new Promise<void>((resolve) => void socket.on("close", () => resolve())));
    for (const socket of sockets) socket.destroy();
    await Promise.all([closed, ...gone]);
  };
  let isStopped = false;
  return {
    port: address.port,
    get carriedBytes() {
      return carriedBytes;
    },
    stop: () => {
      isStopped = true;
      return stop();
    },
    pause: () => {
      isPaused = true;
      for (const socket of sockets) socket.pause();
    },
    resume: () => {
      isPaused = false;
      for (const socket of sockets) socket.resume();
    },
    [Symbol.asyncDispose]: () => isStopped ? Promise.resolve() : stop(),
  };
}
