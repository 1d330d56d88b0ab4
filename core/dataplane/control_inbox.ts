/**
 * The worker's side of the conversation with the control thread: what each message does to the engine.
 *
 * @module
 */
import { PublicKey } from "../keys/public_key.ts";
import type { Instant } from "../time/instant.ts";
import type { Engine } from "../wireguard/engine.ts";
import type { LoopDropCounts } from "./loop_drops.ts";
import type { ControlMessage, TunnelPeer, WorkerMessage, WorkerStatus } from "./messages.ts";
import { parsePeer, peerStatus } from "./tunnel_peer.ts";

/** What an inbox works on. */
export interface ControlInboxParts {
  readonly engine: Pick<Engine, "upsertPeer" | "removePeer" | "peers" | "drops" | "lastTimestamp">;
  readonly cryptoSuite: string;
  /** Live counters of the packet loop. */
  readonly loopDrops: LoopDropCounts;
  readonly send: (message: WorkerMessage) => void;
}

/** Carries out messages, and remembers having been told to stop. */
export class ControlInbox {
  readonly #parts: ControlInboxParts;
  #isStopping = false;

  constructor(parts: ControlInboxParts) {
    this.#parts = parts;
  }

  /** True once the control thread has told the worker to stop. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Adds or changes a peer. What the engine refuses is reported and is not the end of the worker. */
  upsertPeer(peer: TunnelPeer, now: Instant): void {
    try {
      this.#parts.engine.upsertPeer(parsePeer(peer), now);
    } catch (error) {
      if (!(error instanceof Error) || error.name === "InvariantError") throw error;
      this.#parts.send({ kind: "peer-refused", publicKey: peer.publicKey, why: error.message });
    }
  }

  /** Does what one message says. */
  carryOut(message: ControlMessage, now: Instant): void {
    switch (message.kind) {
      case "upsert-peer":
        return this.upsertPeer(message.peer, now);
      case "remove-peer": {
        const publicKey = PublicKey.fromBase64(message.publicKey);
        if (publicKey) this.#parts.engine.removePeer(publicKey);
        return;
      }
      case "status":
        return this.#parts.send({ kind: "status", id: message.id, status: this.#status(now) });
      case "stop":
        this.#isStopping = true;
        return;
    }
  }

  #status(now: Instant): WorkerStatus {
    const { engine, cryptoSuite, loopDrops } = this.#parts;
    return {
      cryptoSuite,
      peers: Array.from(engine.peers(), (peer) => peerStatus(peer, now.nowMs)),
      lastTimestamp: engine.lastTimestamp,
      drops: { ...engine.drops, ...loopDrops },
    };
  }
}
