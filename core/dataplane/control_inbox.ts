/**
 * The worker's side of the conversation with the control thread: what each message does to the engine.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { PrivateKey } from "../keys/private_key.ts";
import { PublicKey } from "../keys/public_key.ts";
import type { Instant } from "../time/instant.ts";
import type { Engine } from "../wireguard/engine.ts";
import type { LoopDropCounts } from "./loop_drops.ts";
import type { ControlMessage, TunnelPeer, WorkerMessage, WorkerStatus } from "./messages.ts";
import { parseEndpoint, parsePeer, peerStatus } from "./tunnel_peer.ts";

/** What an inbox works on. */
export interface ControlInboxParts {
  readonly engine: Pick<
    Engine,
    | "upsertPeer"
    | "removePeer"
    | "moveEndpoint"
    | "setPrivateKey"
    | "raiseTimestampCeiling"
    | "pause"
    | "resume"
    | "peers"
    | "drops"
    | "handshakeCounts"
    | "isUnderLoad"
    | "lastTimestamp"
  >;
  readonly cryptoSuite: string;
  /** Whether it begins paused; the engine is paused already then. */
  readonly isPaused: boolean;
  /** Live counters of the packet loop. */
  readonly loopDrops: LoopDropCounts;
  /** Takes the largest packet inside the tunnel, in bytes. */
  readonly setMtu: (mtu: number) => void;
  /** Lets peers hear from this node at once; `hasMoved` as in the message. */
  readonly underlayChanged: (hasMoved: boolean, now: Instant) => void;
  readonly send: (message: WorkerMessage) => void;
}

/** Carries out messages, and remembers having been told to stop. */
export class ControlInbox {
  readonly #parts: ControlInboxParts;
  #isStopping = false;
  #isPaused: boolean;

  constructor(parts: ControlInboxParts) {
    this.#parts = parts;
    this.#isPaused = parts.isPaused;
  }

  /** True once the control thread has told the worker to stop. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** True while device and sockets are not to be touched. */
  get isPaused(): boolean {
    return this.#isPaused;
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
      case "move-peer": {
        const publicKey = PublicKey.fromBase64(message.publicKey);
        const endpoint = parseEndpoint(message.endpoint);
        if (publicKey && endpoint) this.#parts.engine.moveEndpoint(publicKey, endpoint);
        return;
      }
      case "set-private-key":
        return this.#setPrivateKey(message.privateKey);
      case "set-mtu":
        return this.#parts.setMtu(message.mtu);
      case "underlay-changed":
        return this.#parts.underlayChanged(message.hasMoved, now);
      case "raise-timestamp-ceiling":
        return this.#parts.engine.raiseTimestampCeiling(message.ceiling);
      case "pause":
        this.#isPaused = true;
        return this.#parts.engine.pause();
      case "resume":
        this.#isPaused = false;
        return this.#parts.engine.resume();
      case "status":
        return this.#parts.send({ kind: "status", id: message.id, status: this.#status(now) });
      case "stop":
        this.#isStopping = true;
        return;
    }
  }

  #setPrivateKey(bytes: Uint8Array): void {
    using privateKey = PrivateKey.fromBytes(bytes);
    bytes.fill(0);
    assert(privateKey !== undefined, "the control thread hands over a whole key");
    this.#parts.engine.setPrivateKey(privateKey);
  }

  #status(now: Instant): WorkerStatus {
    const { engine, cryptoSuite, loopDrops } = this.#parts;
    return {
      cryptoSuite,
      peers: Array.from(engine.peers(), (peer) => peerStatus(peer, now.nowMs)),
      lastTimestamp: engine.lastTimestamp,
      drops: { ...engine.drops, ...loopDrops },
      handshakes: { ...engine.handshakeCounts },
      isUnderLoad: engine.isUnderLoad(now.nowMs),
    };
  }
}
