/**
 * The time between a node's first turn of Raft and its place in a mesh that somebody leads. The first node of a new mesh makes it.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import { MeshError } from "../plugin/errors.ts";
import type { Log } from "../seams/log.ts";
import type { Changes } from "./changes.ts";
import type { Running } from "./running.ts";

/** While there is no leader the log says so this often, in milliseconds. */
const WAITING_LOG_MS = 5_000;

/** What {@linkcode waitForMesh} needs. */
export interface Arrival {
  readonly running: Running;
  readonly changes: Changes;
  /** Resolves with why the node ended, if it ends meanwhile. */
  readonly ended: Promise<string>;
  /** Whether this is the node that begins a mesh. */
  readonly isFirst: boolean;
  /** Proposes what a mesh begins with. Called again if the mesh is not there after it. */
  readonly makeMesh: () => Promise<void>;
  readonly log: Log;
}

/**
 * Resolves once this node is one of the mesh and knows its leader.
 *
 * @throws {MeshError} `not-joined` if the mesh lets go of the node meanwhile.
 * @throws The signal's reason, when it is aborted.
 */
export async function waitForMesh(arrival: Arrival, stop: AbortSignal): Promise<void> {
  const { running, changes, log } = arrival;
  const isReady = () => running.self() !== undefined && running.leader() !== undefined;
  while (!isReady()) {
    // Everything below settles at once when the node is told to stop: without this the loop would never let go.
    stop.throwIfAborted();
    const waiting = changes.until(() => isReady() || mayMakeMesh(arrival), stop);
    const failed = arrival.ended.then((end) => {
      throw new MeshError("not-joined", `The mesh has let go of this node while it started (${end})`);
    });
    const patience = new AbortController();
    const late = delay(WAITING_LOG_MS, AbortSignal.any([patience.signal, stop])).then(() => "late", () => "over");
    const what = await Promise.race([waiting.then(() => "changed"), late, failed]).finally(() => patience.abort());
    waiting.catch(() => {});
    failed.catch(() => {});
    if (what === "late") {
      const [health] = running.health();
      log.info("waiting for the mesh", { leader: running.leader()?.id ?? "none", why: health?.text, fix: health?.fix });
    }
    if (mayMakeMesh(arrival)) await arrival.makeMesh();
  }
}

function mayMakeMesh({ running, isFirst }: Arrival): boolean {
  return isFirst && running.isLeader && running.nodes().length === 0 && !hasMesh(running);
}

function hasMesh(running: Running): boolean {
  try {
    return running.mesh().meshId !== "";
  } catch {
    return false;
  }
}
