/**
 * One real node with plugins, everything real but the tunnel.
 *
 * @module
 */
import type { Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Control, type NodeStatus } from "../../../proto/gen/weft/v1/control_pb.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import type { NodeConfig } from "../../../core/node/config.ts";
import { type OpenNode, openNode, SOCKET_FILE_NAME } from "../../../core/node/node.ts";
import type { PluginHost } from "../../../core/node/plugin_host.ts";
import type { PlannedPlugin, PluginPlan } from "../../../core/node/plugin_plan.ts";
import type { Host } from "../../../core/plugin/host.ts";
import type { Start } from "../../../core/plugin/plugin.ts";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import { assert } from "../../../core/assert.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { PaperTunnels } from "../../twins/paper_tunnel.ts";

/** What a test says of a plugin. */
export interface PlannedFixture {
  readonly name: string;
  readonly feature?: Feature;
  readonly needs?: readonly string[];
  readonly start: Start<Host>;
}

/** A plugin that is wanted and configured. */
export function planned({ name, feature, needs = [], start }: PlannedFixture): PlannedPlugin {
  return {
    name,
    summary: "for a test",
    source: "built in",
    moduleUrl: undefined,
    feature,
    needs,
    isEnabled: true,
    problem: undefined,
    start: () => start,
  };
}

/** A node that has made its mesh. */
export class PluginNode implements AsyncDisposable {
  readonly log: MemoryLog;
  /** On the Unix socket. */
  readonly client: RpcClient;
  readonly config: NodeConfig;
  readonly #node: OpenNode;

  private constructor(node: OpenNode, log: MemoryLog, config: NodeConfig) {
    this.#node = node;
    this.log = log;
    this.config = config;
    this.client = connect({ socketPath: `${config.dataDir}/${SOCKET_FILE_NAME}` }, { kind: "insecure" });
  }

  /** @param more Of the configuration. */
  static async start(plan: PluginPlan, more: Partial<NodeConfig> = {}): Promise<PluginNode> {
    const log = new MemoryLog();
    const config = { ...nodeConfig(Deno.makeTempDirSync({ prefix: "weft-plugin-" })), ...more };
    const { signal } = new AbortController();
    try {
      const node = await openNode(config, log, signal, new PaperTunnels().open, plan);
      return new PluginNode(node, log, config);
    } catch (error) {
      Deno.removeSync(config.dataDir, { recursive: true });
      throw error;
    }
  }

  get plugins(): PluginHost {
    return this.#node.plugins;
  }

  async status(): Promise<NodeStatus> {
    return (await this.client.unary(Control.method.getNodeStatus, {})).message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.#node[Symbol.asyncDispose]();
    Deno.removeSync(this.config.dataDir, { recursive: true });
  }
}

function nodeConfig(dataDir: string): NodeConfig {
  const [loopback, network] = [IpAddress.parse("127.0.0.1"), Prefix.parse("10.83.0.0/29")];
  assert(loopback !== undefined && network !== undefined, "They are addresses");
  return {
    origin: { kind: "bootstrap" },
    asVoter: false,
    nodeId: "a",
    dataDir,
    inMemory: true,
    primaryEndpoint: loopback,
    endpoints: [],
    ipv4Network: network,
    ipv4: true,
    ipv6: true,
    grpcListen: { host: "127.0.0.1", port: 0 },
    raftListen: { host: "127.0.0.1", port: 0 },
    wireguardListenPort: 51820,
    interfaceName: "paper0",
    mtu: 1420,
    tls: { kind: "insecure" },
    features: ["nodes"],
    logLevel: "info",
    logFormat: "text",
  };
}
