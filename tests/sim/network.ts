/**
 * The network between members: every directed link delays, loses, doubles, reorders and clogs by itself, can be cut in one
 * direction, and may bring back packets from long ago.
 *
 * Members talk over connections that keep order; this network need not, because the protocol must not rely on it.
 *
 * @module
 */
import { Slab } from "../../core/bytes/slab.ts";
import { decodeMessage, encodeMessage, messageBytes } from "../../core/raft/codec.ts";
import type { PeerMessage } from "../../core/raft/message.ts";
import type { Chance } from "./chance.ts";
import type { NetworkPlan } from "./plan.ts";

/** Packets that are kept to be brought back. */
const REMEMBERED_COUNT = 512;

/** What a network needs of its world. */
export interface NetworkHost {
  readonly nowUs: number;
  /** Lets a packet arrive after a time in microseconds. */
  deliverAfter(delayUs: number, message: PeerMessage): void;
  /** Tells `from`, after a time, that something to `to` was lost. */
  tellLossAfter(delayUs: number, from: number, to: number): void;
}

interface Link {
  isCut: boolean;
  cloggedUntilUs: number;
  /** When the last packet of this link arrives, if it keeps order. */
  lastUs: number;
}

/** What becomes of a packet in a scenario: taken out, or let through. */
export type Interceptor = (message: PeerMessage) => "pass" | "drop";

/** See the module. */
export class Network {
  readonly #host: NetworkHost;
  readonly #plan: NetworkPlan;
  readonly #chance: Chance;
  readonly #links = new Map<number, Link>();
  readonly #remembered: PeerMessage[] = [];
  #rememberAt = 0;
  /** Nothing is lost, doubled or late any more, except what is cut. */
  isHealed = false;
  /** Looks at every packet first; for scenarios. */
  intercept: Interceptor = () => "pass";
  sentCount = 0;

  constructor(host: NetworkHost, plan: NetworkPlan, chance: Chance) {
    this.#host = host;
    this.#plan = plan;
    this.#chance = chance;
  }

  /** Takes a packet. */
  send(message: PeerMessage): void {
    this.sentCount++;
    if (this.intercept(message) === "drop") return;
    const sent = this.#plan.isEncoded ? recoded(message) : message;
    this.#remember(sent);
    const link = this.#link(sent.from, sent.to);
    if (link.isCut || this.#isLost(sent)) return this.#lose(sent);
    this.#carry(sent, link, 0);
    if (!this.isHealed && this.#chance.happens(this.#plan.duplicate)) {
      this.#carry(sent, link, this.#chance.exponential(20 * (this.#plan.delayMinUs + this.#plan.delayMeanUs)));
    }
  }

  /** Cuts or mends the way from one member to another. */
  setCut(from: number, to: number, isCut: boolean): void {
    this.#link(from, to).isCut = isCut;
  }

  /** Whether packets from one member reach the other. */
  isCut(from: number, to: number): boolean {
    return this.#link(from, to).isCut;
  }

  /** Mends everything that is cut, and lets go of what is clogged. */
  mendAll(): void {
    for (const link of this.#links.values()) {
      link.isCut = false;
      link.cloggedUntilUs = 0;
    }
  }

  /** Holds up what is sent from one member to the other from now on. */
  clog(from: number, to: number, untilUs: number): void {
    this.#link(from, to).cloggedUntilUs = untilUs;
  }

  /** Brings back some packet of the past. */
  replay(): PeerMessage | undefined {
    const message = this.#chance.pick(this.#remembered);
    if (message !== undefined) this.#host.deliverAfter(this.#delayUs(), message);
    return message;
  }

  #carry(message: PeerMessage, link: Link, extraUs: number): void {
    const { nowUs } = this.#host;
    let arrivesUs = Math.max(nowUs, link.cloggedUntilUs) + this.#delayUs() + extraUs;
    if (this.#plan.isOrdered) arrivesUs = link.lastUs = Math.max(arrivesUs, link.lastUs);
    this.#host.deliverAfter(arrivesUs - nowUs, message);
  }

  #delayUs(): number {
    const { delayMinUs, delayMeanUs } = this.#plan;
    if (delayMeanUs === 0) return delayMinUs;
    return delayMinUs + this.#chance.exponential(this.isHealed ? Math.min(delayMeanUs, delayMinUs) : delayMeanUs);
  }

  #isLost(message: PeerMessage): boolean {
    if (this.isHealed) return false;
    return this.#chance.happens(message.kind === "snapshot" ? this.#plan.snapshotLoss : this.#plan.loss);
  }

  #lose(message: PeerMessage): void {
    if (this.#chance.happens(this.#plan.tellsLoss)) {
      this.#host.tellLossAfter(this.#delayUs(), message.from, message.to);
    }
  }

  #remember(message: PeerMessage): void {
    this.#remembered[this.#rememberAt++ % REMEMBERED_COUNT] = message;
  }

  #link(from: number, to: number): Link {
    const key = from * 1024 + to;
    let link = this.#links.get(key);
    if (link === undefined) this.#links.set(key, link = { isCut: false, cloggedUntilUs: 0, lastUs: 0 });
    return link;
  }
}

/** Messages on their way. */
const SLAB = new Slab();

/** The message as the other side reads it. */
function recoded(message: PeerMessage): PeerMessage {
  const decoded = decodeMessage(encodeMessage(message, SLAB.take(messageBytes(message))));
  if (typeof decoded === "string") throw new Error(`a message of kind ${message.kind} does not survive: ${decoded}`);
  return decoded;
}
