/**
 * A node that answers `weft.v1.Control` on a socket, with what a test tells it to.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TargetHost } from "../../../core/cli/target.ts";
import { socketFiles } from "../../../core/io/socket_files.ts";
import { controlService, type OperationsBackend } from "../../../core/rpc/control_service.ts";
import { RpcServer } from "../../../core/rpc/server.ts";
import type { MeshNodeSchema } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import type { NodeMetricsSchema } from "../../../proto/gen/v1/node_metrics_pb.ts";
import type {
  ListRaftMembersResponseSchema,
  NodeStatusSchema,
  QueryRequest,
  QueryResponseSchema,
  RaftDetailsSchema,
  RestoreResponseSchema,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
} from "../../../proto/gen/weft/v1/control_pb.ts";
import { KeptLog } from "../rpc/echo_service.ts";

/** What the node says; a thrown error is its answer. */
export interface FakeAnswers {
  readonly status?: (id: string) => MessageInitShape<typeof NodeStatusSchema>;
  readonly metrics?: (id: string) => MessageInitShape<typeof NodeMetricsSchema>;
  readonly nodes?: () => MessageInitShape<typeof MeshNodeSchema>[];
  readonly leave?: () => void;
  readonly raftStatus?: () => MessageInitShape<typeof RaftDetailsSchema>;
  readonly raftMembers?: (here: boolean) => MessageInitShape<typeof ListRaftMembersResponseSchema>;
  readonly transfer?: (id: string) => MessageInitShape<typeof TransferLeadershipResponseSchema>;
  readonly backup?: () => readonly Uint8Array[];
  readonly restore?: (bytes: Uint8Array, force: boolean) => MessageInitShape<typeof RestoreResponseSchema>;
  readonly query?: (request: QueryRequest, level: string) => MessageInitShape<typeof QueryResponseSchema>;
  readonly snapshot?: () => MessageInitShape<typeof TakeSnapshotResponseSchema>;
}

/** A listening node; its data directory is gone when it is disposed. */
export class FakeNode implements AsyncDisposable {
  readonly dataDir: string;
  readonly #server: RpcServer;

  private constructor(dataDir: string, server: RpcServer) {
    this.dataDir = dataDir;
    this.#server = server;
  }

  static async start(answers: FakeAnswers): Promise<FakeNode> {
    const dataDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
    const backend = {
      nodeStatus: async (id: string) => await Promise.resolve(answers.status?.(id) ?? {}),
      nodeMetrics: async (id: string) => await Promise.resolve(answers.metrics?.(id) ?? {}),
      listNodes: async () => await Promise.resolve(answers.nodes?.() ?? []),
      leaveMesh: async () => await Promise.resolve(answers.leave?.()),
    };
    const operations: OperationsBackend = {
      raftStatus: async () => await Promise.resolve(answers.raftStatus?.() ?? {}),
      raftMembers: async (here) => await Promise.resolve(answers.raftMembers?.(here) ?? {}),
      transferLeadership: async (id) => await Promise.resolve(answers.transfer?.(id) ?? {}),
      query: async (request, { metadata }) =>
        await Promise.resolve(answers.query?.(request, metadata.get("read-consistency") ?? "") ?? {}),
      async *backup() {
        for (const data of answers.backup?.() ?? []) yield await Promise.resolve({ data });
      },
      async restore(pieces) {
        const all = await Array.fromAsync(pieces);
        const bytes = Uint8Array.from(all.flatMap(({ data }) => [...data]));
        return answers.restore?.(bytes, all.some(({ force }) => force)) ?? {};
      },
      takeSnapshot: async () => await Promise.resolve(answers.snapshot?.() ?? {}),
    };
    const server = await RpcServer.start({
      tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
      unix: { path: `${dataDir}/weft.sock`, files: socketFiles },
      services: [controlService(backend, operations)],
      log: new KeptLog(),
    });
    return new FakeNode(dataDir, server);
  }

  /** Where a command looks when it is told nothing else. */
  get host(): TargetHost {
    return { environment: {}, dataDir: this.dataDir };
  }

  /** `host:port` of its TCP listener. */
  get address(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(0);
    await Deno.remove(this.dataDir, { recursive: true });
  }
}
