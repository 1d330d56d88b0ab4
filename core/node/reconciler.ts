/**
 * Keeps a node what the replicated state says it is. Runs after every change and now and then without one:
 *
 *  1. own addresses and routes, 2. WireGuard peers, 3. who is who for Raft's links, 4. on the leader, the Raft membership.
 *
 * Each step compares and works off the difference, so a change that was missed, or failed half way, is made up for by the
 * next run.
 *
 * @module
 */
import type { TunnelPeer } from "../dataplane/messages.ts";
import { confChange, type ConfChangeOperation } from "../raft/conf_change.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { Log } from "../seams/log.ts";
import { peersForNode } from "../state/queries/peers_for_node.ts";
import { type LinkMember, linkMember } from "./link_directory.ts";
import { Linger } from "./linger.ts";
import { type RaftMember, raftMembers } from "../state/queries/raft_members.ts";
import { listRaftAcls } from "../state/queries/raft_acls.ts";
import {
  type MembershipStep,
  nextMembershipStep,
  type PresentGroup,
  presentGroup,
  votersWithoutRight,
  type WantedMember,
  wantedMembers,
} from "./membership.ts";
import { planPeers, tunnelPeer } from "./reconcile.ts";
import type { NodeConfig } from "./config.ts";
import type { RaftLoop } from "./raft_loop.ts";
import type { Running, RunningParts } from "./running.ts";
import type { Tunnel } from "./tunnel.ts";

/** The running node, as far as it is looked at. */
export type ReconciledNode = Pick<Running, "nodeId" | "raftStatus" | "self" | "mesh" | "nodes" | "isInGroup"> & {
  readonly parts: Pick<RunningParts, "machine" | "clock"> & {
    readonly config: Pick<NodeConfig, "ipv4" | "ipv6">;
    readonly raft: Pick<RaftLoop, "withEngine">;
  };
};

/** What the reconciler acts upon. */
export interface ReconcilerParts {
  readonly running: ReconciledNode;
  readonly tunnel: Pick<Tunnel, "setNetwork" | "upsertPeer" | "removePeer">;
  /** Tells Raft's links who belongs to the mesh. */
  readonly setMembers: (members: readonly LinkMember[]) => void;
  /** When a message of this member last came, on the monotonic clock. */
  readonly heardMs: (raftId: number) => number | undefined;
  /** A member that was heard within this time is up, in milliseconds. */
  readonly electionMs: number;
  /** Called when the mesh no longer has this node. */
  readonly removed: () => void;
  readonly log: Log;
}

/** A node that has left, also the Raft group, keeps its tunnel and its link so long, to hear that it may go; milliseconds. */
export const LINGER_MS = 1_000;
/**
 * A node that is out of the mesh waits so long until it is out of the Raft group too: of two voters, the other one cannot
 * let it go without its vote. Milliseconds; whoever leads does it sooner, if anybody does.
 */
export const RELEASE_MS = 5_000;
/** A member that answers is kept in the group so long until it has heard that it is out of the mesh; milliseconds. */
const LEARN_MS = 10_000;
/** While the leader waits for that, it looks again after so long; milliseconds. */
const LEARN_POLL_MS = 50;
/**
 * While somebody votes who may not, because too few of the others are up, or somebody who is up may vote and has to catch up
 * first, the leader looks again after so long; milliseconds.
 */
const VOTE_POLL_MS = 500;

const OPERATIONS: Readonly<Record<Exclude<MembershipStep["kind"], "hand-over">, ConfChangeOperation>> = {
  "add-learner": "add-learner",
  "promote": "add-voter",
  "demote": "add-learner",
  "remove": "remove",
};

/** See the module. */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #peers = new Map<string, TunnelPeer>();
  readonly #lingeringPeers = new Linger<TunnelPeer>(LINGER_MS);
  readonly #lingeringMembers = new Linger<LinkMember>(LINGER_MS);
  #wasMember = false;
  #isSettled = false;
  /** When this node was first seen to be out of the mesh. */
  #outSinceMs: number | undefined;
  #failing = "";
  /** The membership change under way: a second one would only be voided by the engine, at the price of a log entry. */
  #proposed = { index: 0, term: 0 };
  /** Voters that lost their right and could not be demoted, when this was said last. */
  #held = "";
  /** Members of the group that are out of the mesh: since when, and up to which index they have to know the log to know it. */
  readonly #leaving = new Map<number, { readonly sinceMs: number; readonly index: number }>();

  /** @param seeds Peers the tunnel has already, before the state arrived. */
  constructor(parts: ReconcilerParts, seeds: readonly TunnelPeer[]) {
    this.#parts = parts;
    for (const seed of seeds) this.#peers.set(seed.publicKey, seed);
  }

  /** True if the last run found nothing to do, and nothing to wait for. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /**
   * One run. Never throws: what failed is logged once and tried again by the next run.
   *
   * @returns When the next run is due even if nothing changes, on the monotonic clock; `Infinity` for no such time.
   */
  run(): number {
    this.#isSettled = false;
    try {
      const nextMs = this.#run();
      this.#failing = "";
      return nextMs;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#isSettled = false;
      if (text !== this.#failing) this.#parts.log.error("cannot reconcile, will try again", { error: text });
      this.#failing = text;
      return Infinity;
    }
  }

  /** The node has seen itself in the state; no run needs to have come in between before it was removed again. */
  wasMember(): void {
    this.#wasMember = true;
  }

  #run(): number {
    const { running } = this.#parts;
    const self = running.self();
    // Before the state has arrived there is nothing to go by; afterwards it means that the mesh let go of this node.
    if (!self) return this.#wasMember ? this.#goWhenReleased() : Infinity;
    this.#wasMember = true;
    this.#outSinceMs = undefined;
    this.#isSettled = true;
    const { config } = running.parts;
    const mesh = running.mesh();
    this.#parts.tunnel.setNetwork({
      ipv4: config.ipv4 ? self.ipv4 : undefined,
      ipv6: config.ipv6 ? self.ipv6 : undefined,
      routes: [...config.ipv4 && self.ipv4 ? [mesh.networkIpv4] : [], ...config.ipv6 ? [mesh.networkIpv6] : []],
    });
    const members = this.#keptMembers();
    const peersDueMs = this.#reconcilePeers(members.leaving);
    this.#parts.setMembers(members.kept);
    const status = running.raftStatus;
    const groupDueMs = status.role === "leader"
      ? this.#stepMembership(running.parts.machine.read(raftMembers), status)
      : Infinity;
    const dueMs = Math.min(peersDueMs, members.dueMs, groupDueMs);
    this.#isSettled &&= dueMs === Infinity;
    return dueMs;
  }

  #goWhenReleased(): number {
    const { running, removed } = this.#parts;
    const nowMs = running.parts.clock.monotonicMs();
    this.#outSinceMs ??= nowMs;
    const dueMs = this.#outSinceMs + RELEASE_MS;
    const isNeeded = running.nodes().length > 0 && running.isInGroup();
    if (isNeeded && nowMs < dueMs) return dueMs;
    removed();
    return Infinity;
  }

  /** Those in the mesh and, after them, those that have left it, but perhaps not the Raft group. */
  #keptMembers(): { readonly kept: readonly LinkMember[]; readonly leaving: readonly LinkMember[]; dueMs: number } {
    const { running } = this.#parts;
    const wanted = new Map(running.nodes().map((node) => [`${node.raftId}`, linkMember(node)]));
    const isNeeded = (_: string, { raftId }: LinkMember) => running.isInGroup(raftId);
    const kept = this.#lingeringMembers.keep(wanted, running.parts.clock.monotonicMs(), isNeeded);
    return { kept, leaving: kept.slice(wanted.size), dueMs: this.#lingeringMembers.nextMs(wanted) };
  }

  #reconcilePeers(leaving: readonly LinkMember[]): number {
    const { running, tunnel } = this.#parts;
    const { config, machine, clock } = running.parts;
    const own = { primaryEndpoint: running.self()?.primaryEndpoint, ipv4: config.ipv4, ipv6: config.ipv6 };
    const peers = machine.read((reader) => peersForNode(reader, running.nodeId));
    const wanted = new Map(peers.map((peer) => [peer.publicKey, tunnelPeer(peer, own)]));
    const isNeeded = (key: string) => leaving.some(({ publicKey }) => publicKey === key);
    const plan = planPeers(this.#lingeringPeers.keep(wanted, clock.monotonicMs(), isNeeded), this.#peers);
    this.#isSettled &&= plan.removals.length + plan.upserts.length === 0;
    // Removals first: an address that moves from one peer to another is free by then.
    for (const key of plan.removals) {
      tunnel.removePeer(key);
      this.#peers.delete(key);
    }
    for (const peer of plan.upserts) {
      tunnel.upsertPeer(peer);
      this.#peers.set(peer.publicKey, peer);
    }
    return this.#lingeringPeers.nextMs(wanted);
  }

  #stepMembership(members: readonly RaftMember[], status: RaftStatus): number {
    const { index, term } = this.#proposed;
    if (status.appliedIndex < index && status.hardState.term === term) {
      this.#isSettled = false;
      return Infinity;
    }
    const { machine, clock } = this.#parts.running.parts;
    const nowMs = clock.monotonicMs();
    const waiting = this.#unaware(members, status);
    const learnDueMs = waiting.size === 0 ? Infinity : nowMs + LEARN_POLL_MS;
    const wanted = wantedMembers(members, machine.read(listRaftAcls));
    const isActive = (id: number) => nowMs - (this.#parts.heardMs(id) ?? -Infinity) < this.#parts.electionMs;
    const group = presentGroup(status, isActive, (id) => !waiting.has(id));
    const step = nextMembershipStep(wanted, group);
    const isHeld = this.#noteHeld(members, wanted, group, step);
    const voteDueMs = isHeld || isSomebodyToVote(wanted, group) ? nowMs + VOTE_POLL_MS : Infinity;
    if (step && (step.kind !== "hand-over" || status.transferee === 0)) this.#take(step);
    return Math.min(learnDueMs, voteDueMs);
  }

  #take({ kind, raftId }: MembershipStep): void {
    this.#isSettled = false;
    const { running: { parts: { raft } }, log } = this.#parts;
    if (kind === "hand-over") {
      const refused = raft.withEngine((engine) => engine.transferLeader(raftId));
      if (refused === undefined) log.info("handing over: this node may no longer vote", { raftId });
      return;
    }
    const change = confChange([{ operation: OPERATIONS[kind], id: raftId }]);
    const result = raft.withEngine((engine) => engine.proposeConfChange(change));
    if (result.kind !== "appended" && result.kind !== "voided") return;
    this.#proposed = { index: result.index, term: result.term };
    if (result.kind === "appended") log.info("raft membership", { step: kind, raftId });
  }

  /** Whether somebody votes who may not; says so once when nothing can be done about it. */
  #noteHeld(
    members: readonly RaftMember[],
    wanted: readonly WantedMember[],
    group: PresentGroup,
    step: MembershipStep | undefined,
  ): boolean {
    const denied = new Set(votersWithoutRight(wanted, group));
    const nodes = members.filter(({ raftId }) => denied.has(raftId)).map(({ nodeId }) => nodeId).join(",");
    const held = step?.kind === "demote" || step?.kind === "hand-over" ? "" : nodes;
    if (held !== "" && held !== this.#held) {
      this.#parts.log.warn("voters without the right to vote stay: without them no majority would be up", { nodes });
    }
    this.#held = held;
    return denied.size > 0;
  }

  /** Who is out of the mesh and may not have heard of it yet. */
  #unaware(members: readonly RaftMember[], { appliedIndex, peers }: RaftStatus): ReadonlySet<number> {
    const nowMs = this.#parts.running.parts.clock.monotonicMs();
    const out = peers.filter(({ id }) => members.every(({ raftId }) => raftId !== id));
    for (const id of this.#leaving.keys()) if (out.every((peer) => peer.id !== id)) this.#leaving.delete(id);
    const unaware = out.filter(({ id, match, recentlyActive }) => {
      const leaving = this.#leaving.get(id) ?? { sinceMs: nowMs, index: appliedIndex };
      this.#leaving.set(id, leaving);
      // What is acknowledged and committed was followed by the news that it is committed.
      return recentlyActive && match < leaving.index && nowMs - leaving.sinceMs < LEARN_MS;
    });
    return new Set(unaware.map(({ id }) => id));
  }
}

/** Whether a member that is up may vote, and does not yet. */
function isSomebodyToVote(wanted: readonly WantedMember[], { members }: PresentGroup): boolean {
  const mayVote = new Set(wanted.filter((member) => member.mayVote).map(({ raftId }) => raftId));
  return members.some(({ raftId, voter, recentlyActive }) => !voter && recentlyActive && mayVote.has(raftId));
}
