/**
 * What one run is like: sizes, limits, delays and faults, all drawn from the seed, so that runs differ in kind and not only
 * in luck. Half of the runs leave out whole kinds of faults: what hides behind a frequent fault shows when it is gone.
 *
 * @module
 */
import { RAFT_DEFAULTS, type RaftConfig } from "../../core/raft/config.ts";
import type { SnapshotPolicy } from "../../core/node/snapshot_keeper.ts";
import { Chance } from "./chance.ts";

/** Everything of the engine's configuration that is the same for all members. */
export type SharedRaftConfig = Omit<RaftConfig, "id" | "random" | "appliedIndex">;

/** How the network treats packets. Probabilities per packet. */
export interface NetworkPlan {
  readonly delayMinUs: number;
  readonly delayMeanUs: number;
  readonly loss: number;
  readonly duplicate: number;
  /** Packets of one link arrive in order, as over one connection. */
  readonly isOrdered: boolean;
  /** Packets go through the codec of the product. */
  readonly isEncoded: boolean;
  /** A lost packet is told to its sender, as by a connection that breaks. */
  readonly tellsLoss: number;
  readonly snapshotLoss: number;
}

/** How disks behave. Probabilities per call. */
export interface DiskPlan {
  readonly callUs: number;
  readonly syncMeanUs: number;
  readonly stall: number;
  readonly stallUs: number;
  readonly syncError: number;
  readonly ioError: number;
  /** After a failed sync the cache shows what is on the disk (XFS), instead of what is not (ext4). */
  readonly revertsFailedSync: boolean;
  /** An unsynced sector is garbage after a power loss; only where the group can lose the member. */
  readonly garbage: number;
}

/** What may go wrong besides; how often relative to each other, 0 for never. */
export interface FaultWeights {
  readonly power: number;
  readonly powerAll: number;
  readonly kill: number;
  readonly crashAtDiskCall: number;
  readonly stop: number;
  readonly pause: number;
  readonly partition: number;
  readonly heal: number;
  readonly clog: number;
  readonly swizzle: number;
  readonly replay: number;
  readonly unreachable: number;
  readonly diskFull: number;
  readonly rot: number;
  readonly wipe: number;
  readonly transfer: number;
  readonly forget: number;
  readonly campaign: number;
  readonly clock: number;
  readonly membership: number;
}

/** What clients do. */
export interface WorkloadPlan {
  readonly clients: number;
  readonly keys: number;
  readonly thinkUs: number;
  readonly reads: number;
  readonly timeoutUs: number;
  /** Writes are up to this much longer than they need to be. */
  readonly paddingBytes: number;
}

/** One run. */
export interface Plan {
  readonly voters: number;
  readonly tickUs: number;
  /** Members have the product's ticker: ticks come late, all at once, and commit notices wait for company. */
  readonly hasTicker: boolean;
  readonly raft: SharedRaftConfig;
  readonly snapshots: SnapshotPolicy;
  readonly segmentBytes: number;
  readonly network: NetworkPlan;
  readonly disk: DiskPlan;
  readonly faultMeanUs: number;
  readonly weights: FaultWeights;
  readonly downMeanUs: number;
  readonly workload: WorkloadPlan;
  /** Largest deviation of a member's clock rate. */
  readonly drift: number;
  /** Largest deviation of a member's wall clock. */
  readonly wallSkewUs: number;
}

const MS = 1000;
const SECOND = 1000 * MS;

const NO_FAULTS: FaultWeights = {
  power: 0,
  powerAll: 0,
  kill: 0,
  crashAtDiskCall: 0,
  stop: 0,
  pause: 0,
  partition: 0,
  heal: 0,
  clog: 0,
  swizzle: 0,
  replay: 0,
  unreachable: 0,
  diskFull: 0,
  rot: 0,
  wipe: 0,
  transfer: 0,
  forget: 0,
  campaign: 0,
  clock: 0,
  membership: 0,
};

/** A calm run of `voters` members with the timing of production and nothing that goes wrong; for scenarios. */
export function calmPlan(voters: number, changes: Partial<Plan> = {}): Plan {
  return {
    voters,
    tickUs: 50 * MS,
    hasTicker: false,
    raft: { ...RAFT_DEFAULTS, electionTicks: 20, heartbeatTicks: 2 },
    snapshots: { entryCount: 1000, logBytes: 1 << 20, trailingEntryCount: 100 },
    segmentBytes: 64 << 10,
    network: {
      delayMinUs: MS,
      delayMeanUs: 0,
      loss: 0,
      duplicate: 0,
      isOrdered: true,
      isEncoded: true,
      tellsLoss: 0,
      snapshotLoss: 0,
    },
    disk: {
      callUs: 10,
      syncMeanUs: 0,
      stall: 0,
      stallUs: 0,
      syncError: 0,
      ioError: 0,
      revertsFailedSync: false,
      garbage: 0,
    },
    faultMeanUs: 0,
    weights: NO_FAULTS,
    downMeanUs: SECOND,
    workload: { clients: 0, keys: 4, thinkUs: 10 * MS, reads: 0.4, timeoutUs: 5 * SECOND, paddingBytes: 0 },
    drift: 0,
    wallSkewUs: 0,
    ...changes,
  };
}

/** The plan of `seed`. */
export function drawPlan(seed: number): Plan {
  return withProductTime(drawKind(seed), Chance.stream(seed, "product"));
}

/** Answers are on their way for up to a tick in each direction; a candidate that waits for less is never elected. */
const RETRY_TICKS_MIN = 4;

/** With a delay of up to a tick, patience that differs by less splits votes again and again. */
const SPREAD_TICKS_MIN = 5;

/** Half of the runs have more of what a node sets: see `raft_times.ts`. */
function withProductTime(plan: Plan, chance: Chance): Plan {
  if (chance.oneIn(2)) return plan;
  const { raft, raft: { electionTicks } } = plan;
  return {
    ...plan,
    hasTicker: !chance.oneIn(3),
    raft: {
      ...raft,
      retryTicks: Math.max(
        RETRY_TICKS_MIN,
        chance.oneOf(Math.ceil(electionTicks * 0.6), chance.between(1, electionTicks)),
      ),
      heartbeatTicks: chance.oneOf(raft.heartbeatTicks, electionTicks >> 1),
      spreadTicks: Math.max(SPREAD_TICKS_MIN, chance.oneOf(Math.ceil(electionTicks * 0.6), electionTicks)),
    },
  };
}

function drawKind(seed: number): Plan {
  const chance = Chance.stream(seed, "plan");
  const tickUs = chance.oneOf(50 * MS, 10 * MS, 10 * MS);
  const electionTicks = chance.oneOf(20, 10, chance.between(5, 12));
  const network = drawNetwork(chance, tickUs);
  return {
    voters: chance.oneOf(1, 2, 3, 3, 3, 3, 4, 5, 5),
    tickUs,
    hasTicker: false,
    raft: drawRaft(chance, electionTicks, network.isOrdered),
    snapshots: {
      entryCount: chance.oneOf(5, 5, 20, chance.between(6, 60), 300),
      logBytes: 1 << 20,
      trailingEntryCount: chance.oneOf(0, 2, chance.between(0, 40)),
    },
    segmentBytes: chance.oneOf(2 << 10, 4 << 10, 16 << 10, 64 << 10),
    network,
    disk: drawDisk(chance),
    faultMeanUs: tickUs * electionTicks * chance.oneOf(0.5, 2, 4, 10),
    weights: drawWeights(chance),
    downMeanUs: tickUs * electionTicks * chance.oneOf(0.2, 1, 4),
    workload: {
      clients: chance.between(1, 6),
      keys: chance.between(1, 4),
      thinkUs: chance.oneOf(MS, 10 * MS, 50 * MS),
      reads: chance.oneOf(0.2, 0.5, 0.8),
      timeoutUs: tickUs * electionTicks * chance.between(1, 8),
      paddingBytes: chance.oneOf(0, 0, 600, 3000),
    },
    drift: chance.oneOf(0, 0.0005, 0.05),
    wallSkewUs: chance.oneOf(0, 100 * MS, 5 * SECOND),
  };
}

function drawRaft(chance: Chance, electionTicks: number, isOrdered: boolean): SharedRaftConfig {
  /** Legal but rare: each limit is tiny in some runs. */
  const tiny = (usual: number, small: number) => chance.oneIn(3) ? small : usual;
  const maxAppendBytes = tiny(RAFT_DEFAULTS.maxAppendBytes, chance.oneOf(1, 100, 300));
  // Each append that overtakes another one is refused, and the refusal sends the whole window again. Many small appends
  // on a network without order breed like that; members' connections keep order.
  const breeds = !isOrdered && maxAppendBytes < RAFT_DEFAULTS.maxAppendBytes;
  return {
    ...RAFT_DEFAULTS,
    electionTicks,
    heartbeatTicks: chance.between(1, Math.max(1, electionTicks >> 2)),
    maxAppendBytes,
    maxInflightAppendsCount: breeds
      ? chance.between(1, 4)
      : tiny(RAFT_DEFAULTS.maxInflightAppendsCount, chance.between(1, 4)),
    maxInflightBytes: tiny(RAFT_DEFAULTS.maxInflightBytes, chance.oneOf(1, 200)),
    maxUncommittedBytes: tiny(RAFT_DEFAULTS.maxUncommittedBytes, chance.oneOf(1, 200)),
    maxUnstableBytes: tiny(RAFT_DEFAULTS.maxUnstableBytes, chance.oneOf(1, 300)),
    maxApplyingBytes: tiny(RAFT_DEFAULTS.maxApplyingBytes, chance.oneOf(1, 100, 300)),
    maxPendingReadsCount: tiny(RAFT_DEFAULTS.maxPendingReadsCount, chance.between(1, 3)),
  };
}

function drawNetwork(chance: Chance, tickUs: number): NetworkPlan {
  return {
    delayMinUs: chance.oneOf(100, MS, tickUs >> 2),
    delayMeanUs: chance.oneOf(100, MS, tickUs >> 1, tickUs * 2),
    loss: chance.oneOf(0, 0, 0.01, 0.05, 0.2),
    duplicate: chance.oneOf(0, 0.02, 0.2),
    isOrdered: chance.oneIn(3),
    isEncoded: chance.oneIn(8),
    tellsLoss: chance.oneOf(0, 0.5, 1),
    snapshotLoss: chance.oneOf(0, 0.1, 0.5),
  };
}

function drawDisk(chance: Chance): DiskPlan {
  const hasErrors = chance.oneIn(3);
  return {
    callUs: chance.oneOf(5, 20, 200),
    syncMeanUs: chance.oneOf(50, 200, 2 * MS, 20 * MS),
    stall: chance.oneOf(0, 0, 0.0005, 0.002),
    stallUs: chance.oneOf(200 * MS, 5 * SECOND),
    syncError: hasErrors ? 0.0005 : 0,
    ioError: hasErrors ? 0.0003 : 0,
    revertsFailedSync: chance.oneIn(2),
    garbage: chance.oneIn(10) ? 0.05 : 0,
  };
}

function drawWeights(chance: Chance): FaultWeights {
  const isFocused = chance.oneIn(2);
  const weight = (usual: number) => isFocused && chance.oneIn(2) ? 0 : usual;
  return {
    power: weight(6),
    powerAll: weight(1),
    kill: weight(4),
    crashAtDiskCall: weight(6),
    stop: weight(2),
    pause: weight(4),
    partition: weight(8),
    heal: weight(6),
    clog: weight(4),
    swizzle: weight(1),
    replay: weight(20),
    unreachable: weight(2),
    diskFull: weight(1),
    rot: weight(0.5),
    wipe: weight(0.5),
    transfer: weight(5),
    forget: weight(1),
    campaign: weight(1),
    clock: weight(2),
    membership: weight(chance.oneOf(0, 6, 20)),
  };
}

/** A plan whose faults of these kinds are left out; for narrowing down what a failing seed needs. */
export function without(plan: Plan, kinds: readonly string[]): Plan {
  const names = new Set(kinds);
  const weights = { ...plan.weights };
  for (const name of fieldNames(weights)) if (names.has(name)) weights[name] = 0;
  const { network, disk } = plan;
  return {
    ...plan,
    weights,
    network: {
      ...network,
      loss: names.has("loss") ? 0 : network.loss,
      duplicate: names.has("duplicate") ? 0 : network.duplicate,
      snapshotLoss: names.has("loss") ? 0 : network.snapshotLoss,
    },
    disk: names.has("disk") ? { ...disk, stall: 0, syncError: 0, ioError: 0, garbage: 0 } : disk,
  };
}

function fieldNames(weights: FaultWeights): (keyof FaultWeights)[] {
  return Object.keys(weights).filter((name): name is keyof FaultWeights => name in weights);
}
