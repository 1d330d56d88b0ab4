/**
 * Tells the mesh when this node's ports, addresses, wish to vote or program are no longer what the replicated state says: a
 * host that came back with another address is found again, and a mesh whose programs are all new uses what they can do.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import { mayChange } from "./join.ts";
import { meshRpcAddress, publicRpcAddress } from "./mesh_view.ts";
import { MeshWrites } from "./mesh_writes.ts";
import { type JoinTarget, type SelfDescription, sendJoin } from "./origin.ts";
import type { Running } from "./running.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { isVersionsKnown, sameAnnouncement } from "../state/node_announcement.ts";
import type { WriteSession } from "../state/write_session.ts";
import type { WriteSessions } from "./write_sessions.ts";

/** Compares and tells; one attempt at a time, the next run tries again. */
export class Announcer {
  readonly #running: Running;
  readonly #describe: () => SelfDescription;
  readonly #sessions: WriteSessions;
  readonly #signal: AbortSignal;
  #isBusy = false;
  /** What was sent and not answered: told again, it is the same write. */
  #unanswered: { readonly text: string; readonly session: WriteSession } | undefined;

  /** @param signal Aborted when the node stops. */
  constructor(running: Running, describe: () => SelfDescription, sessions: WriteSessions, signal: AbortSignal) {
    this.#running = running;
    this.#describe = describe;
    this.#sessions = sessions;
    this.#signal = signal;
  }

  /** True while an attempt is under way. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Starts an attempt if something differs and a leader is known. Never throws. */
  run(): void {
    const self = this.#running.self();
    const leader = this.#running.leader();
    if (!self || !leader || this.#isBusy || this.#signal.aborted) return;
    const description = this.#describe();
    const { config, machine } = this.#running.parts;
    const isProgramKnown = machine.read((reader) => isVersionsKnown(reader, self.id, description));
    if (isProgramKnown && isAnnounced(self, description) && (self.wantsVote || !config.asVoter)) return;
    this.#isBusy = true;
    this.#announce(self, leader, description)
      .then(() => {
        this.#unanswered = undefined;
        this.#running.parts.log.info("announced what has changed", { node: self.id });
      })
      .catch((error) => {
        if (error instanceof MeshError && !mayChange(error)) this.#unanswered = undefined;
        const text = error instanceof Error ? error.message : String(error);
        this.#running.parts.log.warn("cannot announce, will try again", { error: text });
      })
      .finally(() => this.#isBusy = false);
  }

  async #announce(self: NodeRecord, leader: NodeRecord, description: SelfDescription): Promise<void> {
    const { machine, raft, clock, config, credentials } = this.#running.parts;
    const { announced, publicKey, ...ports } = description;
    const session = this.#session(description);
    if (this.#running.isLeader) {
      const parameters = { ...ports, primaryEndpoint: announced.primary, endpoints: announced.others };
      const update = { ...parameters, id: self.id, publicKey, nowMs: clock.wallMs() };
      await new MeshWrites(machine, raft).update(update, session);
      return;
    }
    const wished = { ...config, asVoter: config.asVoter || self.wantsVote };
    const send = (target: JoinTarget) =>
      sendJoin(target, credentials, wished, description, self.raftInstance, session, this.#signal);
    // The tunnel may be what is broken, if this host has moved: then the leader's public address is left.
    const inside = { address: meshRpcAddress(leader), throughTunnel: true };
    const outside = publicRpcAddress(leader);
    await send(inside).catch((error) => {
      if (outside === undefined) throw error;
      return send({ address: outside });
    });
  }

  #session(description: SelfDescription): WriteSession {
    const text = JSON.stringify({ ...description, announced: announcedText(description) });
    if (this.#unanswered?.text !== text) this.#unanswered = { text, session: this.#sessions.next() };
    return this.#unanswered.session;
  }
}

function announcedText({ announced }: SelfDescription): string[] {
  return [announced.primary, ...announced.others].map(String);
}

function isAnnounced(self: NodeRecord, { announced, raftPort, grpcPort, wireguardPort }: SelfDescription): boolean {
  const { primary: primaryEndpoint, others: endpoints } = announced;
  return sameAnnouncement(self, { raftPort, grpcPort, wireguardPort, primaryEndpoint, endpoints });
}
