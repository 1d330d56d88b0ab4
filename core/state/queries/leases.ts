/**
 * Who holds or held which number (see `schema.ts`, table `leases`).
 *
 * @module
 */
import type { IpAddress } from "../../ip/address.ts";
import { ipv4Number } from "../address_plan.ts";
import type { StateReader } from "../apply.ts";
import { integer, optionalInteger, type Row, text } from "./cells.ts";
import { schemaRows } from "./schema_version.ts";

/** What numbers are given for: IPv4 addresses, or /64 networks of the mesh's /48. */
export type LeasePool = "ipv4" | "subnet";

/** One lease. */
export interface Lease {
  readonly pool: LeasePool;
  /** A host-order IPv4 address, or a /64 number. */
  readonly number: number;
  readonly nodeId: string;
  /** Base64. */
  readonly publicKey: string;
  readonly createdAtMs: number;
  /** `undefined` while it is held. */
  readonly releasedAtMs: number | undefined;
}

const COLUMNS_SQL = "SELECT pool, number, node_id, public_key, created_at_ms, released_at_ms FROM leases";

const ALL_SQL = `${COLUMNS_SQL} WHERE pool = :pool ORDER BY number`;

const BY_OWNER_SQL = `${COLUMNS_SQL} WHERE pool = :pool AND node_id = :node_id AND public_key = :public_key`;

const BY_NUMBER_SQL = `${COLUMNS_SQL} WHERE pool = :pool AND number = :number`;

/** All leases of `pool`, ordered by number, released ones included. */
export function listLeases(reader: StateReader, pool: LeasePool): Lease[] {
  return schemaRows(reader, ALL_SQL, { pool }).map(lease);
}

/** The lease of a node and key, held or released. */
export function leaseOf(reader: StateReader, pool: LeasePool, nodeId: string, publicKey: string): Lease | undefined {
  const [row] = schemaRows(reader, BY_OWNER_SQL, { pool, node_id: nodeId, public_key: publicKey });
  return row && lease(row);
}

/** The lease of an IPv4 address, held or released. */
export function leaseOfIpv4(reader: StateReader, address: IpAddress): Lease | undefined {
  if (address.family !== 4) return undefined;
  const [row] = schemaRows(reader, BY_NUMBER_SQL, { pool: "ipv4", number: ipv4Number(address) });
  return row && lease(row);
}

function lease(row: Row): Lease {
  return {
    pool: text(row[0]) === "ipv4" ? "ipv4" : "subnet",
    number: integer(row[1]),
    nodeId: text(row[2]),
    publicKey: text(row[3]),
    createdAtMs: integer(row[4]),
    releasedAtMs: optionalInteger(row[5]),
  };
}
