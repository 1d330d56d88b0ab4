/**
 * The replicated tables (design §7), version by version as `migrations.ts` makes them. These texts never change, because they
 * are in the logs of meshes that exist.
 *
 * Rules for all tables: STRICT and WITHOUT ROWID, integers and text only, keys given by the entry, times in milliseconds
 * since 1970 given by the proposer.
 *
 * @module
 */

/** Version 1: the mesh and its nodes. */
export const SCHEMA_1_SQL = `
-- Where IPv4 addresses (as host-order integers) and /64 numbers of the mesh's ULA /48 are taken from, both ends included.
CREATE TABLE pools (
  name TEXT NOT NULL PRIMARY KEY CHECK (name IN ('ipv4', 'subnet')),
  first INTEGER NOT NULL,
  last INTEGER NOT NULL CHECK (last >= first)
) STRICT, WITHOUT ROWID;

-- Who has which number. A lease outlives its node: the same id and key get the same numbers back. One that is released
-- (released_at_ms is set) is given to somebody else only when its pool has no number that nobody ever had.
CREATE TABLE leases (
  pool TEXT NOT NULL REFERENCES pools (name),
  number INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  released_at_ms INTEGER,
  PRIMARY KEY (pool, number),
  UNIQUE (node_id, public_key, pool)
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_released ON leases (pool, released_at_ms, number) WHERE released_at_ms IS NOT NULL;

-- The members of the mesh. raft_id is the node's number in Raft, never used twice; raft_instance names the log that the
-- node had when it got the number (a node that lost its log is a new Raft member). Endpoints are addresses without port.
CREATE TABLE nodes (
  id TEXT NOT NULL PRIMARY KEY,
  public_key TEXT NOT NULL UNIQUE,
  raft_id INTEGER NOT NULL UNIQUE CHECK (raft_id > 0),
  raft_instance TEXT NOT NULL,
  raft_port INTEGER NOT NULL CHECK (raft_port BETWEEN 1 AND 65535),
  grpc_port INTEGER NOT NULL CHECK (grpc_port BETWEEN 0 AND 65535),
  wireguard_port INTEGER NOT NULL CHECK (wireguard_port BETWEEN 1 AND 65535),
  primary_endpoint TEXT NOT NULL,
  endpoints TEXT NOT NULL,
  wants_vote INTEGER NOT NULL CHECK (wants_vote IN (0, 1)),
  prefer_raft_ipv6 INTEGER NOT NULL CHECK (prefer_raft_ipv6 IN (0, 1)),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Ids that differ in case only would be one name in DNS.
CREATE UNIQUE INDEX nodes_name ON nodes (lower(id));

-- Who may vote. Action 0 denies, 1 allows; patterns are a comma list.
CREATE TABLE raft_acls (
  name TEXT NOT NULL PRIMARY KEY,
  patterns TEXT NOT NULL,
  action INTEGER NOT NULL CHECK (action IN (0, 1)),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** Version 2: writes that may be repeated, what each node's program can do, tables that belong to plugins. */
export const SCHEMA_2_SQL = `
-- The last write of every client that may repeat it, and its answer: a v1.RaftApplyResponse in base64.
CREATE TABLE sessions (
  client_id TEXT NOT NULL PRIMARY KEY,
  sequence INTEGER NOT NULL CHECK (sequence > 0),
  response TEXT NOT NULL,
  log_index INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- What the program of a node says it has: its SQLite, and the newest schema that it knows.
CREATE TABLE node_versions (
  node_id TEXT NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
  engine_version TEXT NOT NULL,
  schema_version INTEGER NOT NULL CHECK (schema_version > 0),
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Schema versions of the tables whose names begin with a namespace and "_".
CREATE TABLE namespaces (
  name TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL CHECK (version > 0)
) STRICT, WITHOUT ROWID;
`;

/** Keys of the table `mesh_state`. */
export type MeshStateKey =
  /** Number of the last migration, decimal. */
  | "schema_version"
  /** The mesh's own id, random. */
  | "mesh_id"
  /** CIDR, masked. */
  | "ipv4_network"
  /** CIDR of a /48, masked. */
  | "ula_network"
  /** The next number that no Raft member ever had, decimal. */
  | "next_raft_id"
  /** The oldest SQLite that may apply the log: that which the mesh was made with, or what all voters have had since. */
  | "engine_version"
  /** Milliseconds since 1970, decimal. */
  | "created_at_ms"
  /** After a recovery, members of earlier epochs: `RAFT_ID:PUBLIC_KEY`, separated by commas, the latest first. */
  | "left_behind";
