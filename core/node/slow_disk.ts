/**
 * A leader whose disk has become slow hands over to a voter whose disk may not be: everybody's writes wait for the leader's
 * (thesis §3.10 names the case; hashicorp/raft 503 is what happens without).
 *
 * A disk that does not answer at all needs nothing: a member that waits for its disk sends no heartbeats, and the others
 * elect somebody else. This is about one that answers, late, again and again, in time for the heartbeats.
 *
 * Times are in ticks, 50 ms each in a node. Nobody knows whether the heir's disk is better. So each member yields once and
 * then rests, and a mesh of slow disks moves its leader once around and then stays with it.
 *
 * @module
 */
import type { RaftStatus } from "../raft/status.ts";

/** A write that takes so many ticks is slow: a quarter of a second, twenty times what a healthy disk takes. */
export const SLOW_WRITE_TICKS = 5;
/** After this many ticks without a write that is not slow, 3 s, … */
export const SLOW_FOR_TICKS = 60;
/** … and at least so many that were, the leader yields. */
export const SLOW_WRITES_MIN = 5;
/** A leader does not yield again for so many ticks, 5 min. */
export const YIELD_REST_TICKS = 6_000;

/** Watches the writes of one member. */
export class SlowDisk {
  #nowTicks = 0;
  #restUntilTicks = 0;
  /** When the first of the slow writes in a row began. */
  #slowSinceTicks = 0;
  #slowWritesCount = 0;

  /** One unit of Raft time has passed. */
  tick(): void {
    this.#nowTicks++;
  }

  /** A write begins. Returns what {@linkcode SlowDisk.wrote} wants to know. */
  begin(): number {
    return this.#nowTicks;
  }

  /** The write that began at `beganTicks` is on stable storage. */
  wrote(beganTicks: number): void {
    if (this.#nowTicks - beganTicks < SLOW_WRITE_TICKS) this.#slowWritesCount = 0;
    else if (this.#slowWritesCount++ === 0) this.#slowSinceTicks = beganTicks;
  }

  /** True if it has been slow for long enough. */
  get isSlow(): boolean {
    return this.#slowWritesCount >= SLOW_WRITES_MIN && this.#nowTicks - this.#slowSinceTicks >= SLOW_FOR_TICKS;
  }

  /** To whom the leader should hand over now; `undefined` if it should go on. */
  heir(status: RaftStatus): number | undefined {
    if (!this.isSlow || this.#nowTicks < this.#restUntilTicks || status.role !== "leader" || status.transferee !== 0) {
      return undefined;
    }
    const heir = bestHeir(status);
    if (heir === undefined) return undefined;
    this.#restUntilTicks = this.#nowTicks + YIELD_REST_TICKS;
    this.#slowWritesCount = 0;
    return heir;
  }
}

/** The voter that has most of the log, if it has all that is committed and answers. */
function bestHeir({ id, peers, membership, hardState }: RaftStatus): number | undefined {
  // In the middle of a change of members, the change comes first.
  if (membership.votersOutgoing.length > 0) return undefined;
  let best: RaftStatus["peers"][number] | undefined;
  for (const peer of peers) {
    const isAble = peer.id !== id && membership.voters.includes(peer.id) && peer.recentlyActive &&
      peer.state === "replicate" && peer.match >= hardState.commit;
    if (isAble && (best === undefined || peer.match > best.match)) best = peer;
  }
  return best?.id;
}
