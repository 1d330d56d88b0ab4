/**
 * The interceptor: passes calls on to the leader and answers back, undecoded, whatever their kind.
 *
 * A call is forwarded once: the node that gets it answers it, or says that it does not lead. Then nothing was done, and it
 * is sent again to who leads by now. A write that has a name is sent again as well when its answer was lost: the mesh runs
 * it once, and answers again what it answered before. Those that can have a name get one here if the caller gave none.
 *
 * @module
 */
import {
  type Host,
  type LeaderFacts,
  MeshError,
  type NodeRecord,
  PROXIED_FROM_KEY,
  type RawCall,
  type RpcCall,
  type RpcContext,
  type RpcInterceptor,
  type RpcNext,
  WRITE_SESSION_KEY,
} from "../../core/mod.ts";
import { comesFrom, forwardedMetadata, proxiedPeer } from "./caller.ts";
import { Answer, isUnavailable, type ResultCounter } from "./answer.ts";
import type { LeaderProxyConfig } from "./config.ts";
import { AttemptContext, ForwardedContext, NamedContext } from "./context.ts";
import { routeOf, takesName } from "./policy.ts";
import { Replay } from "./replay.ts";

/** What it works with. */
export interface ProxyParts extends LeaderProxyConfig {
  /** This node's id. */
  readonly nodeId: string;
  readonly leader: Host["leader"];
  /** What the mesh knows of a node. */
  readonly nodeOf: (id: string) => Promise<Pick<NodeRecord, "ipv4" | "ipv6"> | undefined>;
  /** Calls sent to the leader, by how they ended. */
  readonly forwarded: ResultCounter;
  readonly clock: Host["clock"];
  readonly random: Host["random"];
  readonly time: Pick<Host["time"], "delay">;
}

/**
 * Calls with a stream of responses or requests that are with the leader at one time; the next one is refused with
 * RESOURCE_EXHAUSTED. They may last for ever, and the connection to the leader has room for 100 calls: a Join must not
 * have to wait behind them.
 */
export const STREAMS_AT_LEADER_MAX = 64;
/** A call is sent to so many leaders, one after the other. */
export const LEADERS_PER_CALL_MAX = 3;
/** Of the caller's time, the leader gets so much where this node could answer as well. */
const PREFERRED_SHARE = 0.5;
/** Random bytes that tell one write from all others. */
const NAME_BYTES = 16;

/** See the module. */
export class Proxy {
  readonly #parts: ProxyParts;
  #streamCount = 0;

  constructor(parts: ProxyParts) {
    this.#parts = parts;
  }

  /** To be put in front of all handlers. */
  readonly interceptor: RpcInterceptor = (call, next) => this.#pass(call, next);

  async *#pass(call: RpcCall, next: RpcNext): AsyncGenerator<Uint8Array> {
    const { context } = call;
    if (context.metadata.has(PROXIED_FROM_KEY)) {
      return yield* next({ ...call, context: await this.#asSeenByCaller(context) });
    }
    const route = routeOf(call);
    if (route === "here" || this.#parts.leader.current()?.isSelf) return yield* next(call);
    const requests = new Replay(call.requests);
    switch (route) {
      case "leader":
        return yield* this.#atLeader(this.#named(call), requests, next);
      case "leader-or-here":
        return yield* this.#preferablyAtLeader(call, requests, next);
      case "here-or-leader":
        return yield* this.#preferablyHere(call, requests, next);
    }
  }

  /** Each write is a client of its own: several may be under way, in any order. */
  #named(call: RpcCall): RpcCall {
    const { context } = call;
    if (!takesName(context.methodPath) || context.metadata.has(WRITE_SESSION_KEY)) return call;
    const bytes = new Uint8Array(NAME_BYTES);
    this.#parts.random.fill(bytes);
    return { ...call, context: new NamedContext(context, WRITE_SESSION_KEY, `${bytes.toHex()}:1`) };
  }

  async *#atLeader(call: RpcCall, requests: Replay, next: RpcNext): AsyncGenerator<Uint8Array> {
    const leader = this.#parts.leader.current() ?? await this.#another(undefined, call.context);
    // Without a leader the handler says what to do about that.
    if (!leader || leader.isSelf) return yield* next({ ...call, requests: requests.open() });
    yield* this.#forward(call, requests, leader, next);
  }

  async *#preferablyAtLeader(call: RpcCall, requests: Replay, next: RpcNext): AsyncGenerator<Uint8Array> {
    const leader = this.#parts.leader.current();
    const attempt: Attempt = { isPreference: true };
    if (leader && !leader.isSelf) {
      try {
        return yield* this.#forward(call, requests, leader, next, attempt);
      } catch (error) {
        if (!attempt.mayGoOnHere || !requests.canOpen || call.context.signal.aborted) throw error;
      }
    }
    yield* next({ ...call, requests: requests.open() });
  }

  async *#preferablyHere(call: RpcCall, requests: Replay, next: RpcNext): AsyncGenerator<Uint8Array> {
    const context = new AttemptContext(call.context);
    try {
      for await (const response of next({ ...call, context, requests: requests.open() })) {
        context.hasBegun = true;
        requests.release();
        yield response;
      }
      context.settle();
    } catch (error) {
      const takesLeader = error instanceof MeshError && error.reason === "not-leader";
      const leader = this.#parts.leader.current();
      if (!takesLeader || context.hasBegun || !requests.canOpen || !leader || leader.isSelf) {
        context.settle();
        throw error;
      }
      yield* this.#forward(call, requests, leader, next);
    }
  }

  /** Sends the call to `leader`, and to who leads afterwards as long as nothing was done. */
  async *#forward(
    call: RpcCall,
    requests: Replay,
    leader: LeaderFacts,
    next: RpcNext,
    attempt: Attempt = { isPreference: false },
  ): AsyncGenerator<Uint8Array> {
    if (call.kind === "unary") return yield* this.#send(call, requests, leader, next, attempt);
    if (this.#streamCount >= STREAMS_AT_LEADER_MAX) {
      throw new MeshError("exhausted", `More than ${STREAMS_AT_LEADER_MAX} streams to the leader at one time`, {
        hint: "Send the request to the leader.",
      });
    }
    this.#streamCount++;
    try {
      yield* this.#send(call, requests, leader, next, attempt);
    } finally {
      this.#streamCount--;
    }
  }

  async *#send(
    call: RpcCall,
    requests: Replay,
    leader: LeaderFacts,
    next: RpcNext,
    attempt: Attempt,
  ): AsyncGenerator<Uint8Array> {
    const { context, kind } = call;
    // Who never sends its request must not take up a place at the leader.
    if (kind === "unary" || kind === "server_streaming") await requests.begun();
    let target = leader;
    for (let count = 1;; count++) {
      let raw: RawCall;
      try {
        raw = this.#call(call, requests, attempt);
      } catch (error) {
        // The lead has just moved to this node, or to nobody.
        if (!(error instanceof MeshError) || error.reason !== "no-leader") throw error;
        return yield* next({ ...call, requests: requests.open() });
      }
      const answer = new Answer(raw, context, this.#parts.forwarded);
      try {
        for await (const response of raw) {
          await answer.begin();
          requests.release();
          yield response;
        }
        await answer.begin();
        for (const [name, value] of await raw.trailers) context.setTrailer(name, value);
        return answer.ended("ok");
      } catch (error) {
        const { endMs = Infinity, isWhole = true } = attempt;
        const isLate = this.#parts.clock.monotonicMs() >= endMs;
        const isAbandoned = requests.hasFailed || context.signal.aborted;
        const result = isAbandoned ? "abandoned" : await answer.resultOf(error, { isLate, isWhole });
        answer.ended(result);
        const isNoAnswer = result === "unreachable" || isUnimplemented(error) || (isLate && !isWhole);
        attempt.mayGoOnHere = isNoAnswer && !await answer.begin();
        // Of a leader that stops, as of one that is gone, nobody knows what it has done.
        const isLost = isUnavailable(error) && takesName(context.methodPath) && !await answer.begin();
        if ((result !== "moved" && !isLost) || !requests.canOpen || count === LEADERS_PER_CALL_MAX) throw error;
        const another = await this.#another(target.nodeId, context) ??
          (isLost ? this.#still(target, context) : undefined);
        if (!another) throw error;
        if (another.isSelf) return yield* next({ ...call, requests: requests.open() });
        target = another;
      } finally {
        // Who leaves the iteration early throws nothing.
        answer.ended("abandoned");
      }
    }
  }

  #call({ context, kind }: RpcCall, requests: Replay, attempt: Attempt): RawCall {
    const { leader, nodeId, clock } = this.#parts;
    const metadata = forwardedMetadata(context, nodeId);
    const { deadlineWallMs, signal, methodPath } = context;
    if (deadlineWallMs === Infinity) return leader.call(methodPath, requests.open(), { metadata, signal });
    const share = attempt.isPreference && kind === "unary" ? PREFERRED_SHARE : 1;
    const deadlineMs = Math.max(0, share * (deadlineWallMs - clock.wallMs()));
    attempt.endMs = clock.monotonicMs() + deadlineMs;
    attempt.isWhole = share === 1;
    return leader.call(methodPath, requests.open(), { metadata, signal, deadlineMs });
  }

  /** Who leads instead of the node of this id; `undefined` if nobody does in time. */
  async #another(nodeId: string | undefined, { signal }: RpcContext): Promise<LeaderFacts | undefined> {
    const { leader, time, leaderWaitMs } = this.#parts;
    const over = new AbortController();
    const either = AbortSignal.any([over.signal, signal]);
    try {
      const late = time.delay(leaderWaitMs, either);
      return await Promise.race([leader.another(nodeId, either), late.then(() => undefined)]);
    } catch {
      return undefined;
    } finally {
      over.abort();
    }
  }

  /** Who has not answered and still leads, if the caller still waits. */
  #still({ nodeId }: LeaderFacts, { signal }: RpcContext): LeaderFacts | undefined {
    const leader = this.#parts.leader.current();
    return leader?.nodeId === nodeId && !signal.aborted ? leader : undefined;
  }

  /** A call that was forwarded has the caller that it names, if the node that it names has sent it. */
  async #asSeenByCaller(context: RpcContext): Promise<RpcContext> {
    const peer = proxiedPeer(context.metadata);
    const from = context.metadata.get(PROXIED_FROM_KEY) ?? "";
    if (!peer) return context;
    try {
      const node = await this.#parts.nodeOf(from);
      return node && comesFrom(context.peer, node) ? new ForwardedContext(context, peer) : context;
    } catch {
      // A replica that cannot be read knows nobody.
      return context;
    }
  }
}

/** What is known of a call that the leader should answer if it can. */
interface Attempt {
  readonly isPreference: boolean;
  /** When the leader has had its share of the caller's time, by the monotonic clock; never if there is no end. */
  endMs?: number;
  /** Whether that is all of it. */
  isWhole?: boolean;
  mayGoOnHere?: boolean;
}

function isUnimplemented(error: unknown): boolean {
  return error instanceof MeshError && error.reason === "unimplemented";
}
