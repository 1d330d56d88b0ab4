/**
 * Members with keys on the loopback interface, and peers that break the rules.
 *
 * @module
 */
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { systemClock } from "../../../core/io/clock.ts";
import { RaftLinks } from "../../../core/io/raft_link.ts";
import { NodeAuthenticator } from "../../../core/io/raft_link_authenticator.ts";
import { LinkContext, type LinkMember, type LinkParts } from "../../../core/io/raft_link_context.ts";
import { dialMember, type OutgoingConnection } from "../../../core/io/raft_link_dial.ts";
import type { LinkAddress, LinkDropReason, LinkTimings } from "../../../core/io/raft_link_limits.ts";
import { DialFailure, type LinkTls } from "../../../core/io/raft_link_socket.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { PeerMessage } from "../../../core/raft/message.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { MemoryLog } from "../../twins/memory_log.ts";

/** Times that suit a loopback interface and an impatient reader. */
export const FAST: LinkTimings = {
  dialTimeoutMs: 500,
  handshakeTimeoutMs: 1_000,
  backoffFirstMs: 5,
  backoffLastMs: 50,
  pingIntervalMs: 50,
  silenceMaxMs: 250,
  improveIntervalMs: 50,
  idleMaxMs: 2_000,
};

/** Waits for something that takes milliseconds. */
export function soon(what: string, condition: () => boolean): Promise<boolean> {
  return eventually(what, condition, 10_000);
}

/** What a member is made of; links can be opened and closed for it again and again. */
export class Member {
  readonly raftId: number;
  readonly key = PrivateKey.generate(systemRandom);
  readonly log = new MemoryLog();
  readonly received: { from: number; message: PeerMessage }[] = [];
  readonly unreachable: number[] = [];
  /** Where it listens, once it does. */
  port = 0;

  constructor(raftId: number) {
    this.raftId = raftId;
  }

  /** How others know it. */
  describe(addresses: readonly LinkAddress[] = [loopback(this.port)]): LinkMember {
    return { raftId: this.raftId, publicKey: this.key.publicKey(nobleSuite.x25519), addresses };
  }

  /** Everything links need from a node. */
  parts(overrides: Partial<LinkParts> & { meshId?: string } = {}): LinkParts {
    const { meshId = "mesh-1", ...others } = overrides;
    return {
      self: { raftId: this.raftId, meshId, addresses: () => [] },
      tls: undefined,
      authenticator: new NodeAuthenticator(nobleSuite, this.key),
      onMessage: (from, message) => this.received.push({ from, message }),
      onUnreachable: (raftId) => this.unreachable.push(raftId),
      clock: systemClock,
      random: systemRandom,
      log: this.log,
      timings: FAST,
      ...others,
    };
  }

  /** Listens, on the same port as the last time. */
  async open(overrides: Partial<LinkParts> & { meshId?: string; tls?: LinkTls } = {}): Promise<RaftLinks> {
    const links = await RaftLinks.open({ ...this.parts(overrides), listen: [loopback(this.port)] });
    this.port = links.addresses[0]?.port ?? 0;
    return links;
  }

  /** Connects to `to` as this member, or says why it did not get so far; the frames are the caller's. */
  async dial(
    to: LinkMember,
    overrides: Partial<LinkParts> & { meshId?: string } = {},
  ): Promise<OutgoingConnection | LinkDropReason> {
    const context = new LinkContext(this.parts(overrides));
    const address = to.addresses[0] ?? loopback(0);
    const result = await dialMember(context, to, address, () => {}, new AbortController().signal);
    return result instanceof DialFailure ? result.reason : result;
  }
}

/** 127.0.0.1 */
export function loopback(port: number): LinkAddress {
  return { host: "127.0.0.1", port };
}

/** A small message with a number in it. */
export function heartbeat(from: number, to: number, round: number): PeerMessage {
  return { kind: "heartbeat", from, to, term: 1, commit: 0, round };
}

/** The numbers of the heartbeats that a member received. */
export function rounds({ received }: Member): number[] {
  return received.flatMap(({ message }) => message.kind === "heartbeat" ? [message.round] : []);
}
