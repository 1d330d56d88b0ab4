/**
 * The `weft.v1.Control` service: what the `weft` command asks of a node.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RpcContext, RpcServiceFor } from "../plugin/rpc.ts";
import type { MeshNodeSchema } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { Control, type NodeStatusSchema } from "../../proto/gen/weft/v1/control_pb.ts";

/** The node behind the service. Everything rejects with a {@linkcode MeshError} if it cannot be done. */
export interface ControlBackend {
  /** The full status of this node for an empty `id`, else of another node of the mesh. */
  nodeStatus(id: string, context: RpcContext): Promise<MessageInitShape<typeof NodeStatusSchema>>;
  /** All nodes of the mesh as the local replica has them, ordered by id. */
  listNodes(context: RpcContext): Promise<MessageInitShape<typeof MeshNodeSchema>[]>;
  /** Leaves the mesh and forgets it; the node stops after the answer. */
  leaveMesh(context: RpcContext): Promise<void>;
}

/** The service over `backend`. */
export function controlService(backend: ControlBackend): RpcServiceFor<typeof Control> {
  return {
    service: Control,
    methods: {
      getNodeStatus: {
        authorisation: "member",
        handle: ({ id }, context) => backend.nodeStatus(id, context),
      },
      listNodes: {
        authorisation: "member",
        handle: async (_request, context) => ({ nodes: await backend.listNodes(context) }),
      },
      leave: {
        authorisation: "local",
        async handle(_request, context) {
          await backend.leaveMesh(context);
          return {};
        },
      },
    },
  };
}
