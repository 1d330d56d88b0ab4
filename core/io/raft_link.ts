/**
 * Transport between Raft members: one connection in each direction between each pair that talks.
 *
 * A message travels in this order through the files of this folder: `raft_link.ts` (send) -> `raft_link_outbound.ts`
 * (queue, connection) -> `raft_link_frame.ts` (seal) -> `raft_link_socket.ts`, and on the other side socket ->
 * `raft_link_inbound.ts` (open, decode) -> `onMessage`.
 *
 * Members find each other at their mesh addresses first, and at underlay addresses while the tunnel is not up. Both
 * sides prove with their WireGuard keys who they are, and every frame is sealed, so that a stranger can neither speak
 * nor listen, with TLS around it or without.
 *
 * Delivery is best effort: messages may be lost, never damaged, and Raft copes.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { PublicKey } from "../keys/public_key.ts";
import type { PeerMessage } from "../raft/message.ts";
import { LinkContext, type LinkMember, type LinkParts } from "./raft_link_context.ts";
import { InboundLinks } from "./raft_link_inbound.ts";
import type { LinkAddress, LinkDropReason } from "./raft_link_limits.ts";
import { OutboundLink, type OutboundState } from "./raft_link_outbound.ts";
import { AdvertisedAddresses } from "./raft_link_search.ts";
import { type LinkListener, listenSocket } from "./raft_link_socket.ts";

/** Settings of {@linkcode RaftLinks.open}. */
export interface RaftLinksOptions extends LinkParts {
  /** Where to listen; port 0 takes any. */
  readonly listen: readonly LinkAddress[];
}

/** The state of all links. */
export interface RaftLinkStats {
  /** One for each member that was sent anything, by Raft id. */
  readonly outbound: readonly OutboundStats[];
  readonly inboundOpenCount: number;
  readonly inboundHalfOpenCount: number;
  readonly messagesSentCount: number;
  readonly messagesReceivedCount: number;
  readonly drops: Readonly<Partial<Record<LinkDropReason, number>>>;
}

/** The state of the link to one member. */
export interface OutboundStats {
  readonly raftId: number;
  readonly state: OutboundState;
  readonly queuedMessagesCount: number;
  readonly queuedBytes: number;
}

/** All links of this member. */
export class RaftLinks implements AsyncDisposable {
  readonly #context: LinkContext;
  readonly #outbound = new Map<number, OutboundLink>();
  readonly #inbound: InboundLinks;
  readonly #listeners: LinkListener[] = [];
  readonly #advertised = new AdvertisedAddresses();
  /** Links that are being given up. */
  readonly #closing = new Set<Promise<void>>();

  private constructor(parts: LinkParts) {
    this.#context = new LinkContext(parts);
    this.#inbound = new InboundLinks(this.#context, {
      hello: ({ from, addresses }) => {
        this.#advertised.heard(this.#context.members.get(from), addresses);
        this.#outbound.get(from)?.heardFrom(this.#advertised.of(from));
      },
      pinged: (peer) => this.#outbound.get(peer)?.heardPing(),
      answered: (peer) => this.#outbound.get(peer)?.heardAnswer(),
      receivedSnapshot: (peer, have) => this.#link(peer)?.sendHave(have),
      heardHave: (peer, have) => this.#outbound.get(peer)?.heardHave(have),
    });
  }

  /**
   * Starts to listen. Nobody is let in before {@linkcode RaftLinks.setMembers}.
   *
   * @throws {Error} If an address is not this host's, is taken, or the TLS texts cannot be used.
   */
  static async open(options: RaftLinksOptions): Promise<RaftLinks> {
    await using stack = new AsyncDisposableStack();
    const links = stack.use(new RaftLinks(options));
    for (const address of options.listen) {
      links.#listeners.push(await listenSocket(address, options.tls, links.#inbound));
    }
    stack.move();
    return links;
  }

  /** Where this member listens, with the ports that were chosen. */
  get addresses(): readonly LinkAddress[] {
    return this.#listeners.map(({ address }) => address);
  }

  /** Says who the members are; this one among them does no harm. Links to others end. */
  setMembers(members: readonly LinkMember[]): void {
    const { self } = this.#context.parts;
    this.#context.members = new Map(
      members.filter(({ raftId }) => raftId !== self.raftId).map((member) => [member.raftId, member]),
    );
    this.#advertised.keep(this.#context.members);
    for (const [raftId, link] of this.#outbound) {
      const member = this.#context.members.get(raftId);
      if (member?.publicKey.equals(link.member.publicKey)) link.setMember(member);
      else this.#giveUp(raftId, link);
    }
    this.#inbound.membersChanged();
  }

  /** Connects to a member before there is anything to say, so that this side learns early what the other has to say of it. */
  greet(to: number): void {
    this.#link(to)?.greet();
  }

  /** Says who were members in earlier epochs of the mesh: they are told that it has gone on. */
  setLeftBehind(keys: ReadonlyMap<number, PublicKey>): void {
    this.#context.leftBehind = keys;
  }

  /**
   * Sends a message to a member, sooner or later or never. Borrows it; does not wait. To whom it cannot be sent is told
   * through `onUnreachable`, after this turn.
   */
  send(to: number, message: PeerMessage): void {
    assert(to !== this.#context.parts.self.raftId, "A member does not send to itself");
    const link = this.#link(to);
    if (link) return link.send(message);
    this.#context.drop("unknown-member");
    this.#context.unreachable(to);
  }

  /** Counters since the start, and how things are now. */
  stats(): RaftLinkStats {
    const { openCount, halfOpenCount } = this.#inbound.counts;
    return {
      outbound: [...this.#outbound].map(([raftId, { state, queue }]) => ({
        raftId,
        state,
        queuedMessagesCount: queue.messagesCount,
        queuedBytes: queue.bytes,
      })),
      inboundOpenCount: openCount,
      inboundHalfOpenCount: halfOpenCount,
      messagesSentCount: this.#context.messagesSentCount,
      messagesReceivedCount: this.#context.messagesReceivedCount,
      drops: Object.fromEntries(this.#context.drops),
    };
  }

  /** Closes everything; what waits is lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    const listenersClosed = this.#listeners.map((listener) => listener[Symbol.asyncDispose]());
    this.#inbound[Symbol.dispose]();
    for (const [raftId, link] of this.#outbound) this.#giveUp(raftId, link);
    await Promise.all([...listenersClosed, ...this.#closing]);
  }

  /** The link to a member, a new one if there is none; `undefined` if it is no member. */
  #link(raftId: number): OutboundLink | undefined {
    const known = this.#outbound.get(raftId);
    if (known) return known;
    const member = this.#context.members.get(raftId);
    if (!member) return undefined;
    const link = new OutboundLink(this.#context, member, this.#advertised.of(raftId));
    this.#outbound.set(raftId, link);
    return link;
  }

  #giveUp(raftId: number, link: OutboundLink): void {
    this.#outbound.delete(raftId);
    const closing = link[Symbol.asyncDispose]().then(() => void this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
