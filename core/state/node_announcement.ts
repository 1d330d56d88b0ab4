/**
 * What a node says of itself when it joins and when something of it has changed: ports and addresses (`v1.JoinRequest`), and
 * what its program has.
 *
 * @module
 */
import { IpAddress } from "../ip/address.ts";
import type { SqlParameters } from "../seams/sql_database.ts";
import type { StateReader } from "./apply.ts";
import { NODE_ENDPOINT_COUNT_MAX } from "./limits.ts";
import { type ProgramVersions, sameVersions } from "./program_versions.ts";
import { hasNodeVersions, versionsOfNode } from "./queries/node_versions.ts";

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

/** Also what the node's program has. */
export interface ProgramAnnouncement {
  /** `undefined` if the node does not say, or the schema has no place for it: what it said before stays. */
  readonly versions?: ProgramVersions | undefined;
}

/** Statements that keep the versions of the node `:id`. */
const VERSIONS_SQL = `
INSERT INTO node_versions (node_id, engine_version, schema_version, updated_at_ms)
VALUES (:id, :program_engine, :program_schema, :now_ms)
ON CONFLICT (node_id) DO UPDATE SET engine_version = excluded.engine_version,
  schema_version = excluded.schema_version, updated_at_ms = excluded.updated_at_ms
WHERE (engine_version, schema_version) <> (excluded.engine_version, excluded.schema_version);
`;

/** Statements to run when the row of the node is there. */
export function versionsSql({ versions }: ProgramAnnouncement): string {
  return versions ? VERSIONS_SQL : "";
}

/** Values for {@linkcode versionsSql}. */
export function versionsParameters({ versions }: ProgramAnnouncement): SqlParameters {
  return versions ? { program_engine: versions.engine, program_schema: versions.schema } : {};
}

/** True if the node `id` has said so before, or says nothing, or there is no place for it. */
export function isVersionsKnown(reader: StateReader, id: string, { versions }: ProgramAnnouncement): boolean {
  return versions === undefined || !hasNodeVersions(reader) || sameVersions(versionsOfNode(reader, id), versions);
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
