/**
 * How the Raft group looks, as text and as JSON. Everything in it may come from another node, and is not trusted.
 *
 * @module
 */
import type {
  ListRaftMembersResponse,
  RaftDetails,
  TakeSnapshotResponse,
  TransferLeadershipResponse,
} from "../../proto/gen/weft/v1/control_pb.ts";
import { formatAge, formatBytes, type Layout, printable, renderTable } from "./format.ts";

/** The `--json` form of `weft raft members`, without the schema version. */
export function raftMembersJson(view: ListRaftMembersResponse): Record<string, unknown> {
  return {
    viewer: view.viewer,
    term: Number(view.term),
    lastIndex: Number(view.lastIndex),
    members: view.members.map((member) => ({
      id: member.id,
      raftId: Number(member.raftId),
      role: member.role,
      address: member.address,
      lastContactMs: numberOrNull(member.lastContactMs),
      matchIndex: numberOrNull(member.matchIndex),
      lag: numberOrNull(member.lag),
      progress: member.progress,
    })),
  };
}

/** The table form of `weft raft members`. */
export function raftMembersLines(view: ListRaftMembersResponse, layout: Layout): string[] {
  const header = ["NODE", "RAFT ID", "ROLE", "ADDRESS", "MATCH", "LAG", "LAST CONTACT"];
  const rows = view.members.map((member) => [
    member.id,
    `${member.raftId}`,
    member.role,
    member.address,
    textOf(member.matchIndex),
    textOf(member.lag),
    contactText(member.lastContactMs),
  ]);
  return [...renderTable(header, rows, layout), quorumLine(view, layout)];
}

/** How many voters may be lost, by count; and by whom the table is, if not by the leader. */
function quorumLine({ members, viewer }: ListRaftMembersResponse, { style }: Layout): string {
  const voterCount = members.filter(({ role }) => role !== "learner").length;
  const quorum = Math.floor(voterCount / 2) + 1;
  const spare = voterCount - quorum;
  const can = spare === 0 ? "none may be lost" : `${spare} may be lost`;
  const line = `quorum ${quorum} of ${voterCount} voter${voterCount === 1 ? "" : "s"}: ${can}`;
  const leads = members.some(({ id, role }) => role === "leader" && id === viewer);
  return leads ? style.dim(line) : style.yellow(`${line}; as seen by ${field(viewer)}, which does not lead`);
}

/** The `--json` form of `weft raft status`, without the schema version. */
export function raftStatusJson(details: RaftDetails): Record<string, unknown> {
  return {
    id: details.id,
    raftId: Number(details.raftId),
    meshId: details.meshId,
    role: details.role,
    leader: details.leader,
    term: Number(details.term),
    commitIndex: Number(details.commitIndex),
    appliedIndex: Number(details.appliedIndex),
    log: { firstIndex: Number(details.firstIndex), lastIndex: Number(details.lastIndex) },
    voters: details.voters,
    learners: details.learners,
    quorumContactMs: numberOrNull(details.quorumContactMs),
    stateHash: details.stateHash,
    snapshot: {
      index: Number(details.snapshotIndex),
      term: Number(details.snapshotTerm),
      bytes: Number(details.snapshotBytes),
      file: details.snapshotFile,
    },
    wal: { bytes: Number(details.walBytes), files: details.walFiles },
    electionTimeoutMs: Number(details.electionTimeoutMs),
    heartbeatMs: Number(details.heartbeatMs),
    quarantine: details.quarantine,
  };
}

/** The text form of `weft raft status`. */
export function raftStatusLines(details: RaftDetails, { style }: Layout): string[] {
  const { electionTimeoutMs: election } = details;
  const facts: [string, string][] = [
    ["node", `${field(details.id)}  raft id ${details.raftId}`],
    ["mesh", field(details.meshId)],
    ["role", details.role === "leader" ? style.green("leader") : field(details.role)],
    ["leader", details.leader ? field(details.leader) : style.red("none")],
    ["term", `${details.term}`],
    [
      "quorum",
      `${Math.floor(details.voters / 2) + 1} of ${details.voters}, heard of ${
        contactText(details.quorumContactMs) || "never"
      }`,
    ],
    ["commit", `${details.commitIndex}`],
    ["applied", `${details.appliedIndex}`],
    ["log", `${details.firstIndex} to ${details.lastIndex}`],
    ["snapshot", snapshotText(details)],
    ["wal", `${formatBytes(Number(details.walBytes))} in ${details.walFiles} file${details.walFiles === 1 ? "" : "s"}`],
    ["timing", `election ${election} to ${election * 2n} ms, heartbeat ${details.heartbeatMs} ms`],
    ["state", field(details.stateHash)],
    ...details.quarantine === ""
      ? []
      : [["quarantine", style.red(field(details.quarantine))] satisfies [string, string]],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${style.bold(name.padEnd(width))}  ${value}`);
}

function snapshotText({ snapshotIndex, snapshotTerm, snapshotBytes, snapshotFile }: RaftDetails): string {
  if (snapshotIndex === 0n) return "none";
  return `${snapshotIndex}  term ${snapshotTerm}  ${formatBytes(Number(snapshotBytes))}  ${field(snapshotFile)}`;
}

/** The `--json` form of `weft raft transfer`, without the schema version. */
export function transferJson({ leader, term, moved }: TransferLeadershipResponse): Record<string, unknown> {
  return { leader, term: Number(term), moved };
}

/** The text form of `weft raft transfer`. */
export function transferLines({ leader, term, moved }: TransferLeadershipResponse): string[] {
  return [`${field(leader)} ${moved ? "leads now" : "leads already"}, in term ${term}.`];
}

/** The `--json` form of `weft raft snapshot`, without the schema version. */
export function snapshotJson({ index, term, bytes, file }: TakeSnapshotResponse): Record<string, unknown> {
  return { index: Number(index), term: Number(term), bytes: Number(bytes), file };
}

/** The text form of `weft raft snapshot`. */
export function snapshotLines({ index, term, bytes, file }: TakeSnapshotResponse): string[] {
  const where = file === "" ? "  in memory only" : `  ${field(file)}`;
  return [`Snapshot at index ${index}, term ${term}: ${formatBytes(Number(bytes))}${where}`];
}

function numberOrNull(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value);
}

function textOf(value: bigint | undefined): string {
  return value === undefined ? "" : `${value}`;
}

/** Below a second what counts are milliseconds. */
function contactText(ms: bigint | undefined): string {
  if (ms === undefined) return "";
  return ms < 1000n ? `${ms} ms ago` : `${formatAge(Number(ms))} ago`;
}

function field(text: string): string {
  return printable(text) || "-";
}
