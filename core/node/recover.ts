/**
 * Recovery from lost quorum (`weft raft recover`), on the directory of a node that does not run: the mesh goes on with what
 * this node has, with this node as its only voter, in a new epoch (`core/state/mesh_epoch.ts`).
 *
 * Everything in the local log counts as committed: some of it may have been acknowledged by those who are gone. The nodes
 * that are given up leave the mesh; they hold the log of the epoch before, and links refuse them.
 *
 * @module
 */
import { sqliteWasm } from "../io/assets.ts";
import { dataDirOwner, openDataDir } from "../io/data_dir.ts";
import { processLabel } from "../io/process.ts";
import { loadSqlEngine } from "../io/sqljs.ts";
import { openFileLogStore } from "../io/wal_log_store.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { Disk } from "../seams/disk.ts";
import type { Entry } from "../seams/log_store.ts";
import type { Log } from "../seams/log.ts";
import { StateMachine } from "../state/apply.ts";
import { encodeEntry, responseError } from "../state/codec.ts";
import { leaveCommand } from "../state/commands/leave_node.ts";
import { recoverCommand } from "../state/commands/recover_mesh.ts";
import { nextMeshId } from "../state/mesh_epoch.ts";
import { leftBehind } from "../state/queries/left_behind.ts";
import { listNodes } from "../state/queries/list_nodes.ts";
import { meshInfo } from "../state/queries/mesh_info.ts";

/** What to recover, and how. */
export interface RecoverRequest {
  readonly dataDir: string;
  /** Nodes that stay members besides the one whose directory it is. They must join again all the same. */
  readonly survivors: readonly string[];
  /** False only looks. */
  readonly isConfirmed: boolean;
  readonly disk: Disk;
  readonly nowMs: number;
  readonly log: Log;
}

/** What was done, or would be. */
export interface Recovery {
  readonly nodeId: string;
  /** Before and after. */
  readonly meshId: string;
  readonly newMeshId: string;
  /** End of the local log, before. */
  readonly index: number;
  readonly term: number;
  /** Ids of the nodes that leave the mesh. */
  readonly lost: readonly string[];
  readonly isDone: boolean;
}

/**
 * Recovers the mesh, or says what that would do.
 *
 * @throws {ConfigError} If the directory has no mesh, is in use, or names are not nodes of it.
 */
export async function recoverMesh(request: RecoverRequest): Promise<Recovery> {
  const { disk, log, nowMs } = request;
  const nodeId = await dataDirOwner(request.dataDir, disk);
  if (nodeId === undefined) throw noMesh(request.dataDir);
  await using stack = new AsyncDisposableStack();
  const owner = processLabel();
  const dataDir = stack.use(await openDataDir(request.dataDir, disk, { nodeId, owner }));
  const store = stack.use(await openFileLogStore(dataDir.raftPath, disk, { identity: nodeId, owner, log }));
  const { identity } = dataDir;
  const { snapshot, entries, hardState } = store.stored;
  if (!identity || !snapshot) throw noMesh(request.dataDir);
  if (identity.isLeftBehind) {
    throw new ConfigError(
      `The mesh was recovered without node "${nodeId}" and has gone on`,
      "Start it with --join of a node that is in the mesh.",
    );
  }
  const machine = stack.use(StateMachine.open(await loadSqlEngine(sqliteWasm()), snapshot.data));
  applyAll(machine, entries);
  const mesh = machine.read(meshInfo);
  if (!mesh) throw noMesh(request.dataDir);
  const records = machine.read(listNodes);
  const nodes = records.map(({ id }) => id);
  const kept = [nodeId, ...request.survivors];
  const stranger = kept.find((id) => !nodes.includes(id));
  if (stranger !== undefined) {
    throw new ConfigError(`The mesh has no node "${stranger}"`, `Its nodes are: ${nodes.join(", ")}.`);
  }
  const last = entries.at(-1) ?? snapshot.meta;
  const recovery: Recovery = {
    nodeId,
    meshId: mesh.meshId,
    newMeshId: nextMeshId(mesh.meshId),
    index: last.index,
    term: Math.max(last.term, hardState.term),
    lost: nodes.filter((id) => !kept.includes(id)),
    isDone: request.isConfirmed,
  };
  if (!request.isConfirmed) return recovery;
  // A term of its own: no entry of it is in the log of anybody else.
  const term = recovery.term + 1;
  const changes = [
    ...recovery.lost.map((id) => leaveCommand({ id, nowMs })),
    recoverCommand({
      meshId: mesh.meshId,
      nodeId,
      leftBehind: [...records.filter(({ id }) => id !== nodeId), ...machine.read(leftBehind)],
    }),
  ];
  for (const change of changes) {
    const [response] = machine.applyBatch([{ index: machine.appliedIndex + 1, term, data: encodeEntry(change) }]);
    const error = response && responseError(response);
    if (error !== undefined) throw new ConfigError(`The state refuses the recovery: ${error}`);
  }
  // In this order: half of it is a node that reaches nobody, and a recovery that can be repeated.
  await dataDir.save({ ...identity, meshId: recovery.newMeshId });
  const index = machine.appliedIndex;
  const confState = {
    voters: [identity.raftId],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const image = machine.snapshot();
  await store.installSnapshot({ meta: { index, term, confState }, data: image }, { term, vote: 0, commit: index });
  return recovery;
}

function applyAll(machine: StateMachine, entries: readonly Entry[]): void {
  for (const entry of entries) {
    if (entry.type === "normal") machine.applyBatch([entry]);
    else machine.advanceTo(entry.index, entry.term);
  }
}

function noMesh(dataDir: string): ConfigError {
  return new ConfigError(`There is no state of a mesh in "${dataDir}"`, "Name the node's --data-dir.");
}
