/**
 * Asks other servers for names that are not the mesh's: one port and one random id for each question, no question twice at a time,
 * answers kept as long as they say.
 *
 * Leaves out: TCP to other servers; an answer that they cut stays cut.
 *
 * @module
 */
import type { Clock, Listen, Random, SocketPeer } from "../../core/mod.ts";
import { IpAddress } from "../../core/mod.ts";
import type { Query } from "./query.ts";
import {
  answerFor,
  hasLooped,
  PATH_MARK_BYTES,
  readUpstreamAnswer,
  type UpstreamAnswer,
  upstreamQuery,
} from "./upstream_answer.ts";
import { EDNS_DO, FLAG_CD } from "./protocol.ts";

/** Questions under way, each with a port of its own. */
export const FORWARDS_IN_FLIGHT_MAX = 128;
/** Clients that wait for these. */
export const FORWARD_WAITERS_MAX = 1_024;
/** Answers kept. */
export const FORWARD_CACHE_MAX = 2_048;
/** Attempts for one question, over all servers in turn. */
export const FORWARD_ATTEMPTS_MAX = 3;
/** How long one server has, in milliseconds. */
export const FORWARD_TIMEOUT_MS = 1_500;

/** What a forwarder needs. */
export interface ForwarderParts {
  readonly upstreams: readonly SocketPeer[];
  readonly listen: Pick<Listen, "udp">;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly random: Random;
  readonly delay: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Told after each question whether a server answered. */
  readonly onOutcome: (isAnswered: boolean) => void;
}

/** Numbers for metrics. */
export interface ForwarderCounts {
  readonly hits: number;
  readonly asked: number;
  readonly failed: number;
  /** Refused because of a limit or a loop. */
  readonly refused: number;
  readonly looped: number;
  /** Datagrams that answered something else. */
  readonly mismatched: number;
}

/** See the module. */
export class Forwarder {
  readonly #parts: ForwarderParts;
  readonly #mark = new Uint8Array(PATH_MARK_BYTES);
  readonly #cache = new Map<string, { readonly answer: UpstreamAnswer; readonly storedMs: number }>();
  readonly #inFlight = new Map<string, Promise<UpstreamAnswer | undefined>>();
  readonly #counts = { hits: 0, asked: 0, failed: 0, refused: 0, looped: 0, mismatched: 0 };
  #waiterCount = 0;
  #nextUpstream = 0;

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
    parts.random.fill(this.#mark);
  }

  get counts(): ForwarderCounts {
    return this.#counts;
  }

  get cacheSize(): number {
    return this.#cache.size;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** The answer for `query`; `undefined` if there is none to be had. Never rejects. */
  async ask(query: Query): Promise<{ readonly bytes: Uint8Array; readonly rcode: number } | undefined> {
    if (hasLooped(query, this.#mark)) {
      this.#counts.looped++;
      return undefined;
    }
    const key = keyOf(query);
    const kept = this.#kept(key);
    if (kept) {
      this.#counts.hits++;
      return { bytes: answerFor(query, kept.answer, kept.ageS), rcode: kept.answer.rcode };
    }
    if (this.#waiterCount >= FORWARD_WAITERS_MAX) return this.#refuse();
    let asking = this.#inFlight.get(key);
    if (!asking) {
      if (this.#inFlight.size >= FORWARDS_IN_FLIGHT_MAX) return this.#refuse();
      asking = this.#askAll(key, query).finally(() => this.#inFlight.delete(key));
      this.#inFlight.set(key, asking);
    }
    this.#waiterCount++;
    try {
      const answer = await asking;
      return answer && { bytes: answerFor(query, answer, 0), rcode: answer.rcode };
    } finally {
      this.#waiterCount--;
    }
  }

  #refuse(): undefined {
    this.#counts.refused++;
    return undefined;
  }

  #kept(key: string): { readonly answer: UpstreamAnswer; readonly ageS: number } | undefined {
    const kept = this.#cache.get(key);
    if (!kept) return undefined;
    const ageS = Math.floor((this.#parts.clock.monotonicMs() - kept.storedMs) / 1000);
    if (ageS < kept.answer.keptS) return { answer: kept.answer, ageS };
    this.#cache.delete(key);
    return undefined;
  }

  async #askAll(key: string, query: Query): Promise<UpstreamAnswer | undefined> {
    const { upstreams, clock, onOutcome } = this.#parts;
    this.#counts.asked++;
    for (let attempt = 0; attempt < FORWARD_ATTEMPTS_MAX; attempt++) {
      const upstream = upstreams[this.#nextUpstream % upstreams.length];
      if (!upstream) break;
      const answer = await this.#askOne(query, upstream);
      if (!answer) {
        // Whoever does not answer is not asked first any more.
        this.#nextUpstream = (this.#nextUpstream + 1) % upstreams.length;
        continue;
      }
      onOutcome(true);
      if (answer.keptS > 0) {
        if (this.#cache.size >= FORWARD_CACHE_MAX) this.#cache.delete(this.#cache.keys().next().value ?? "");
        this.#cache.set(key, { answer, storedMs: clock.monotonicMs() });
      }
      return answer;
    }
    this.#counts.failed++;
    onOutcome(false);
    return undefined;
  }

  /** `undefined` if it does not answer in time. */
  async #askOne(query: Query, upstream: SocketPeer): Promise<UpstreamAnswer | undefined> {
    const { listen, random, delay } = this.#parts;
    const id = random.u32() & 0xffff;
    const { promise, resolve } = Promise.withResolvers<UpstreamAnswer>();
    const done = new AbortController();
    const server = IpAddress.parse(upstream.host);
    try {
      await using port = await listen.udp(
        { host: server?.family === 6 ? "::" : "0.0.0.0", port: 0 },
        (datagram, from) => {
          const sender = IpAddress.parse(from.host);
          const isFromServer = server && sender?.equals(server) && from.port === upstream.port;
          const answer = isFromServer ? readUpstreamAnswer(datagram, query, id) : "not-an-answer";
          if (typeof answer === "string") this.#counts.mismatched++;
          else resolve(answer);
        },
      );
      port.send(upstreamQuery(query, id, this.#mark), upstream);
      return await Promise.race([promise, delay(FORWARD_TIMEOUT_MS, done.signal).then(() => undefined)]);
    } catch {
      // No port is to be had, or the plugin stops.
      return undefined;
    } finally {
      done.abort();
    }
  }
}

/** Questions that have the same answer. */
function keyOf({ question, edns, flags }: Query): string {
  return `${question.type} ${question.class} ${edns?.isDnssecOk ? EDNS_DO : 0} ${flags & FLAG_CD} ${question.name}`;
}
