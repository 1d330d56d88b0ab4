/**
 * Services are bound before the node has a place in a mesh, so that a port that is taken is found out before anything is
 * changed. Until the node runs, calls are answered with this gate's refusal.
 *
 * @module
 */
import { MeshError, type MeshErrorReason } from "../plugin/errors.ts";
import type { ControlBackend, OperationsBackend } from "../rpc/control_service.ts";
import type { NodeBackend } from "../rpc/node_service.ts";
import { validateNodeId } from "../state/node_id.ts";

/** The backends of a running node. */
export interface Backends {
  readonly node: NodeBackend;
  readonly control: ControlBackend;
  readonly operations: OperationsBackend;
}

/** Backends that work once the gate is open. */
export class Gate implements Backends {
  #open: Backends | undefined;
  #isLeftBehind = false;
  readonly node: NodeBackend;
  readonly control: ControlBackend;
  readonly operations: OperationsBackend;

  constructor() {
    const inside = () => this.#inside(STARTING);
    const joined = () => this.#inside(NOT_JOINED);
    this.node = {
      nodeIdProblem: validateNodeId,
      join: async (request, context) => await inside().node.join(request, context),
      leave: async (id, context) => await inside().node.leave(id, context),
      status: async (id, context) => await inside().node.status(id, context),
    };
    this.control = {
      nodeStatus: async (id, context) => await joined().control.nodeStatus(id, context),
      nodeMetrics: async (id, context) => await joined().control.nodeMetrics(id, context),
      listNodes: async (context) => await joined().control.listNodes(context),
      leaveMesh: async (context) => await joined().control.leaveMesh(context),
    };
    this.operations = {
      raftStatus: async (context) => await joined().operations.raftStatus(context),
      raftMembers: async (here, context) => await joined().operations.raftMembers(here, context),
      transferLeadership: async (id, here, context) => await joined().operations.transferLeadership(id, here, context),
      takeSnapshot: async (context) => await joined().operations.takeSnapshot(context),
      query: async (request, context) => await joined().operations.query(request, context),
      backup: async function* (request, context) {
        yield* joined().operations.backup(request, context);
      },
      restore: async (pieces, context) => await joined().operations.restore(pieces, context),
    };
  }

  /** Lets calls through. */
  open(backends: Backends): void {
    this.#open = backends;
  }

  /** Refuses calls from now on: the mesh has gone on without this node. */
  leaveBehind(): void {
    this.#isLeftBehind = true;
    this.#open = undefined;
  }

  #inside(refusal: Refusal): Backends {
    if (this.#isLeftBehind) throw new MeshError(LEFT_BEHIND.reason, LEFT_BEHIND.message, { hint: LEFT_BEHIND.hint });
    if (this.#open) return this.#open;
    throw new MeshError(refusal.reason, refusal.message, { hint: refusal.hint });
  }
}

interface Refusal {
  readonly reason: MeshErrorReason;
  readonly message: string;
  readonly hint: string;
}

/** To everybody. */
const LEFT_BEHIND: Refusal = {
  reason: "not-joined",
  message: "The mesh was recovered without this node and has gone on: what this node holds is of an earlier epoch",
  hint: "Stop it and start it with --join HOST:PORT of a node of the mesh: it gets its addresses back.",
};

/** To other nodes and programs, which may try again. */
const STARTING: Refusal = {
  reason: "unavailable",
  message: "This node is still starting",
  hint: "Try again in a moment.",
};

/** To the operator, who wants to know why. */
const NOT_JOINED: Refusal = {
  reason: "not-joined",
  message: "This node waits for its place in a mesh",
  hint: "Its log says what it waits for.",
};
