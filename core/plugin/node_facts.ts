/**
 * Who and what this node is, for plugins that show it. Everything is as of the call.
 *
 * @module
 */
import type { RaftStatus } from "../raft/status.ts";
import type { MeshInfo } from "../state/queries/mesh_info.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import type { NodeMetrics } from "../../proto/gen/v1/node_metrics_pb.ts";
import type { Status } from "../../proto/gen/v1/node_messages_pb.ts";

/** What this program is. */
export interface BuildFacts {
  readonly version: string;
  readonly commit: string;
  /** RFC 3339 in UTC, or `source`. */
  readonly date: string;
}

/** One WireGuard peer of this node's interface. */
export interface PeerFacts {
  /** Base64. */
  readonly publicKey: string;
  /** Where datagrams go now, `ip:port`. */
  readonly endpoint: string | undefined;
  /** CIDR texts. */
  readonly allowedIps: readonly string[];
  /** 0 is off. */
  readonly persistentKeepaliveMs: number;
  readonly sessionState: string;
  /** `undefined` if there never was a handshake. */
  readonly lastHandshakeWallMs: number | undefined;
  readonly rxBytes: number;
  readonly txBytes: number;
}

/** The WireGuard interface of this node. */
export interface DeviceFacts {
  readonly interfaceName: string;
  /** Bytes. */
  readonly mtu: number;
  /** The bound UDP port. */
  readonly listenPort: number;
  /** How often the packet worker was started anew. */
  readonly restartCount: number;
  /** What seals packets. */
  readonly cryptoSuite: string;
  readonly peers: readonly PeerFacts[];
  /** Packets that were not used, by reason. */
  readonly drops: Readonly<Record<string, number>>;
}

/** Settings of this node that others may want to show. */
export interface NodeSettings {
  readonly dataDir: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly grpcPort: number;
  readonly raftPort: number;
}

/** See the module. */
export interface NodeFacts {
  readonly id: string;
  /** Base64. */
  readonly publicKey: string;
  readonly build: BuildFacts;
  readonly startedWallMs: number;
  readonly settings: NodeSettings;
  /** This node's own record; `undefined` before the state has arrived and after it has left. */
  self(): NodeRecord | undefined;
  /** What the mesh is; `undefined` before the state has arrived. */
  mesh(): MeshInfo | undefined;
  /** What this member knows of Raft. */
  raft(): RaftStatus;
  /** SHA-256 of the replicated state, hexadecimal. */
  stateHash(): string;
  /** Index of the last entry that this node has applied. */
  appliedIndex(): number;
  /** The answer of `v1.Node.GetStatus`. */
  status(): Status;
  /** Asks the packet worker. */
  device(): Promise<DeviceFacts>;
  /** Device and host as `v1.NodeMetrics`. Asks the packet worker and the host. */
  metrics(): Promise<NodeMetrics>;
}
