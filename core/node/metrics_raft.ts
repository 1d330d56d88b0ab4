/**
 * Raft, its links, its log on disk, and the SQL state that it keeps, as this member knows them.
 *
 * @module
 */
import type { LogFootprint } from "../io/log_footprint.ts";
import type { RaftLinkStats } from "../io/raft_link.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { SqlCounts } from "../state/apply.ts";
import type { MetricRegistry } from "./metric_registry.ts";
import type { RaftLoopCounts } from "./raft_loop.ts";
import { singleFlight } from "./single_flight.ts";

/** What is asked at every scrape. */
export interface RaftSources {
  readonly status: () => RaftStatus;
  readonly links: () => RaftLinkStats;
  readonly footprint: () => Promise<LogFootprint | undefined>;
  /** Snapshots that this member has written. */
  readonly snapshotsSavedCount: () => number;
  readonly counts: () => RaftLoopCounts;
  readonly sql: () => SqlCounts;
  readonly isQuarantined: () => boolean;
  /** Id of the node with this Raft id. */
  readonly nameOf: (raftId: number) => string;
}

/** Upper bounds of what a sync takes: an NVMe disk, a network disk, one that leaders should not have. */
const SYNC_BUCKETS_S = [
  0.000_25,
  0.000_5,
  0.001,
  0.002,
  0.004,
  0.008,
  0.016,
  0.032,
  0.064,
  0.128,
  0.256,
  0.512,
  1,
  2,
  4,
];

type Status = readonly [name: string, help: string, valueOf: (status: RaftStatus) => number];

const OF_STATUS: readonly Status[] = [
  ["term", "The current term.", ({ hardState }) => hardState.term],
  ["commit_index", "Last entry that is committed.", ({ hardState }) => hardState.commit],
  ["applied_index", "Last entry that is applied here.", ({ appliedIndex }) => appliedIndex],
  ["first_index", "First entry that is kept in memory.", ({ firstIndex }) => firstIndex],
  ["last_index", "Last entry of the log here.", ({ lastIndex }) => lastIndex],
  [
    "apply_lag_entries",
    "Committed entries that are not applied here.",
    ({ hardState, appliedIndex }) => Math.max(0, hardState.commit - appliedIndex),
  ],
  ["is_leader", "1 if this node leads.", ({ role }) => Number(role === "leader")],
  ["has_leader", "1 if a leader is known.", ({ leader }) => Number(leader !== 0)],
  ["voters", "Members that vote.", ({ membership }) => membership.voters.length],
  ["learners", "Members that do not vote.", ({ membership }) => membership.learners.length],
];

/** Declares the families. */
export function raftMetrics(registry: MetricRegistry, sources: RaftSources): void {
  const own = registry.declare("weft_raft_");
  for (const [name, help, valueOf] of OF_STATUS) {
    own.collect("gauge", { name, help }, () => [{ labels: {}, value: valueOf(sources.status()) }]);
  }
  own.collect(
    "gauge",
    { name: "is_quarantined", help: "1 while this replica does not serve because it differs from the others." },
    () => [{ labels: {}, value: Number(sources.isQuarantined()) }],
  );
  own.collect(
    "gauge",
    {
      name: "peer_lag_entries",
      help: "Entries that a member lacks, as its leader knows; on the leader.",
      labels: ["peer"],
    },
    () => {
      const { peers, lastIndex, id } = sources.status();
      return peers.filter((peer) => peer.id !== id)
        .map((peer) => ({ labels: { peer: sources.nameOf(peer.id) }, value: Math.max(0, lastIndex - peer.match) }));
    },
  );
  ofElections(registry, sources);
  onDisk(registry, sources);
  ofLinks(registry, sources);
  ofSql(registry, sources);
}

/** Declares the family of syncs of the log. Returns where to say how long one took, in milliseconds. */
export function syncMetric(registry: MetricRegistry): (durationMs: number) => void {
  const durations = registry.declare("weft_raft_").histogram(
    { name: "wal_fsync_seconds", help: "Syncs of the log on disk, each for all writes of a moment." },
    SYNC_BUCKETS_S,
  );
  return (durationMs) => durations.observe({}, durationMs / 1000);
}

function ofElections(registry: MetricRegistry, { counts }: RaftSources): void {
  const own = registry.declare("weft_raft_");
  const counter = (name: string, help: string, value: () => number) =>
    own.collect("counter", { name, help }, () => [{ labels: {}, value: value() }]);
  counter(
    "elections_started_total",
    "Elections that this member began, after it had asked whether it would be voted for.",
    () => counts().electionsStarted,
  );
  counter("elections_won_total", "Elections that this member won.", () => counts().electionsWon);
  counter(
    "leader_changes_total",
    "How often another leader became known than the one before.",
    () => counts().leaderChanges,
  );
}

function onDisk(registry: MetricRegistry, { footprint, snapshotsSavedCount, counts }: RaftSources): void {
  const own = registry.declare("weft_raft_");
  const disk = singleFlight(footprint);
  const value = (valueOf: (footprint: LogFootprint) => number | undefined) => async () => {
    const found = await disk();
    const number = found && valueOf(found);
    return [{ labels: {}, value: number ?? 0 }];
  };
  own.collect("gauge", { name: "wal_bytes", help: "The log on disk." }, value(({ walBytes }) => walBytes));
  own.collect("gauge", { name: "wal_files", help: "Files of the log." }, value(({ walFileCount }) => walFileCount));
  own.collect(
    "gauge",
    { name: "snapshot_index", help: "Entry of the newest snapshot on disk." },
    value(({ snapshot }) => snapshot?.index),
  );
  own.collect(
    "gauge",
    { name: "snapshot_bytes", help: "The newest snapshot on disk." },
    value(({ snapshot }) => snapshot?.bytes),
  );
  own.collect(
    "counter",
    { name: "snapshots_saved_total", help: "Snapshots that this member has written." },
    () => [{ labels: {}, value: snapshotsSavedCount() }],
  );
  own.collect(
    "counter",
    { name: "snapshots_sent_total", help: "Snapshots that were begun to be sent to other members." },
    () => [{ labels: {}, value: counts().snapshotsSent }],
  );
  own.collect(
    "counter",
    { name: "snapshots_installed_total", help: "Snapshots of a leader that replaced the state here." },
    () => [{ labels: {}, value: counts().snapshotsInstalled }],
  );
}

function ofLinks(registry: MetricRegistry, { links }: RaftSources): void {
  const own = registry.declare("weft_raft_link_");
  const value = (valueOf: (stats: RaftLinkStats) => number) => () => [{ labels: {}, value: valueOf(links()) }];
  own.collect(
    "counter",
    { name: "messages_sent_total", help: "Messages to other members." },
    value(({ messagesSentCount }) => messagesSentCount),
  );
  own.collect(
    "counter",
    { name: "messages_received_total", help: "Messages from other members." },
    value(({ messagesReceivedCount }) => messagesReceivedCount),
  );
  own.collect(
    "gauge",
    { name: "inbound_connections", help: "Connections of other members." },
    value(({ inboundOpenCount }) => inboundOpenCount),
  );
  own.collect(
    "gauge",
    { name: "queued_bytes", help: "Messages that wait for a connection." },
    value(({ outbound }) => outbound.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0)),
  );
  own.collect(
    "counter",
    { name: "dropped_total", help: "Connections and messages that were dropped, by reason.", labels: ["reason"] },
    () => Object.entries(links().drops).map(([reason, count]) => ({ labels: { reason }, value: count })),
  );
}

function ofSql(registry: MetricRegistry, { sql }: RaftSources): void {
  const own = registry.declare("weft_sql_");
  const value = (valueOf: (counts: SqlCounts) => number) => () => [{ labels: {}, value: valueOf(sql()) }];
  own.collect(
    "counter",
    { name: "entries_applied_total", help: "Log entries that were applied." },
    value(({ appliedCount }) => appliedCount),
  );
  own.collect(
    "counter",
    { name: "entries_failed_total", help: "Log entries whose statements failed, on all replicas alike." },
    value(({ failedCount }) => failedCount),
  );
  own.collect(
    "counter",
    { name: "queries_total", help: "Queries of the state." },
    value(({ queryCount }) => queryCount),
  );
}
