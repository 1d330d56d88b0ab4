/**
 * Changes of the Raft ACLs, on the leader: one after the other, so that each is judged by what it will meet, and each
 * followed until the voters are what the ACLs say or nothing more can be done for now. What has to be done, the leader's
 * reconciler does, whether or not anybody waits; here it is only watched.
 *
 * @module
 */
import {
  type Clock,
  deleteRaftAcl,
  type Host,
  listRaftAcls,
  MeshError,
  type Propose,
  putRaftAcl,
  type RaftAcl,
  type RaftAclResult,
  raftMembers,
  type RpcContext,
  type StateReader,
  type Time,
  type VoteOutcome,
} from "../../core/mod.ts";
import {
  aclsAfter,
  canGoOn,
  type Moves,
  movesOf,
  outcomeOf,
  remainingMoves,
  requireVoter,
  type VoteView,
} from "./voters.ts";

/** Changes that wait for their turn; the next one is refused. */
export const WAITING_CHANGES_MAX = 64;
/** How long a change is followed, in milliseconds: a membership change takes a round trip, a hand-over an election. */
export const FOLLOW_MS = 5_000;
/** How long it is followed while nothing can be done, in milliseconds: who looks down may only have been slow. */
export const FOLLOW_HELD_MS = 1_500;
/** Between two looks, in milliseconds. */
const LOOK_MS = 25;
/** The caller has its answer so long before it stops waiting, in milliseconds. */
const ANSWER_MS = 250;

/** What a change takes. */
export interface AclChangeParts {
  readonly read: Host["read"];
  readonly propose: Propose;
  readonly raft: Host["node"]["raft"];
  readonly time: Pick<Time, "delay">;
  readonly clock: Clock;
}

/** See the module. All methods throw {@linkcode MeshError}, `not-leader` among others. */
export class AclChanges {
  readonly #parts: AclChangeParts;
  #last: Promise<unknown> = Promise.resolve();
  #waitingCount = 0;

  constructor(parts: AclChangeParts) {
    this.#parts = parts;
  }

  /** Makes an ACL or replaces the one of its name. What is so already adds nothing to the log. */
  put(acl: RaftAcl, call: RpcContext): Promise<VoteOutcome> {
    const { propose, clock } = this.#parts;
    return this.#change(acl.name, acl, call, () => propose(putRaftAcl, { ...acl, nowMs: clock.wallMs() }));
  }

  /** Deletes the ACL of a name; content if there is none. */
  delete(name: string, call: RpcContext): Promise<VoteOutcome> {
    return this.#change(name, undefined, call, () => this.#parts.propose(deleteRaftAcl, name));
  }

  async #change(
    name: string,
    acl: RaftAcl | undefined,
    call: RpcContext,
    write: () => Promise<RaftAclResult>,
  ): Promise<VoteOutcome> {
    const moves = await this.#inTurn(async () => {
      call.signal.throwIfAborted();
      const before = await this.#freshView();
      const known = before.acls.find((each) => each.name === name);
      const after = { ...before, acls: aclsAfter(before.acls, name, acl) };
      if (isSame(known, acl)) return movesOf(after);
      requireVoter(before, after.acls);
      const result = await write();
      if (result.kind === "refused") throw new MeshError(result.reason, result.message);
      return movesOf(after);
    });
    return await this.#follow(moves, call);
  }

  /** Runs `work` after all that came before, whatever became of that. */
  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waitingCount >= WAITING_CHANGES_MAX) {
      throw new MeshError("unavailable", `${WAITING_CHANGES_MAX} changes of the Raft ACLs are waiting already`);
    }
    this.#waitingCount++;
    const turn = this.#last.then(work, work).finally(() => this.#waitingCount--);
    this.#last = turn.catch(() => {});
    return await turn;
  }

  /** Everything that was acknowledged before, and only on the leader: there the change is made. */
  async #freshView(): Promise<VoteView> {
    await this.#parts.read(() => {}, { kind: "weak" });
    return await this.#parts.read((reader) => this.#view(reader), { kind: "linearizable" });
  }

  #view(reader: StateReader): VoteView {
    return { acls: listRaftAcls(reader), members: raftMembers(reader), raft: this.#parts.raft() };
  }

  async #follow(moves: Moves, { signal, deadlineWallMs }: RpcContext): Promise<VoteOutcome> {
    const { read, time, clock } = this.#parts;
    const look = () => read((reader) => this.#view(reader));
    let view = await look();
    const startMs = clock.monotonicMs();
    const patienceMs = Math.min(FOLLOW_MS, deadlineWallMs - clock.wallMs() - ANSWER_MS);
    for (;;) {
      const remaining = remainingMoves(moves, view);
      if (remaining.size === 0) break;
      const limitMs = canGoOn(remaining, view) ? patienceMs : Math.min(patienceMs, FOLLOW_HELD_MS);
      if (clock.monotonicMs() - startMs >= limitMs) break;
      await time.delay(LOOK_MS, signal);
      view = await look();
    }
    return outcomeOf(moves, view);
  }
}

function isSame(known: RaftAcl | undefined, wanted: RaftAcl | undefined): boolean {
  if (!known || !wanted) return known === wanted;
  return known.action === wanted.action && known.patterns.join() === wanted.patterns.join();
}
