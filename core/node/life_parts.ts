/**
 * What a node's life is made of: opened by `node.ts`, used by `place_finder.ts` and `node_life.ts`.
 *
 * @module
 */
import type { NodeIdentity } from "../io/data_dir.ts";
import type { LogFootprint } from "../io/log_footprint.ts";
import type { PublicKey } from "../keys/public_key.ts";
import type { RpcCredentials } from "../rpc/credentials.ts";
import type { RpcServer } from "../rpc/server.ts";
import type { Clock } from "../seams/clock.ts";
import type { LogStore } from "../seams/log_store.ts";
import type { Log } from "../seams/log.ts";
import type { Random } from "../seams/random.ts";
import type { StateMachine } from "../state/apply.ts";
import type { NodeConfig } from "./config.ts";
import type { Gate } from "./gate.ts";
import type { NodeLinks } from "./links.ts";
import type { PluginHost } from "./plugin_host.ts";
import type { Tunnel } from "./tunnel.ts";

/** See the module. */
export interface LifeParts {
  readonly config: NodeConfig;
  readonly publicKey: PublicKey;
  readonly store: LogStore;
  readonly machine: StateMachine;
  readonly tunnel: Tunnel;
  readonly links: NodeLinks;
  readonly rpcPort: number;
  readonly rpc: RpcServer;
  readonly plugins: PluginHost;
  /** Who this node was when it last ran. */
  readonly identity: NodeIdentity | undefined;
  readonly saveIdentity: (identity: NodeIdentity) => Promise<void>;
  /** Asks for the mesh's state to be removed from disk when everything is closed. */
  readonly forget: () => void;
  /** What Raft takes on disk now; `undefined` if it keeps nothing there. */
  readonly footprint: () => Promise<LogFootprint | undefined>;
  readonly credentials: RpcCredentials;
  readonly gate: Gate;
  /** What the health service says of the whole node. */
  readonly setServing: (isServing: boolean) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
