/**
 * Whole nodes in one process: everything real but the tunnel, members on loopback.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import type { NodeConfig } from "../../../core/node/config.ts";
import { type OpenNode, openNode, SOCKET_FILE_NAME } from "../../../core/node/node.ts";
import type { PluginHost } from "../../../core/node/plugin_host.ts";
import type { PluginPlan } from "../../../core/node/plugin_plan.ts";
import { APPLIED_INDEX_KEY, READ_CONSISTENCY_KEY } from "../../../core/plugin/read_level.ts";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import type { JoinRequestSchema, JoinResponse } from "../../../proto/gen/v1/node_messages_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { Control, type NodeStatus } from "../../../proto/gen/weft/v1/control_pb.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { PaperTunnels } from "../../twins/paper_tunnel.ts";

const LOOPBACK = IpAddress.parse("127.0.0.1");
const NETWORK = Prefix.parse("10.83.0.0/29");

/** Nodes of one test and their directories; disposing stops them and removes both. */
export class PaperNodes implements AsyncDisposable {
  readonly tunnels = new PaperTunnels();
  readonly log = new MemoryLog();
  readonly #plan: (nodeId: string) => PluginPlan;
  readonly #directory = Deno.makeTempDirSync({ prefix: "weft-nodes-" });
  readonly #open = new Map<string, OpenNode>();
  readonly #ports = new Map<string, { readonly grpc: number; readonly raft: number }>();

  /** @param plan Plugins of each node, the same for all or by its id. */
  constructor(plan: PluginPlan | ((nodeId: string) => PluginPlan) = []) {
    this.#plan = typeof plan === "function" ? plan : () => plan;
  }

  config(nodeId: string, changes: Partial<NodeConfig> = {}): NodeConfig {
    assert(LOOPBACK && NETWORK);
    const ports = this.#ports.get(nodeId) ?? { grpc: freePort(), raft: freePort() };
    this.#ports.set(nodeId, ports);
    return {
      origin: { kind: "resume" },
      asVoter: false,
      nodeId,
      dataDir: this.dataDir(nodeId),
      inMemory: false,
      primaryEndpoint: LOOPBACK,
      endpoints: [],
      ipv4Network: NETWORK,
      ipv4: true,
      ipv6: true,
      grpcListen: { host: "127.0.0.1", port: ports.grpc },
      raftListen: { host: "127.0.0.1", port: ports.raft },
      wireguardListenPort: 51820,
      interfaceName: "paper0",
      mtu: 1420,
      tls: { kind: "insecure" },
      features: ["nodes"],
      logLevel: "info",
      logFormat: "text",
      ...changes,
    };
  }

  async start(
    nodeId: string,
    changes: Partial<NodeConfig> = {},
    { signal } = new AbortController(),
  ): Promise<OpenNode> {
    const node = await openNode(
      this.config(nodeId, changes),
      this.log,
      signal,
      this.tunnels.open,
      this.#plan(nodeId),
    );
    this.#open.set(nodeId, node);
    return node;
  }

  bootstrap(nodeId: string, changes: Partial<NodeConfig> = {}): Promise<OpenNode> {
    return this.start(nodeId, { origin: { kind: "bootstrap" }, ...changes });
  }

  join(nodeId: string, server: string, changes: Partial<NodeConfig> = {}): Promise<OpenNode> {
    const servers = [{ host: "127.0.0.1", port: this.#ports.get(server)?.grpc ?? 0 }];
    return this.start(nodeId, { origin: { kind: "join", servers }, ...changes });
  }

  async stop(nodeId: string): Promise<void> {
    await this.#open.get(nodeId)?.[Symbol.asyncDispose]();
    this.#open.delete(nodeId);
  }

  /** The plugins of a running node. */
  plugins(nodeId: string): PluginHost {
    const node = this.#open.get(nodeId);
    assert(node, nodeId);
    return node.plugins;
  }

  /** Where a node keeps its state. */
  dataDir(nodeId: string): string {
    return `${this.#directory}/${nodeId}`;
  }

  /** Where a node serves gRPC, `host:port`. */
  address(nodeId: string): string {
    return `127.0.0.1:${this.#ports.get(nodeId)?.grpc}`;
  }

  /** A client of a node's Unix socket. */
  client(nodeId: string): RpcClient {
    return connect({ socketPath: `${this.dataDir(nodeId)}/${SOCKET_FILE_NAME}` }, { kind: "insecure" });
  }

  async status(nodeId: string): Promise<NodeStatus> {
    await using client = this.client(nodeId);
    return (await client.unary(Control.method.getNodeStatus, {})).message;
  }

  /** Asks for all nodes with `metadata`. @returns What the answer says of its level. */
  async read(nodeId: string, metadata: Record<string, string>): Promise<{ level: string; index: number }> {
    await using client = this.client(nodeId);
    const { trailers } = await client.unary(Control.method.listNodes, {}, { metadata });
    return {
      level: trailers.get(READ_CONSISTENCY_KEY) ?? "",
      index: Number(trailers.get(APPLIED_INDEX_KEY)),
    };
  }

  async leave(nodeId: string): Promise<void> {
    await using client = this.client(nodeId);
    await client.unary(Control.method.leave, {}, { deadlineMs: 30_000 });
  }

  async rawJoin(
    server: string,
    request: MessageInitShape<typeof JoinRequestSchema>,
    metadata: Record<string, string> = {},
  ): Promise<JoinResponse> {
    await using client = connect({ address: `127.0.0.1:${this.#ports.get(server)?.grpc}` }, { kind: "insecure" });
    return (await client.unary(Node.method.join, request, { metadata })).message;
  }

  async rawLeave(server: string, id: string): Promise<void> {
    await using client = connect({ address: `127.0.0.1:${this.#ports.get(server)?.grpc}` }, { kind: "insecure" });
    await client.unary(Node.method.leave, { id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const nodeId of [...this.#open.keys()].reverse()) await this.stop(nodeId);
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
