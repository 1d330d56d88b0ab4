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
import { voteVerdict } from "../state/raft_acl.ts";
import { type MembershipStep, nextMembershipStep } from "./membership.ts";
import { planPeers, tunnelPeer } from "./reconcile.ts";
import type { Running } from "./running.ts";
import type { Tunnel } from "./tunnel.ts";

/** What the reconciler acts upon. */
export interface ReconcilerParts {
  readonly running: Running;
  readonly tunnel: Tunnel;
  /** Tells Raft's links who belongs to the mesh. */
  readonly setMembers: (members: readonly LinkMember[]) => void;
  /** Called when the mesh no longer has this node. */
  readonly removed: () => void;
  readonly log: Log;
}

/** A node that left keeps its tunnel and its link so long, to hear that it may go; milliseconds. */
export const LINGER_MS = 1_000;

const OPERATIONS: Readonly<Record<MembershipStep["kind"], ConfChangeOperation>> = {
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
  #failing = "";
  /** The membership change under way: a second one would only be voided by the engine, at the price of a log entry. */
  #proposed = { index: 0, term: 0 };

  /** @param seeds Peers the tunnel has already, before the state arrived. */
  constructor(parts: ReconcilerParts, seeds: readonly TunnelPeer[]) {
    this.#parts = parts;
    for (const seed of seeds) this.#peers.set(seed.publicKey, seed);
  }

  /**
   * One run. Never throws: what failed is logged once and tried again by the next run.
   *
   * @returns When the next run is due even if nothing changes, on the monotonic clock; `Infinity` for no such time.
   */
  run(): number {
    try {
      const nextMs = this.#run();
      this.#failing = "";
      return nextMs;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== this.#failing) this.#parts.log.error("cannot reconcile, will try again", { error: text });
      this.#failing = text;
      return Infinity;
    }
  }

  #run(): number {
    const { running, removed } = this.#parts;
    const self = running.self();
    if (!self) {
      // Before the state has arrived there is nothing to go by; afterwards it means that the mesh let go of this node.
      if (this.#wasMember) removed();
      return Infinity;
    }
    this.#wasMember = true;
    const { config } = running.parts;
    const mesh = running.mesh();
    this.#parts.tunnel.setNetwork({
      ipv4: config.ipv4 ? self.ipv4 : undefined,
      ipv6: config.ipv6 ? self.ipv6 : undefined,
      routes: [...config.ipv4 && self.ipv4 ? [mesh.networkIpv4] : [], ...config.ipv6 ? [mesh.networkIpv6] : []],
    });
    const peersDueMs = this.#reconcilePeers();
    const membersDueMs = this.#reconcileMembers();
    const status = running.raftStatus;
    if (status.role === "leader") this.#stepMembership(running.parts.machine.read(raftMembers), status);
    return Math.min(peersDueMs, membersDueMs);
  }

  #reconcileMembers(): number {
    const { running, setMembers } = this.#parts;
    const wanted = new Map(running.nodes().map((node) => [`${node.raftId}`, linkMember(node)]));
    setMembers(this.#lingeringMembers.keep(wanted, running.parts.clock.monotonicMs()));
    return this.#lingeringMembers.nextMs(wanted);
  }

  #reconcilePeers(): number {
    const { running, tunnel } = this.#parts;
    const { config, machine, clock } = running.parts;
    const own = { primaryEndpoint: running.self()?.primaryEndpoint, ipv4: config.ipv4, ipv6: config.ipv6 };
    const peers = machine.read((reader) => peersForNode(reader, running.nodeId));
    const wanted = new Map(peers.map((peer) => [peer.publicKey, tunnelPeer(peer, own)]));
    const plan = planPeers(this.#lingeringPeers.keep(wanted, clock.monotonicMs()), this.#peers);
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

  #stepMembership(members: readonly RaftMember[], status: RaftStatus): void {
    const { index, term } = this.#proposed;
    if (status.appliedIndex < index && status.hardState.term === term) return;
    const acls = this.#parts.running.parts.machine.read(listRaftAcls);
    const wanted = members.map(({ raftId, nodeId, wantsVote }) => ({
      raftId,
      mayVote: wantsVote && voteVerdict(acls, nodeId).allowed,
    }));
    const present = status.peers.map((peer) => ({
      raftId: peer.id,
      voter: status.membership.voters.includes(peer.id),
      match: peer.match,
      recentlyActive: peer.recentlyActive,
    }));
    const step = nextMembershipStep(wanted, present, status.lastIndex);
    if (!step) return;
    const change = confChange([{ operation: OPERATIONS[step.kind], id: step.raftId }]);
    const result = this.#parts.running.parts.raft.withEngine((engine) => engine.proposeConfChange(change));
    if (result.kind !== "appended" && result.kind !== "voided") return;
    this.#proposed = { index: result.index, term: result.term };
    if (result.kind === "appended") this.#parts.log.info("raft membership", { step: step.kind, raftId: step.raftId });
  }
}
