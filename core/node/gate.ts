/**
 * Services are bound before the node has a place in a mesh, so that a port that is taken is found out before anything is
 * changed. Until the node runs, calls are answered with this gate's refusal.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { ControlBackend } from "../rpc/control_service.ts";
import type { NodeBackend } from "../rpc/node_service.ts";
import { validateNodeId } from "../state/node_id.ts";

/** The backends of a running node. */
export interface Backends {
  readonly node: NodeBackend;
  readonly control: ControlBackend;
}

/** Backends that work once the gate is open. */
export class Gate implements Backends {
  #open: Backends | undefined;
  readonly node: NodeBackend;
  readonly control: ControlBackend;

  constructor() {
    const inside = () => this.#inside();
    this.node = {
      nodeIdProblem: validateNodeId,
      join: async (request, context) => await inside().node.join(request, context),
      leave: async (id, context) => await inside().node.leave(id, context),
      status: async (id, context) => await inside().node.status(id, context),
    };
    this.control = {
      nodeStatus: async (id, context) => await inside().control.nodeStatus(id, context),
      listNodes: async (context) => await inside().control.listNodes(context),
      leaveMesh: async (context) => await inside().control.leaveMesh(context),
    };
  }

  /** Lets calls through. */
  open(backends: Backends): void {
    this.#open = backends;
  }

  #inside(): Backends {
    if (this.#open) return this.#open;
    throw new MeshError("unavailable", "This node is still starting", {
      hint: "It waits for its mesh: look at its log, and run the command again.",
    });
  }
}
