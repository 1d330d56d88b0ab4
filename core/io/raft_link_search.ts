/**
 * How a member is found: where it may listen, best first, and a connection over the first address that answers.
 *
 * The mesh's own record of a member comes first; behind it comes what the member says of itself when it connects to this
 * side, which may be newer than any record.
 *
 * @module
 */
import type { PublicKey } from "../keys/public_key.ts";
import type { LinkContext, LinkMember } from "./raft_link_context.ts";
import { dialMember, type OutgoingConnection } from "./raft_link_dial.ts";
import { LINK_ADDRESSES_MAX, type LinkAddress } from "./raft_link_limits.ts";
import { DialFailure } from "./raft_link_socket.ts";
import { staggeredRace } from "./staggered_race.ts";

/** What a search is made of. */
export interface LinkSearchParts {
  readonly context: LinkContext;
  readonly member: LinkMember;
  /** Where the member itself has said that it listens. */
  readonly advertised: readonly LinkAddress[];
  /** Called with each sign of life on a connection that was found. */
  readonly onSign: () => void;
  /** Ends the search. */
  readonly signal: AbortSignal;
}

/** Looks for one member. */
export class LinkSearch {
  readonly #parts: LinkSearchParts;
  member: LinkMember;
  advertised: readonly LinkAddress[];

  constructor(parts: LinkSearchParts) {
    this.#parts = parts;
    this.member = parts.member;
    this.advertised = parts.advertised;
  }

  /** Tries all addresses. Complains, and returns nothing, if none will do; silent if it was ended. */
  run(): Promise<OutgoingConnection | undefined> {
    return this.#connect(this.#candidates());
  }

  /** Tries the addresses in front of `current`, if there are any. */
  async runBefore(current: LinkAddress): Promise<OutgoingConnection | undefined> {
    const candidates = this.#candidates();
    const place = candidates.findIndex((candidate) => isSame(candidate, current));
    return place === 0 ? undefined : await this.#connect(candidates.slice(0, place < 0 ? undefined : place));
  }

  /** Tries addresses in order, the next one while the one before still thinks. */
  async #connect(candidates: readonly LinkAddress[]): Promise<OutgoingConnection | undefined> {
    const { context, onSign, signal } = this.#parts;
    const { member } = this;
    const dials = candidates.map((address) => (lost: AbortSignal) =>
      dialMember(context, member, address, onSign, lost)
    );
    const { staggerMs } = context.parts.timings;
    const { won, lost } = await staggeredRace<OutgoingConnection, DialFailure>(dials, isFailure, staggerMs, signal);
    if (won || signal.aborted) return won;
    // Whoever answers and is refused says more than an address where nobody is.
    const failure = lost.findLast(({ reason }) => reason !== "unreachable") ?? lost.at(-1) ??
      new DialFailure("unreachable", "it has no address");
    const addresses = candidates.map(textOf).join(",");
    context.complain(member.raftId, failure.reason, { peer: member.raftId, addresses, why: failure.why });
    return undefined;
  }

  /** The member's addresses, then those it advertises. */
  #candidates(): readonly LinkAddress[] {
    const { member: { addresses }, advertised } = this;
    const others = advertised.filter((one) => !addresses.some((known) => isSame(known, one)));
    return [...addresses.slice(0, LINK_ADDRESSES_MAX), ...others.slice(0, LINK_ADDRESSES_MAX)];
  }
}

/**
 * Where members have said that they listen, whether there is a link to them or not: one that is made later finds them there.
 * Holds at most {@linkcode LINK_ADDRESSES_MAX} addresses of each member, and nothing of anybody else.
 */
export class AdvertisedAddresses {
  readonly #known = new Map<number, { readonly publicKey: PublicKey; readonly addresses: readonly LinkAddress[] }>();

  /** How many members have said anything. */
  get membersCount(): number {
    return this.#known.size;
  }

  /** `member`, authenticated, says that it listens there. */
  heard(member: LinkMember | undefined, addresses: readonly LinkAddress[]): void {
    if (!member) return;
    const { raftId, publicKey } = member;
    this.#known.set(raftId, { publicKey, addresses: addresses.slice(0, LINK_ADDRESSES_MAX) });
  }

  /** What `raftId` said last. */
  of(raftId: number): readonly LinkAddress[] {
    return this.#known.get(raftId)?.addresses ?? [];
  }

  /** Forgets all who are no members, or have another key now. */
  keep(members: ReadonlyMap<number, LinkMember>): void {
    for (const [raftId, { publicKey }] of this.#known) {
      if (!members.get(raftId)?.publicKey.equals(publicKey)) this.#known.delete(raftId);
    }
  }
}

/** `10.0.0.1:9443`, `[fd00::1]:9443`. */
export function textOf({ host, port }: LinkAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isFailure(result: OutgoingConnection | DialFailure): result is DialFailure {
  return result instanceof DialFailure;
}

function isSame(a: LinkAddress, b: LinkAddress): boolean {
  return a.host === b.host && a.port === b.port;
}
