/**
 * The `weft.v1.Control` service: what the `weft` command asks of a node.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RpcContext, RpcServiceFor } from "../plugin/rpc.ts";
import type { MeshNodeSchema } from "../../proto/gen/v1/mesh_messages_pb.ts";
import type { NodeMetricsSchema } from "../../proto/gen/v1/node_metrics_pb.ts";
import {
  type BackupPieceSchema,
  type BackupRequest,
  Control,
  type ListRaftMembersResponseSchema,
  type NodeStatusSchema,
  type QueryRequest,
  type QueryResponseSchema,
  type RaftDetailsSchema,
  type RestorePiece,
  type RestoreResponseSchema,
  type TakeSnapshotResponseSchema,
  type TransferLeadershipResponseSchema,
} from "../../proto/gen/weft/v1/control_pb.ts";

/** The node behind the service. Everything rejects with a {@linkcode MeshError} if it cannot be done. */
export interface ControlBackend {
  /** The full status of this node for an empty `id`, else of another node of the mesh. */
  nodeStatus(id: string, context: RpcContext): Promise<MessageInitShape<typeof NodeStatusSchema>>;
  /** Device and host of this node for an empty `id`, else of another node of the mesh. */
  nodeMetrics(id: string, context: RpcContext): Promise<MessageInitShape<typeof NodeMetricsSchema>>;
  /** All nodes of the mesh as the local replica has them, ordered by id. */
  listNodes(context: RpcContext): Promise<MessageInitShape<typeof MeshNodeSchema>[]>;
  /** Leaves the mesh and forgets it; the node stops after the answer. */
  leaveMesh(context: RpcContext): Promise<void>;
}

/** What operators do with the Raft group. Everything rejects with a {@linkcode MeshError} if it cannot be done. */
export interface OperationsBackend {
  /** Raft as this node sees it. */
  raftStatus(context: RpcContext): Promise<MessageInitShape<typeof RaftDetailsSchema>>;
  /** The members as the leader sees them, or as this node does if `here`. */
  raftMembers(here: boolean, context: RpcContext): Promise<MessageInitShape<typeof ListRaftMembersResponseSchema>>;
  /** Makes the node `id` lead, or the best voter for an empty `id`; resolves when it does. */
  transferLeadership(
    id: string,
    here: boolean,
    context: RpcContext,
  ): Promise<MessageInitShape<typeof TransferLeadershipResponseSchema>>;
  /** Resolves when a snapshot of the applied state is on stable storage. */
  takeSnapshot(context: RpcContext): Promise<MessageInitShape<typeof TakeSnapshotResponseSchema>>;
  /** Runs a statement that only reads. */
  query(request: QueryRequest, context: RpcContext): Promise<MessageInitShape<typeof QueryResponseSchema>>;
  /** A backup file in pieces, or the rest of one. */
  backup(request: BackupRequest, context: RpcContext): AsyncIterable<MessageInitShape<typeof BackupPieceSchema>>;
  /** Puts a backup file in the place of the state; resolves when it is. */
  restore(
    pieces: AsyncIterable<RestorePiece>,
    context: RpcContext,
  ): Promise<MessageInitShape<typeof RestoreResponseSchema>>;
}

/** The service over both backends. */
export function controlService(
  backend: ControlBackend,
  operations: OperationsBackend,
): RpcServiceFor<typeof Control> {
  return {
    service: Control,
    methods: {
      getNodeStatus: {
        authorisation: "member",
        handle: ({ id }, context) => backend.nodeStatus(id, context),
      },
      getNodeMetrics: {
        authorisation: "member",
        handle: ({ id }, context) => backend.nodeMetrics(id, context),
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
      getRaftStatus: {
        authorisation: "member",
        handle: (_request, context) => operations.raftStatus(context),
      },
      listRaftMembers: {
        authorisation: "member",
        handle: ({ here }, context) => operations.raftMembers(here, context),
      },
      transferLeadership: {
        authorisation: "member",
        handle: ({ id, here }, context) => operations.transferLeadership(id, here, context),
      },
      takeSnapshot: {
        authorisation: "member",
        handle: (_request, context) => operations.takeSnapshot(context),
      },
      query: {
        authorisation: "member",
        handle: (request, context) => operations.query(request, context),
      },
      backup: {
        authorisation: "member",
        handle: (request, context) => operations.backup(request, context),
      },
      restore: {
        authorisation: "local",
        handle: (pieces, context) => operations.restore(pieces, context),
      },
    },
  };
}
