/**
 * gRPC servers in one process that stand for the nodes of a mesh, with a leader proxy in front of those that want one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { delay } from "../../../core/io/alarm.ts";
import { systemClock } from "../../../core/io/clock.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { Changes } from "../../../core/node/changes.ts";
import { LeaderCalls } from "../../../core/node/leader_calls.ts";
import { meshRpcAddress } from "../../../core/node/mesh_view.ts";
import type { RpcService } from "../../../core/plugin/rpc.ts";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import type { RpcCredentials } from "../../../core/rpc/credentials.ts";
import { RpcServer, type RpcServerOptions } from "../../../core/rpc/server.ts";
import type { NodeRecord } from "../../../core/state/queries/node_record.ts";
import { Proxy } from "../../../plugins/leader_proxy/proxy.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { KeptLog } from "../../core/rpc/echo_service.ts";

const LOOPBACK = IpAddress.parse("127.0.0.1");
const MESH_IPV6 = IpAddress.parse("fd00::1");
const MESH_NETWORK = Prefix.parse("fd00::/64");
/** How long a call waits for a leader, and a former leader may take to end calls. */
export const WAIT_MS = 500;

/** How one server is made. */
export interface ServerOptions extends Partial<RpcServerOptions> {
  readonly services: readonly RpcService[];
  /** Whether calls pass a leader proxy first; true unless told otherwise. */
  readonly hasProxy?: boolean;
  /** How it calls others. */
  readonly credentials?: RpcCredentials;
}

/** A server and what is around it. */
export interface ProxiedServer {
  readonly server: RpcServer;
  /** How it calls the leader. */
  readonly calls: LeaderCalls;
  /** Somebody who calls it. */
  readonly client: RpcClient;
}

/** See the module. Nobody leads at first. */
export class ProxiedServers implements AsyncDisposable {
  readonly #changes = new Changes();
  /** Calls that wait for the lead to move. */
  waitingCount = 0;
  /** How often each node was connected to. */
  readonly connections = new Map<string, number>();
  /** Results of forwarded calls, in the order in which they ended. */
  readonly results: string[] = [];
  readonly #servers = new Map<string, ProxiedServer>();
  readonly #records = new Map<string, NodeRecord>();
  #leader: string | undefined;

  /** Starts the server of one more node. */
  async add(
    id: string,
    { hasProxy = true, credentials = { kind: "insecure" }, ...options }: ServerOptions,
  ): Promise<RpcClient> {
    const log = new KeptLog();
    const tcp = { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } } as const;
    const server = await RpcServer.start({ tcp, unix: undefined, log, ...options });
    this.#records.set(id, record(id, this.#records.size + 1, server.port));
    const calls = new LeaderCalls({
      nodeId: id,
      leaderId: () => this.#record(this.#leader)?.raftId ?? 0,
      leader: () => this.#record(this.#leader),
      connectTo: (node) => {
        this.connections.set(node.id, (this.connections.get(node.id) ?? 0) + 1);
        return connect({ address: meshRpcAddress(node), throughTunnel: true }, credentials);
      },
      until: async (condition, signal) => {
        this.waitingCount++;
        await this.#changes.until(condition, signal).finally(() => this.waitingCount--);
      },
      formerLeaderMs: WAIT_MS,
    });
    const proxy = new Proxy({
      leaderWaitMs: WAIT_MS,
      nodeId: id,
      leader: calls,
      nodeOf: (other) => Promise.resolve(this.#record(other)),
      forwarded: { add: ({ result }) => void this.results.push(result) },
      clock: systemClock,
      random: new SeededRandom(this.#servers.size),
      time: { delay },
    });
    if (hasProxy) server.intercept(proxy.interceptor, 0);
    const client = connect({ address: `127.0.0.1:${server.port}` }, { kind: "insecure" });
    this.#servers.set(id, { server, calls, client });
    return client;
  }

  /** Moves the lead; `undefined` for nobody. */
  lead(id: string | undefined): void {
    this.#leader = id;
    this.#changes.notify();
  }

  /** Gives a node another mesh address. */
  move(id: string, ipv4: string): void {
    const record = this.#record(id);
    assert(record);
    this.#records.set(id, { ...record, ipv4: IpAddress.parse(ipv4) });
  }

  leads(id: string): boolean {
    return this.#leader === id;
  }

  port(id: string): number {
    return this.server(id).server.port;
  }

  /** Ends a server, connections and all. */
  async stop(id: string): Promise<void> {
    await this.server(id).server.stop(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, calls } of this.#servers.values()) {
      await client[Symbol.asyncDispose]();
      await calls[Symbol.asyncDispose]();
    }
    for (const { server } of this.#servers.values()) await server.stop(0);
  }

  #record(id: string | undefined): NodeRecord | undefined {
    return id === undefined ? undefined : this.#records.get(id);
  }

  /** One of them. */
  server(id: string): ProxiedServer {
    const server = this.#servers.get(id);
    assert(server, id);
    return server;
  }
}

function record(id: string, raftId: number, grpcPort: number): NodeRecord {
  assert(LOOPBACK && MESH_IPV6 && MESH_NETWORK);
  return {
    id,
    publicKey: `key of ${id}`,
    raftId,
    raftInstance: "",
    raftPort: 9443,
    grpcPort,
    wireguardPort: 51820,
    primaryEndpoint: LOOPBACK,
    endpoints: [],
    wantsVote: true,
    preferRaftIpv6: false,
    createdAtMs: 0,
    updatedAtMs: 0,
    ipv4: LOOPBACK,
    ipv6: MESH_IPV6,
    networkIpv6: MESH_NETWORK,
  };
}
