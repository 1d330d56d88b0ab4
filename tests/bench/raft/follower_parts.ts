/**
 * What both ends of the follower's benchmark agree on.
 *
 * @module
 */
import { systemClock } from "../../../core/io/clock.ts";
import { NodeAuthenticator } from "../../../core/io/raft_link_authenticator.ts";
import { RaftLinks } from "../../../core/io/raft_link.ts";
import { LINK_TIMINGS } from "../../../core/io/raft_link_limits.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { createLog } from "../../../core/io/stderr_log.ts";
import type { CryptoSuite } from "../../../core/crypto/suite.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { PeerMessage } from "../../../core/raft/message.ts";
import type { Log } from "../../../core/seams/log.ts";

/** Raft ids. */
export const LEADER = 1;
/** See {@linkcode LEADER}. */
export const FOLLOWER = 2;
/** A third member, which nobody runs, so that the two are no majority of one. */
const ABSENT = 3;
/** The only term. */
export const TERM = 1;
/** The membership from the start. */
export const CONF_STATE = {
  voters: [LEADER, FOLLOWER, ABSENT],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

const HOST = "127.0.0.1";

/** For both ends: only what goes wrong is said. */
export const BENCH_LOG: Log = createLog({
  level: "warn",
  format: "text",
  color: false,
  write: (line) => console.error(line.trimEnd()),
});

/** Keys that anybody can guess: nobody else is there. */
function keyOf(raftId: number): PrivateKey {
  const key = PrivateKey.fromBytes(new Uint8Array(32).fill(raftId));
  if (!key) throw new Error("32 bytes are a key");
  return key;
}

/** The links of one end, which listens; {@linkcode meet} tells it where the other one does. */
export async function openEnd(
  suite: CryptoSuite,
  raftId: typeof LEADER | typeof FOLLOWER,
  onMessage: (message: PeerMessage) => void,
): Promise<{ readonly links: RaftLinks; readonly port: number }> {
  const links = await RaftLinks.open({
    listen: [{ host: HOST, port: 0 }],
    self: { raftId, meshId: "bench", addresses: () => [] },
    tls: undefined,
    authenticator: new NodeAuthenticator(suite, keyOf(raftId)),
    onMessage: (_, message) => onMessage(message),
    onUnreachable: () => {},
    clock: systemClock,
    random: systemRandom,
    log: BENCH_LOG,
    timings: LINK_TIMINGS,
  });
  return { links, port: links.addresses[0]?.port ?? 0 };
}

/** The other end listens on `port`. */
export function meet(links: RaftLinks, suite: CryptoSuite, peer: typeof LEADER | typeof FOLLOWER, port: number): void {
  const publicKey = keyOf(peer).publicKey(suite.x25519);
  links.setMembers([{ raftId: peer, publicKey, addresses: [{ host: HOST, port }] }]);
}
