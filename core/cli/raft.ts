/**
 * `weft raft members|status|transfer|snapshot`: the Raft group, looked at and handled.
 *
 * @module
 */
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import type { Output } from "./output.ts";
import { type FormatOptions, wantsJson } from "./output_format.ts";
import {
  raftMembersJson,
  raftMembersLines,
  raftStatusJson,
  raftStatusLines,
  snapshotJson,
  snapshotLines,
  transferJson,
  transferLines,
} from "./raft_view.ts";
import { askNode, CALL_TIMEOUT_MS, type TargetHost, type TargetOptions } from "./target.ts";

/** Options of these commands, as the user gave them. */
export type RaftOptions = TargetOptions & FormatOptions;

/** Writing a large snapshot takes a while, in milliseconds. */
export const SNAPSHOT_TIMEOUT_MS = 60_000;

/** Prints the members as the leader sees them. */
export async function runRaftMembers(options: RaftOptions, host: TargetHost, output: Output): Promise<void> {
  const json = wantsJson(options);
  const { message } = await askNode(
    options,
    host,
    (client) => client.unary(Control.method.listRaftMembers, {}, { deadlineMs: CALL_TIMEOUT_MS }),
  );
  if (json) output.json(raftMembersJson(message));
  else output.lines(raftMembersLines(message, output.layout));
}

/** Prints Raft as the asked node sees it. */
export async function runRaftStatus(options: RaftOptions, host: TargetHost, output: Output): Promise<void> {
  const json = wantsJson(options);
  const { message } = await askNode(
    options,
    host,
    (client) => client.unary(Control.method.getRaftStatus, {}, { deadlineMs: CALL_TIMEOUT_MS }),
  );
  if (json) output.json(raftStatusJson(message));
  else output.lines(raftStatusLines(message, output.layout));
}

/** Makes `nodeId` lead, or the best voter if it is empty; returns when it does. */
export async function runRaftTransfer(
  nodeId: string,
  options: RaftOptions,
  host: TargetHost,
  output: Output,
): Promise<void> {
  const json = wantsJson(options);
  const { message } = await askNode(
    options,
    host,
    (client) => client.unary(Control.method.transferLeadership, { id: nodeId }, { deadlineMs: CALL_TIMEOUT_MS }),
  );
  if (json) output.json(transferJson(message));
  else output.lines(transferLines(message));
}

/** Makes the asked node write a snapshot, and says where it is. */
export async function runRaftSnapshot(options: RaftOptions, host: TargetHost, output: Output): Promise<void> {
  const json = wantsJson(options);
  const { message } = await askNode(
    options,
    host,
    (client) => client.unary(Control.method.takeSnapshot, {}, { deadlineMs: SNAPSHOT_TIMEOUT_MS }),
  );
  if (json) output.json(snapshotJson(message));
  else output.lines(snapshotLines(message));
}
