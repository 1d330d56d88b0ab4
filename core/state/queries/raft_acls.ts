/**
 * The stored Raft ACLs; what they mean is in `raft_acl.ts`.
 *
 * @module
 */
import type { StateReader } from "../apply.ts";
import type { RaftAcl } from "../raft_acl.ts";
import { integer, type Row, text } from "./cells.ts";
import { schemaRows } from "./schema_version.ts";

/** An ACL with the times of its first and last change. */
export interface RaftAclRecord extends RaftAcl {
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

const COLUMNS_SQL = "SELECT name, patterns, action, created_at_ms, updated_at_ms FROM raft_acls";

const ALL_SQL = `${COLUMNS_SQL} ORDER BY name`;

const BY_NAME_SQL = `${COLUMNS_SQL} WHERE name = :name`;

/** All ACLs, ordered by name. */
export function listRaftAcls(reader: StateReader): RaftAclRecord[] {
  return schemaRows(reader, ALL_SQL).map(raftAcl);
}

/** The ACL called `name`; `undefined` if there is none. */
export function raftAclByName(reader: StateReader, name: string): RaftAclRecord | undefined {
  const [row] = schemaRows(reader, BY_NAME_SQL, { name });
  return row && raftAcl(row);
}

function raftAcl(row: Row): RaftAclRecord {
  return {
    name: text(row[0]),
    patterns: text(row[1]).split(","),
    action: integer(row[2]) === 1 ? "allow" : "deny",
    createdAtMs: integer(row[3]),
    updatedAtMs: integer(row[4]),
  };
}
