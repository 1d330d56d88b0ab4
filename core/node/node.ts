/**
 * A whole node: opens everything in order on one stack, finds its place in a mesh, and keeps it until it is disposed.
 *
 *  1. data directory, key, TUN interface and ports, gRPC and Raft listeners: whatever can be taken or missing is found out
 *     before anything is written;
 *  2. state and log from disk, or a place in a mesh: started, joined or resumed (`origin.ts`);
 *  3. Raft (`raft_loop.ts`), the services (`node_backend.ts`, `control_backend.ts`), and the reconciler, which from then on
 *     makes the host what the replicated state says;
 *  4. the plugins (`plugin_host.ts`), as soon as there is state to read: they also run while the mesh has no leader.
 *
 * @module
 */
import { type DataDir, openDataDir } from "../io/data_dir.ts";
import { openDisk } from "../io/disk_deno.ts";
import { sqliteWasm } from "../io/assets.ts";
import { systemClock } from "../io/clock.ts";
import { openCryptoSuite } from "../io/crypto_suite.ts";
import { forgetMesh } from "../io/forget.ts";
import { logFootprint } from "../io/log_footprint.ts";
import { loadOrCreatePrivateKey } from "../io/key_file.ts";
import { processLabel } from "../io/process.ts";
import { systemRandom } from "../io/random.ts";
import { socketFiles } from "../io/socket_files.ts";
import { loadSqlEngine } from "../io/sqljs.ts";
import { loadTlsFiles, type TlsMaterial } from "../io/tls_files.ts";
import { openMemoryLogStore } from "../io/wal_memory.ts";
import { openFileLogStore } from "../io/wal_log_store.ts";
import { PrivateKey } from "../keys/private_key.ts";
import { Admin } from "../../proto/gen/v1/admin_pb.ts";
import { Mesh } from "../../proto/gen/v1/mesh_pb.ts";
import { PeerDiscovery } from "../../proto/gen/v1/peer_discovery_pb.ts";
import { WebRTC } from "../../proto/gen/v1/webrtc_pb.ts";
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import { ConfigError } from "../plugin/errors.ts";
import { controlService } from "../rpc/control_service.ts";
import type { ListenCredentials, RpcCredentials } from "../rpc/credentials.ts";
import type { UnservedService } from "../rpc/method_table.ts";
import { WHOLE_SERVER } from "../rpc/health.ts";
import { nodeService } from "../rpc/node_service.ts";
import { RpcServer } from "../rpc/server.ts";
import type { LogStore } from "../seams/log_store.ts";
import type { Log } from "../seams/log.ts";
import { StateMachine } from "../state/apply.ts";
import { validateNodeId } from "../state/node_id.ts";
import type { NodeConfig, TlsConfig } from "./config.ts";
import { Gate } from "./gate.ts";
import { openLinks } from "./links.ts";
import { MetricRegistry } from "./metric_registry.ts";
import { syncMetric } from "./metrics_raft.ts";
import { rpcMetrics } from "./metrics_rpc.ts";
import { type NodeEnd, NodeLife } from "./node_life.ts";
import { programError } from "./program_error.ts";
import { PluginHost } from "./plugin_host.ts";
import type { PluginPlan } from "./plugin_plan.ts";
import { TimestampReserve } from "./timestamp_reserve.ts";
import { openHostTunnel, type OpenTunnel } from "./tunnel.ts";

/** Name of the node's Unix socket in its data directory. */
export const SOCKET_FILE_NAME = "weft.sock";
/** Calls under way when the node stops get so long, well within the time that stopping may take; milliseconds. */
const STOP_GRACE_MS = 2_000;
const KEY_FILE_NAME = "private.key";
/** Services of the v1 API that other nodes may serve although this one does not: their calls can be forwarded. */
const FORWARDABLE: readonly UnservedService[] = [
  { service: Mesh, authorisation: "member" },
  { service: Admin, authorisation: "member" },
  { service: PeerDiscovery, authorisation: "public" },
  { service: WebRTC, authorisation: "member" },
];

/** A node that has its place in a mesh. Disposing it stops it and undoes what it set on the host. */
export interface OpenNode extends AsyncDisposable {
  /** Resolves when the node is done by itself; rejects when it cannot go on. */
  readonly ended: Promise<NodeEnd>;
  /** Its plugins, which can be stopped and started one by one. */
  readonly plugins: PluginHost;
}

/**
 * Opens a node and resolves once it belongs to a mesh with a known leader.
 *
 * @param signal Ends the attempt; everything that was opened is closed again.
 * @throws {ConfigError} For whatever the operator has to change.
 * @throws {MeshError} For what the mesh refuses, or rights that are missing.
 */
export async function openNode(
  config: NodeConfig,
  log: Log,
  signal: AbortSignal,
  openTunnel: OpenTunnel = openHostTunnel,
  plan: PluginPlan = [],
): Promise<OpenNode> {
  const problem = validateNodeId(config.nodeId);
  if (problem !== undefined) {
    throw new ConfigError(`Cannot use the node id "${config.nodeId}": ${problem}`, "Choose another --node-id.");
  }
  await using stack = new AsyncDisposableStack();
  const tls = config.tls.kind === "files" ? await loadTlsFiles(config.tls) : undefined;
  const suite = stack.use(openCryptoSuite());
  const dataDir = stack.use(
    await openDataDir(config.dataDir, openDisk(), { nodeId: config.nodeId, owner: processLabel() }),
  );
  // It is told to join again: what it holds of the epoch before is in the way.
  const rejoins = dataDir.identity?.isLeftBehind === true && config.origin.kind === "join" && !config.inMemory;
  if (rejoins) {
    log.warn("forgetting the state of an earlier epoch", { node: config.nodeId });
    await forgetMesh(dataDir.path);
  }
  const forget = { wanted: false };
  stack.defer(async () => {
    if (forget.wanted && !config.inMemory) await forgetMesh(dataDir.path);
  });
  const privateKey = stack.use(await openKey(config, dataDir));
  const publicKey = privateKey.publicKey(suite.x25519);
  const metrics = new MetricRegistry();
  const store = stack.use(await openStore(config, dataDir, log, syncMetric(metrics)));
  const machine = stack.use(await openMachine(store));
  const timestamps = config.inMemory
    ? undefined
    : await TimestampReserve.open(openDisk(), dataDir.path, systemClock, log.child("tunnel"));
  const tunnel = stack.use(await openTunnel(config, privateKey, log.child("tunnel"), timestamps));
  const gate = new Gate();
  const rpc = stack.use(
    await RpcServer.start({
      tcp: { ...config.grpcListen, credentials: listenCredentials(config.tls, tls) },
      unix: { path: `${dataDir.path}/${SOCKET_FILE_NAME}`, files: socketFiles },
      services: [
        nodeService(gate.node),
        controlService(gate.control, gate.operations),
      ],
      unserved: FORWARDABLE,
      plain: [Control],
      observer: rpcMetrics(metrics),
      log: log.child("rpc"),
    }),
  );
  const links = stack.use(await openLinks({ config, privateKey, suite, tls, log: log.child("raft") }));
  const plugins = new PluginHost({ plan, clock: systemClock, log, metrics });
  const life = stack.use(
    new NodeLife({
      config,
      publicKey,
      store,
      machine,
      tunnel,
      links,
      rpcPort: rpc.port,
      rpc,
      plugins,
      identity: config.inMemory || rejoins ? undefined : dataDir.identity,
      saveIdentity: (identity) => config.inMemory ? Promise.resolve() : dataDir.save(identity),
      forget: () => forget.wanted = true,
      footprint: () => config.inMemory ? Promise.resolve(undefined) : logFootprint(openDisk(), dataDir.raftPath),
      credentials: callCredentials(tls),
      gate,
      setServing: (isServing) => rpc.health.set(WHOLE_SERVER, isServing),
      clock: systemClock,
      random: systemRandom,
      log,
    }),
  );
  stack.use(plugins);
  await life.start(signal);
  // Calls under way, `weft leave` among them, are answered before the rest goes.
  stack.defer(() => rpc.stop(STOP_GRACE_MS));
  const owned = stack.move();
  return { ended: life.ended, plugins, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function openKey(config: NodeConfig, dataDir: DataDir): Promise<PrivateKey> {
  if (config.inMemory) return PrivateKey.generate(systemRandom);
  return await loadOrCreatePrivateKey(`${dataDir.path}/${KEY_FILE_NAME}`, systemRandom);
}

/** @throws {ConfigError} If the mesh requires a newer program. */
async function openMachine(store: LogStore): Promise<StateMachine> {
  const engine = await loadSqlEngine(sqliteWasm());
  try {
    return StateMachine.open(engine, store.stored.snapshot?.data);
  } catch (error) {
    throw programError(error);
  }
}

function openStore(
  config: NodeConfig,
  dataDir: DataDir,
  log: Log,
  onSync: (durationMs: number) => void,
): Promise<LogStore> {
  if (config.inMemory) return Promise.resolve(openMemoryLogStore());
  const options = { identity: config.nodeId, owner: processLabel(), log: log.child("wal"), onSync };
  return openFileLogStore(dataDir.raftPath, openDisk(), options);
}

function listenCredentials(config: TlsConfig, material: TlsMaterial | undefined): ListenCredentials {
  if (config.kind === "insecure" || !material) return { kind: "insecure" };
  return { kind: "tls", ...material, mtls: config.mtls };
}

function callCredentials(material: TlsMaterial | undefined): RpcCredentials {
  return material ? { kind: "tls", ...material } : { kind: "insecure" };
}
