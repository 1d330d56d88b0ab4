/**
 * A row of `nodes` with its leases, as queries and the results of commands give it.
 *
 * @module
 */
import { assert } from "../../assert.ts";
import type { IpAddress } from "../../ip/address.ts";
import { Prefix } from "../../ip/prefix.ts";
import { ipv4Address, nodeIpv6, nodeNetwork } from "../address_plan.ts";
import { type NodeAnnouncement, parseEndpoints } from "../node_announcement.ts";
import { integer, optionalInteger, type Row, text } from "./cells.ts";

/** A member of the mesh. */
export interface NodeRecord extends NodeAnnouncement {
  readonly id: string;
  /** Base64. */
  readonly publicKey: string;
  /** Its number in Raft, never used twice. */
  readonly raftId: number;
  /** Names the log it had when it got that number; may be empty. */
  readonly raftInstance: string;
  readonly wantsVote: boolean;
  /** Raft reaches it over IPv6 although it has an IPv4 lease. */
  readonly preferRaftIpv6: boolean;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Absent when the node did not ask for one. */
  readonly ipv4: IpAddress | undefined;
  /** `::1` in {@linkcode NodeRecord.networkIpv6}. */
  readonly ipv6: IpAddress;
  /** Its /64. */
  readonly networkIpv6: Prefix;
}

/** All columns of a {@linkcode NodeRecord}; a WHERE or ORDER BY on `n`, the row of `nodes`, may follow. */
export const NODE_RECORD_SQL = `
SELECT n.id, n.public_key, n.raft_id, n.raft_instance, n.raft_port, n.grpc_port, n.wireguard_port, n.primary_endpoint,
  n.endpoints, n.wants_vote, n.prefer_raft_ipv6, n.created_at_ms, n.updated_at_ms, s.number, v.number,
  (SELECT value FROM mesh_state WHERE key = 'ula_network')
FROM nodes AS n
JOIN leases AS s ON s.node_id = n.id AND s.public_key = n.public_key AND s.pool = 'subnet'
LEFT JOIN leases AS v ON v.node_id = n.id AND v.public_key = n.public_key AND v.pool = 'ipv4'
  AND v.released_at_ms IS NULL`;

/** Reads rows of {@linkcode NODE_RECORD_SQL}. */
export function nodeRecords(rows: readonly Row[]): NodeRecord[] {
  const ula = rows[0] && Prefix.parse(text(rows[0][15]));
  return rows.map((row) => {
    assert(ula !== undefined, "A mesh with nodes has a ULA network");
    return nodeRecord(row, ula);
  });
}

function nodeRecord(row: Row, ula: Prefix): NodeRecord {
  const subnet = integer(row[13]);
  const ipv4 = optionalInteger(row[14]);
  return {
    id: text(row[0]),
    publicKey: text(row[1]),
    raftId: integer(row[2]),
    raftInstance: text(row[3]),
    raftPort: integer(row[4]),
    grpcPort: integer(row[5]),
    wireguardPort: integer(row[6]),
    primaryEndpoint: parseEndpoints(text(row[7]))[0],
    endpoints: parseEndpoints(text(row[8])),
    wantsVote: integer(row[9]) === 1,
    preferRaftIpv6: integer(row[10]) === 1,
    createdAtMs: integer(row[11]),
    updatedAtMs: integer(row[12]),
    ipv4: ipv4 === undefined ? undefined : ipv4Address(ipv4),
    ipv6: nodeIpv6(ula, subnet),
    networkIpv6: nodeNetwork(ula, subnet),
  };
}
