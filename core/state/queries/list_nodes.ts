/**
 * All nodes of the mesh.
 *
 * @module
 */
import type { StateReader } from "../apply.ts";
import { NODE_RECORD_SQL, type NodeRecord, nodeRecords } from "./node_record.ts";
import { schemaRows } from "./schema_version.ts";

const SQL = `${NODE_RECORD_SQL} ORDER BY n.id`;

/** Ordered by id, byte by byte. */
export function listNodes(reader: StateReader): NodeRecord[] {
  return nodeRecords(schemaRows(reader, SQL));
}
