/**
 * The Raft group as the control API shows it: Raft status and replicated records to messages. Pure.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RaftMemberStatusSchema } from "../../proto/gen/weft/v1/control_pb.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { formatHostPort } from "./config.ts";

/** When a message of a member last came, on the monotonic clock; `undefined` if none did. */
export type HeardMs = (raftId: number) => number | undefined;

/** All members of the present configuration, by Raft id. */
export function memberViews(
  status: RaftStatus,
  nodes: readonly NodeRecord[],
  nowMs: number,
  heardMs: HeardMs,
): MessageInitShape<typeof RaftMemberStatusSchema>[] {
  const { voters, votersOutgoing, learners, learnersNext } = status.membership;
  const ids = new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]);
  return [...ids].sort((a, b) => a - b).map((raftId) => {
    const node = nodes.find((candidate) => candidate.raftId === raftId);
    const peer = status.peers.find(({ id }) => id === raftId);
    const heard = raftId === status.id ? undefined : heardMs(raftId);
    return {
      id: node?.id ?? "",
      raftId: BigInt(raftId),
      role: raftId === status.leader
        ? "leader"
        : voters.includes(raftId) || votersOutgoing.includes(raftId)
        ? "voter"
        : "learner",
      address: node ? meshRaftAddress(node) : "",
      ...(heard === undefined ? {} : { lastContactMs: BigInt(Math.max(0, Math.round(nowMs - heard))) }),
      ...(peer ? { matchIndex: BigInt(peer.match), lag: BigInt(Math.max(0, status.lastIndex - peer.match)) } : {}),
      progress: peer && raftId !== status.id ? peer.state : "",
    };
  });
}

function meshRaftAddress(node: NodeRecord): string {
  const address = node.preferRaftIpv6 ? node.ipv6 : node.ipv4 ?? node.ipv6;
  return formatHostPort({ host: `${address}`, port: node.raftPort });
}

/**
 * The last time at which this member knew that the group can decide: a leader heard from a majority, itself included;
 * others from the leader. `undefined` if there was none, or no leader is known.
 */
export function quorumHeardMs(status: RaftStatus, nowMs: number, heardMs: HeardMs): number | undefined {
  if (status.leader === 0) return undefined;
  if (status.role !== "leader") return heardMs(status.leader);
  const { voters } = status.membership;
  const times = voters.map((raftId) => raftId === status.id ? nowMs : heardMs(raftId) ?? -Infinity);
  const majority = times.sort((a, b) => b - a)[Math.floor(voters.length / 2)];
  return majority === undefined || majority === -Infinity ? undefined : majority;
}
