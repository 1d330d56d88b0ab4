/**
 * Tells the mesh when this node's ports, addresses or wish to vote are no longer what the replicated state says: a host that
 * came back with another address is found again.
 *
 * @module
 */
import { meshRpcAddress, publicRpcAddress } from "./mesh_view.ts";
import { MeshWrites } from "./mesh_writes.ts";
import { type JoinTarget, type SelfDescription, sendJoin } from "./origin.ts";
import type { Running } from "./running.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { sameAnnouncement } from "../state/node_announcement.ts";

/** Compares and tells; one attempt at a time, the next run tries again. */
export class Announcer {
  readonly #running: Running;
  readonly #describe: () => SelfDescription;
  readonly #signal: AbortSignal;
  #isBusy = false;

  /** @param signal Aborted when the node stops. */
  constructor(running: Running, describe: () => SelfDescription, signal: AbortSignal) {
    this.#running = running;
    this.#describe = describe;
    this.#signal = signal;
  }

  /** Starts an attempt if something differs and a leader is known. Never throws. */
  run(): void {
    const self = this.#running.self();
    const leader = this.#running.leader();
    if (!self || !leader || this.#isBusy || this.#signal.aborted) return;
    const description = this.#describe();
    const { config } = this.#running.parts;
    if (isAnnounced(self, description) && (self.wantsVote || !config.asVoter)) return;
    this.#isBusy = true;
    this.#announce(self, leader, description)
      .then(() => this.#running.parts.log.info("announced new addresses", { node: self.id }))
      .catch((error) => {
        const text = error instanceof Error ? error.message : String(error);
        this.#running.parts.log.warn("cannot announce, will try again", { error: text });
      })
      .finally(() => this.#isBusy = false);
  }

  async #announce(self: NodeRecord, leader: NodeRecord, description: SelfDescription): Promise<void> {
    const { machine, raft, clock, config, credentials } = this.#running.parts;
    const { announced, publicKey, ...ports } = description;
    if (this.#running.isLeader) {
      const parameters = { ...ports, primaryEndpoint: announced.primary, endpoints: announced.others };
      await new MeshWrites(machine, raft).update({ ...parameters, id: self.id, publicKey, nowMs: clock.wallMs() });
      return;
    }
    const wished = { ...config, asVoter: config.asVoter || self.wantsVote };
    const send = (target: JoinTarget) =>
      sendJoin(target, credentials, wished, description, self.raftInstance, this.#signal);
    // The tunnel may be what is broken, if this host has moved: then the leader's public address is left.
    const inside = { address: meshRpcAddress(leader), throughTunnel: true };
    const outside = publicRpcAddress(leader);
    await send(inside).catch((error) => {
      if (outside === undefined) throw error;
      return send({ address: outside });
    });
  }
}

function isAnnounced(self: NodeRecord, { announced, raftPort, grpcPort, wireguardPort }: SelfDescription): boolean {
  const { primary: primaryEndpoint, others: endpoints } = announced;
  return sameAnnouncement(self, { raftPort, grpcPort, wireguardPort, primaryEndpoint, endpoints });
}
