/**
 * Raft's links to other members, bound before the node has a place in a mesh.
 *
 * @module
 */
import type { CryptoSuite } from "../crypto/suite.ts";
import { systemClock } from "../io/clock.ts";
import { RaftLinks, type RaftLinksOptions, type RaftLinkStats } from "../io/raft_link.ts";
import { NodeAuthenticator } from "../io/raft_link_authenticator.ts";
import { LINK_ADDRESSES_MAX, LINK_TIMINGS, type LinkAddress } from "../io/raft_link_limits.ts";
import { systemRandom } from "../io/random.ts";
import type { TlsMaterial } from "../io/tls_files.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import { PublicKey } from "../keys/public_key.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { PeerMessage } from "../raft/message.ts";
import type { Log } from "../seams/log.ts";
import { formatHostPort, type NodeConfig } from "./config.ts";
import type { LinkMember } from "./link_directory.ts";

/** Who this member is, once that is known. */
export interface LinkPlace {
  readonly meshId: string;
  readonly raftId: number;
  /** Members known before the state has arrived. */
  readonly members: readonly LinkMember[];
}

/** Where messages and losses go. */
export interface LinkReceiver {
  receive(message: PeerMessage): void;
  unreachable(raftId: number): void;
  /** A member has more of the snapshot that it is being sent. */
  snapshotMoved(raftId: number): void;
}

/** See the module. */
export interface NodeLinks extends AsyncDisposable {
  /** The bound TCP port. */
  readonly port: number;
  /** Lets members connect, and connects to them. */
  begin(place: LinkPlace, receiver: LinkReceiver): void;
  /** Connects to these members now; others are connected to when there is something to say. */
  greet(raftIds: readonly number[]): void;
  /** Calls `told` whenever a member proves that the mesh has gone on in a later epoch without this node. */
  whenLeftBehind(told: () => void): void;
  /** Who belonged to earlier epochs of the mesh; they are told so. */
  setLeftBehind(members: readonly { readonly raftId: number; readonly publicKey: string }[]): void;
  /** Who belongs to the mesh from now on. */
  setMembers(members: readonly LinkMember[]): void;
  /** Sends to `message.to`; drops the message if there is no such member or its queue is full. */
  send(message: PeerMessage): void;
  /** Counts since the start. */
  stats(): RaftLinkStats;
  /** When a message of this member last came, on the monotonic clock; `undefined` if none did. */
  heardMs(raftId: number): number | undefined;
}

/** What links are made of. */
export interface LinkOptions {
  readonly config: NodeConfig;
  readonly privateKey: PrivateKey;
  readonly suite: CryptoSuite;
  readonly tls: TlsMaterial | undefined;
  readonly log: Log;
}

/**
 * Binds the Raft port. Nobody is let in before {@linkcode NodeLinks.begin}.
 *
 * @throws {ConfigError} If the address cannot be bound.
 */
export async function openLinks({ config, privateKey, suite, tls, log }: LinkOptions): Promise<NodeLinks> {
  await using stack = new AsyncDisposableStack();
  const self: LinkSelf = {
    raftId: 0,
    meshId: "",
    own: [],
    receiver: undefined,
    onLeftBehind: () => {},
    addresses: () => self.own,
    heardMs: new Map(),
  };
  const options: RaftLinksOptions = {
    listen: [config.raftListen],
    self,
    tls: tls && config.tls.kind === "files" ? { ...tls, mutual: config.tls.mtls } : undefined,
    authenticator: stack.use(new NodeAuthenticator(suite, privateKey)),
    onMessage: (from, message) => {
      // Whoever the handshake let in speaks for itself only.
      if (message.from !== from) return;
      self.heardMs.set(from, systemClock.monotonicMs());
      self.receiver?.receive(message);
    },
    onSnapshotMoved: (raftId) => self.receiver?.snapshotMoved(raftId),
    onUnreachable: (raftId) => self.receiver?.unreachable(raftId),
    onLeftBehind: () => self.onLeftBehind(),
    clock: systemClock,
    random: systemRandom,
    log,
    timings: LINK_TIMINGS,
  };
  const links = stack.use(await RaftLinks.open(options).catch((error) => refuse(config, error)));
  return new BoundLinks(links, self, stack.move());
}

/** This member as the links ask for it; filled in once the node has its place. */
interface LinkSelf {
  raftId: number;
  meshId: string;
  own: readonly LinkAddress[];
  receiver: LinkReceiver | undefined;
  onLeftBehind: () => void;
  addresses: () => readonly LinkAddress[];
  /** By Raft id; members only. */
  readonly heardMs: Map<number, number>;
}

class BoundLinks implements NodeLinks {
  readonly #links: RaftLinks;
  readonly #self: LinkSelf;
  readonly #owned: AsyncDisposableStack;

  constructor(links: RaftLinks, self: LinkSelf, owned: AsyncDisposableStack) {
    this.#links = links;
    this.#self = self;
    this.#owned = owned;
  }

  get port(): number {
    return this.#links.addresses[0]?.port ?? 0;
  }

  begin(place: LinkPlace, receiver: LinkReceiver): void {
    this.#self.raftId = place.raftId;
    this.#self.meshId = place.meshId;
    this.#self.receiver = receiver;
    if (place.members.length > 0) this.setMembers(place.members);
  }

  greet(raftIds: readonly number[]): void {
    for (const raftId of raftIds) this.#links.greet(raftId);
  }

  whenLeftBehind(told: () => void): void {
    this.#self.onLeftBehind = told;
  }

  setLeftBehind(members: readonly { readonly raftId: number; readonly publicKey: string }[]): void {
    this.#links.setLeftBehind(
      new Map(members.flatMap(({ raftId, publicKey }) => {
        const key = PublicKey.fromBase64(publicKey);
        return key ? [[raftId, key] as const] : [];
      })),
    );
  }

  setMembers(members: readonly LinkMember[]): void {
    const limited = members.map((member) => ({ ...member, addresses: member.addresses.slice(0, LINK_ADDRESSES_MAX) }));
    const ids = new Set(members.map(({ raftId }) => raftId));
    for (const raftId of this.#self.heardMs.keys()) if (!ids.has(raftId)) this.#self.heardMs.delete(raftId);
    this.#self.own = limited.find(({ raftId }) => raftId === this.#self.raftId)?.addresses ?? this.#self.own;
    this.#links.setMembers(limited.flatMap(({ publicKey, ...rest }) => {
      const key = PublicKey.fromBase64(publicKey);
      return key ? [{ ...rest, publicKey: key }] : [];
    }));
  }

  send(message: PeerMessage): void {
    this.#links.send(message.to, message);
  }

  stats(): RaftLinkStats {
    return this.#links.stats();
  }

  heardMs(raftId: number): number | undefined {
    return this.#self.heardMs.get(raftId);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

function refuse(config: NodeConfig, error: unknown): never {
  const text = error instanceof Error ? error.message : String(error);
  const address = formatHostPort(config.raftListen);
  if (text.includes("EADDRINUSE")) {
    throw new ConfigError(
      `Cannot listen on ${address} for Raft: the address is in use`,
      "Stop the program that listens there, or choose another address with --raft-listen.",
    );
  }
  throw new ConfigError(`Cannot listen on ${address} for Raft: ${text}`, "Choose another address with --raft-listen.");
}
