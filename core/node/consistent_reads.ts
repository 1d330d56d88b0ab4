/**
 * Reads at the level that their caller asks for (`core/plugin/read_level.ts`): what has to be true of this replica before it
 * may answer, and what to say when it may not.
 *
 * A node that does not lead refuses `weak` and `strong` with the leader's name and address, as it does with Join: passing
 * calls on is the business of a leader proxy, which stands in front of the services.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import {
  APPLIED_INDEX_KEY,
  type Freshness,
  READ_CONSISTENCY_KEY,
  type ReadLevel,
  readWishOf,
} from "../plugin/read_level.ts";
import type { RpcContext } from "../plugin/rpc.ts";
import type { RaftStatus } from "../raft/status.ts";
import { isVouchedFor } from "../rpc/server.ts";
import { formatGoDuration } from "../time/go_duration.ts";
import type { LeaderContact } from "./leader_contact.ts";
import type { RaftLoop } from "./raft_loop.ts";

/** What a read of level `strong` writes: an entry that does nothing. */
const NOTHING = new Uint8Array(0);

/** What it takes to read. */
export interface ConsistentReadsParts {
  readonly running: {
    readonly raftStatus: RaftStatus;
    /** @throws {MeshError} `not-leader` or `no-leader`, unless this member leads. */
    requireLeader(): void;
  };
  readonly raft: Pick<RaftLoop, "linearizable" | "propose">;
  readonly machine: { readonly appliedIndex: number };
  readonly contact: Pick<LeaderContact, "silenceMs" | "lagMs">;
  /** Refuses while this replica is out of service; without it, it never is. */
  readonly guard?: { admit(): void };
}

/** See the module. */
export class ConsistentReads {
  readonly #parts: ConsistentReadsParts;

  constructor(parts: ConsistentReadsParts) {
    this.#parts = parts;
  }

  /**
   * Waits until this replica may answer a call at the level that its metadata asks for, and tells the caller which one it
   * was and how much of the log the answer shows.
   *
   * @param options.evenInQuarantine For questions about this node itself, which an operator asks just then.
   * @throws {MeshError} `invalid-argument` for metadata that asks for nothing known, and what {@linkcode at} throws.
   */
  async admit(context: RpcContext, options: { readonly evenInQuarantine?: boolean } = {}): Promise<void> {
    const { level } = readWishOf(context.metadata);
    // It writes to the disks of all voters: not for strangers, who may call what is public.
    if (level.kind === "strong" && !isVouchedFor(context)) {
      throw new MeshError("permission-denied", "Reads of level strong are allowed only to members of the mesh");
    }
    const isAdmitted = options.evenInQuarantine === true && level.kind === "none";
    const appliedIndex = isAdmitted ? await this.#reach(level) : await this.at(level);
    context.setTrailer(READ_CONSISTENCY_KEY, level.kind);
    context.setTrailer(APPLIED_INDEX_KEY, `${appliedIndex}`);
  }

  /**
   * Waits until this replica may be read at `level`.
   *
   * @returns The applied index: what is read from now on is at least as new.
   * @throws {MeshError} `not-leader` with the leader's address, `no-leader`, or `unavailable`.
   */
  async at(level: ReadLevel): Promise<number> {
    this.#parts.guard?.admit();
    const appliedIndex = await this.#reach(level);
    // It may have been found out meanwhile.
    this.#parts.guard?.admit();
    return appliedIndex;
  }

  async #reach(level: ReadLevel): Promise<number> {
    switch (level.kind) {
      case "none":
        if (level.freshness) this.#requireFreshness(level.freshness);
        break;
      case "weak":
        this.#parts.running.requireLeader();
        break;
      case "linearizable":
        await this.#parts.raft.linearizable();
        break;
      case "strong":
        this.#parts.running.requireLeader();
        await this.#parts.raft.propose(NOTHING);
    }
    return this.#parts.machine.appliedIndex;
  }

  #requireFreshness({ maxMs, strict }: Freshness): void {
    const { contact, running: { raftStatus } } = this.#parts;
    const silenceMs = contact.silenceMs(raftStatus);
    const others = raftStatus.role === "leader" ? "a majority of the voters" : "a leader";
    if (silenceMs > maxMs) throw stale(`nothing heard from ${others} ${forMs(silenceMs)}`, maxMs);
    const lagMs = strict ? contact.lagMs(raftStatus) : 0;
    if (lagMs > maxMs) throw stale(`behind what it was told to be committed ${forMs(lagMs)}`, maxMs);
  }
}

function forMs(ms: number): string {
  return ms === Infinity ? "since it started" : `for ${formatGoDuration(Math.round(ms))}`;
}

function stale(why: string, maxMs: number): MeshError {
  return new MeshError("unavailable", `This node's state may be older than ${formatGoDuration(maxMs)}: ${why}`, {
    hint: "Ask another node, or allow older answers.",
  });
}
