/**
 * Watches whether this replica is what the majority has (`core/state/replica_check.ts`), and takes it out of service when it
 * is not.
 *
 * The leader proposes checkpoints, by entries and by time; every member hashes a copy of its state a slice at a time, and
 * voters say what they found. A replica that differs from the majority is in quarantine: it answers no reads and takes no
 * writes, hands over the lead, keeps its tunnel as it is instead of following a state that is wrong, and takes no
 * snapshots. It goes on to vote and to store entries: its log has checksums of its own and is not what differs, and a
 * mesh of three that loses a second member would stop.
 *
 * Then it drops its state, makes it again from its last snapshot and its log, and is back when a later checkpoint finds it
 * equal. If the snapshot was damaged as well it begins with the state that the leader has (`healthy_image.ts`), and writes
 * a snapshot of it once it is found equal. Who differs even so, again and again, has a faulty machine: it stays out, and an
 * operator has to let it join again.
 *
 * @module
 */
import { Alarm } from "../io/alarm.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { Clock } from "../seams/clock.ts";
import type { Log } from "../seams/log.ts";
import type { StateMachine } from "../state/apply.ts";
import { encodeCheckpoint, encodeClaim } from "../state/codec.ts";
import type { ReplicaVerdict } from "../state/replica_check.ts";
import type { StateImage } from "./healthy_image.ts";
import type { RaftLoop } from "./raft_loop.ts";

/** A checkpoint is due after so many entries, … */
export const CHECKPOINT_ENTRIES = 1_000;
/** … or after this time, in milliseconds, … */
export const CHECKPOINT_INTERVAL_MS = 300_000;
/** … but not sooner after the last one than this, in milliseconds. */
export const CHECKPOINT_REST_MS = 10_000;
/** Hashing stops the node for so long at a time, in milliseconds, … */
export const HASH_SLICE_MS = 4;
/** … and between two slices there is so much time for everything else, in milliseconds. */
export const HASH_REST_MS = 16;
/** A replica that was made again asks for a checkpoint this often until it is judged, in milliseconds. */
export const RECOVERY_CHECKPOINT_MS = 15_000;
/** A replica that differs although it took over so many states of leaders stays out. */
export const IMAGES_TAKEN_MAX = 3;

/** What the guard needs. */
export interface ReplicaGuardParts {
  readonly machine: Pick<StateMachine, "appliedIndex" | "check">;
  readonly raft:
    & Pick<RaftLoop, "offer" | "rebuild" | "transferLeader" | "linearizable" | "takeSnapshot">
    & { readonly status: RaftStatus };
  /** The state as the leader has it. */
  readonly fetchImage: () => Promise<StateImage>;
  readonly clock: Clock;
  /** Called when quarantine begins and ends. */
  readonly onQuarantine: (reason: string | undefined) => void;
  readonly log: Log;
}

const OPERATOR_HINT =
  "Memory or disk of this machine may be faulty: run `weft leave` on it, then start it again with --join.";

const AGAIN = "It tries again by itself.";

/** See the module. */
export class ReplicaGuard implements Disposable {
  readonly #parts: ReplicaGuardParts;
  readonly #alarm: Alarm;
  #quarantine: string | undefined;
  #disputedIndex = 0;
  #wasLeading = false;
  /** The last checkpoint seen, and when; or since when this member leads. */
  #checkpoint = { index: 0, ms: 0 };
  #sliceMs = 0;
  /** The newest checkpoint on which this member has said what it found. */
  #claimedIndex = 0;
  #isRebuilding = false;
  #wasRebuilt = false;
  /** States of leaders that it has taken over since it is in quarantine. */
  #imagesTakenCount = 0;
  /** The checkpoint that made it do so last: only a later one can say whether it helped. */
  #takeOverIndex = 0;
  #isDisposed = false;

  constructor(parts: ReplicaGuardParts) {
    this.#parts = parts;
    this.#alarm = new Alarm(parts.clock, () => this.#due());
  }

  /** Why this replica is out of service, a sentence; `undefined` if it serves. */
  get quarantine(): string | undefined {
    return this.#quarantine;
  }

  /** @throws {MeshError} `unavailable` while this replica is out of service. */
  admit(): void {
    if (this.#quarantine !== undefined) {
      throw new MeshError("unavailable", this.#quarantine, { hint: "Ask another node." });
    }
  }

  /** To be called after every change of Raft and of the state. */
  changed(): void {
    if (this.#isDisposed) return;
    const { machine: { check, appliedIndex }, raft, clock } = this.#parts;
    const status = raft.status;
    const nowMs = clock.monotonicMs();
    if (check.lastIndex !== this.#checkpoint.index) this.#checkpoint = { index: check.lastIndex, ms: nowMs };
    this.#say(status);
    this.#judge(check.verdict(status.membership.voters));
    const leads = status.role === "leader";
    if (leads && !this.#wasLeading) this.#checkpoint = { ...this.#checkpoint, ms: nowMs };
    this.#wasLeading = leads;
    if (leads && this.#quarantine !== undefined) this.#handOver(status);
    const dueMs = this.#checkpointDueMs(status, appliedIndex);
    if (nowMs >= dueMs) this.#ask(nowMs);
    this.#alarm.arm(check.isBusy ? this.#sliceMs : nowMs >= dueMs ? Infinity : dueMs);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#alarm[Symbol.dispose]();
  }

  #due(): void {
    const { machine: { check }, clock } = this.#parts;
    const startMs = clock.monotonicMs();
    while (check.isBusy && clock.monotonicMs() - startMs < HASH_SLICE_MS) check.step();
    this.#sliceMs = clock.monotonicMs() + HASH_REST_MS;
    this.changed();
  }

  #checkpointDueMs({ role, membership }: RaftStatus, appliedIndex: number): number {
    const { index, ms } = this.#checkpoint;
    if (this.#parts.machine.check.isBusy || this.#isRebuilding) return Infinity;
    if (this.#quarantine !== undefined && this.#wasRebuilt) return ms + RECOVERY_CHECKPOINT_MS;
    // Alone, there is nobody to compare with.
    if (role !== "leader" || membership.voters.length + membership.learners.length < 2) return Infinity;
    return ms + (appliedIndex - index >= CHECKPOINT_ENTRIES ? CHECKPOINT_REST_MS : CHECKPOINT_INTERVAL_MS);
  }

  #ask(nowMs: number): void {
    this.#checkpoint = { ...this.#checkpoint, ms: nowMs };
    this.#parts.raft.offer(encodeCheckpoint());
  }

  #say({ id, membership, leader }: RaftStatus): void {
    const { machine: { check }, raft } = this.#parts;
    const { result } = check;
    if (!result || result.index <= this.#claimedIndex || leader === 0 || !membership.voters.includes(id)) return;
    this.#claimedIndex = result.index;
    if (!check.hasClaim(result.index, id)) raft.offer(encodeClaim({ ...result, member: id }));
  }

  #judge(verdict: ReplicaVerdict): void {
    const { log } = this.#parts;
    switch (verdict.kind) {
      case "unknown":
        return;
      case "agrees":
        if (this.#quarantine !== undefined && this.#wasRebuilt) this.#release(verdict.index);
        return;
      case "differs":
        return this.#isolate(verdict);
      case "disputed":
        if (verdict.index === this.#disputedIndex) return;
        this.#disputedIndex = verdict.index;
        log.error("replicas differ and no majority agrees", {
          index: verdict.index,
          hint: "Compare the state hashes of `weft status` on all nodes, and restore a backup if in doubt.",
        });
    }
  }

  #isolate({ index, own, expected }: Extract<ReplicaVerdict, { kind: "differs" }>): void {
    if (this.#isRebuilding) return;
    const what = `This replica differs from the majority at log index ${index}`;
    if (this.#quarantine === undefined) {
      this.#parts.log.error("quarantine: this replica differs from the majority", { index, own, expected });
      this.#rebuild(what, index);
    } else if (!this.#wasRebuilt || this.#quarantine.endsWith(OPERATOR_HINT)) return;
    else if (index <= this.#takeOverIndex) return;
    else if (this.#imagesTakenCount < IMAGES_TAKEN_MAX) this.#takeOver(what, index);
    else {
      const { log } = this.#parts;
      log.error("quarantine goes on: the leader's state differs here too", { index, hint: OPERATOR_HINT });
      this.#enter(`${what}, though it took over the leader's state. ${OPERATOR_HINT}`);
    }
  }

  /** Makes the state again from what this member has itself. */
  #rebuild(what: string, index: number): void {
    const { raft, log } = this.#parts;
    this.#isRebuilding = true;
    this.#enter(`${what}: it makes its state again`);
    raft.rebuild().then(() => {
      log.info("state made again from the last snapshot and the log");
      this.#rebuilt();
    }, (error) => {
      log.error("state cannot be made again", { error: textOf(error) });
      this.#takeOver(what, index);
    });
  }

  /** Makes the state again from what the leader has. If that fails, the next checkpoint is the next try. */
  #takeOver(what: string, index: number): void {
    const { log } = this.#parts;
    this.#takeOverIndex = index;
    this.#isRebuilding = true;
    this.#enter(`${what}: it asks the leader for the state`);
    this.#takeOverOnce().then((index) => {
      this.#imagesTakenCount++;
      log.info("state taken over from the leader", { index });
    }, (error) => {
      log.warn("state cannot be taken over from the leader", { error: textOf(error) });
      this.#enter(`${what}, and the leader's state cannot be had now: ${textOf(error)}. ${AGAIN}`);
    }).finally(() => this.#rebuilt());
  }

  async #takeOverOnce(): Promise<number> {
    const { raft, fetchImage } = this.#parts;
    const image = await fetchImage();
    // The leader may be ahead: everything up to its state has to be applied here first.
    await raft.linearizable();
    await raft.rebuild(image);
    return image.index;
  }

  #rebuilt(): void {
    const { clock } = this.#parts;
    this.#isRebuilding = false;
    this.#wasRebuilt = true;
    this.#claimedIndex = 0;
    // At once: what is judged next is the new state. After a failure there is no hurry.
    const restMs = this.#quarantine?.endsWith(AGAIN) ? 0 : RECOVERY_CHECKPOINT_MS;
    this.#checkpoint = { ...this.#checkpoint, ms: clock.monotonicMs() - restMs };
    this.changed();
  }

  #enter(reason: string): void {
    this.#quarantine = reason;
    this.#parts.onQuarantine(reason);
  }

  #release(index: number): void {
    this.#quarantine = undefined;
    this.#wasRebuilt = false;
    const { raft, log, onQuarantine } = this.#parts;
    log.info("quarantine is over: this replica agrees with the majority", { index });
    onQuarantine(undefined);
    if (this.#imagesTakenCount === 0) return;
    this.#imagesTakenCount = 0;
    // What is on disk led to the wrong state; a restart must not begin with it.
    raft.takeSnapshot().catch((error) => log.warn("no snapshot of the new state yet", { error: textOf(error) }));
  }

  #handOver({ id, peers, membership, transferee }: RaftStatus): void {
    if (transferee !== 0) return;
    const heir = peers.find((peer) => peer.id !== id && membership.voters.includes(peer.id) && peer.recentlyActive);
    if (heir) this.#parts.raft.transferLeader(heir.id);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
