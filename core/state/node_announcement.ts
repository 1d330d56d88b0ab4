/**
 * What a node says of itself when it joins and when its underlay changes: ports and addresses (`v1.JoinRequest`).
 *
 * @module
 */
import { IpAddress } from "../ip/address.ts";
import type { SqlParameters } from "../seams/sql_database.ts";
import { NODE_ENDPOINT_COUNT_MAX } from "./limits.ts";

/** How others reach a node. Endpoints are addresses of hosts; the port is that of the service in question. */
export interface NodeAnnouncement {
  /** 1..65535. */
  readonly raftPort: number;
  /** 0 when the node serves no gRPC, otherwise 1..65535. */
  readonly grpcPort: number;
  /** 1..65535. */
  readonly wireguardPort: number;
  readonly primaryEndpoint: IpAddress | undefined;
  /** At most {@linkcode NODE_ENDPOINT_COUNT_MAX}. */
  readonly endpoints: readonly IpAddress[];
}

/** Columns of `nodes` that hold an announcement, in the order of {@linkcode ANNOUNCEMENT_PARAMETERS}. */
export const ANNOUNCEMENT_COLUMNS = "raft_port, grpc_port, wireguard_port, primary_endpoint, endpoints";

/** The SQL parameters that {@linkcode announcementParameters} binds. */
export const ANNOUNCEMENT_PARAMETERS = ":raft_port, :grpc_port, :wireguard_port, :primary_endpoint, :endpoints";

/** Why the announcement cannot be stored, a sentence; `undefined` if it can. Never throws. */
export function validateAnnouncement(announcement: NodeAnnouncement): string | undefined {
  const { raftPort, grpcPort, wireguardPort, endpoints } = announcement;
  if (!isPort(raftPort)) return "Raft port is not in 1..65535";
  if (grpcPort !== 0 && !isPort(grpcPort)) return "gRPC port is not in 0..65535";
  if (!isPort(wireguardPort)) return "WireGuard port is not in 1..65535";
  if (endpoints.length > NODE_ENDPOINT_COUNT_MAX) return `Node has more than ${NODE_ENDPOINT_COUNT_MAX} endpoints`;
  return undefined;
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 0xffff;
}

/** Values for {@linkcode ANNOUNCEMENT_PARAMETERS}. */
export function announcementParameters(announcement: NodeAnnouncement): SqlParameters {
  return {
    raft_port: announcement.raftPort,
    grpc_port: announcement.grpcPort,
    wireguard_port: announcement.wireguardPort,
    primary_endpoint: announcement.primaryEndpoint?.toString() ?? "",
    endpoints: formatEndpoints(announcement.endpoints),
  };
}

/** True if both say the same. */
export function sameAnnouncement(a: NodeAnnouncement, b: NodeAnnouncement): boolean {
  return a.raftPort === b.raftPort && a.grpcPort === b.grpcPort && a.wireguardPort === b.wireguardPort &&
    String(a.primaryEndpoint) === String(b.primaryEndpoint) &&
    formatEndpoints(a.endpoints) === formatEndpoints(b.endpoints);
}

/** A comma list, in the order given. */
function formatEndpoints(endpoints: readonly IpAddress[]): string {
  return endpoints.join(",");
}

/** Reads a comma list of addresses; what is not an address is left out. Never throws. */
export function parseEndpoints(text: string): IpAddress[] {
  if (text === "") return [];
  return text.split(",").map((part) => IpAddress.parse(part)).filter((address) => address !== undefined);
}
