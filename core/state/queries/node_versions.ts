/**
 * What nodes have said of their programs.
 *
 * @module
 */
import type { StateReader } from "../apply.ts";
import { ANNOUNCED_SINCE_SCHEMA, type ProgramVersions } from "../program_versions.ts";
import { integer, text } from "./cells.ts";
import { schemaVersion } from "./schema_version.ts";

const SQL = "SELECT n.raft_id, v.engine_version, v.schema_version FROM node_versions AS v " +
  "JOIN nodes AS n ON n.id = v.node_id ORDER BY n.raft_id";
const OF_NODE_SQL = "SELECT engine_version, schema_version FROM node_versions WHERE node_id = :id";

/** By number in Raft; a node that has said nothing is not there. */
export function nodeVersions(reader: StateReader): ReadonlyMap<number, ProgramVersions> {
  if (!hasNodeVersions(reader)) return new Map();
  return new Map(
    reader.rows(SQL).rows.map(([id, engine, schema]) => [
      integer(id),
      { engine: text(engine), schema: integer(schema) },
    ]),
  );
}

/** What the node `id` has said; `undefined` if nothing. */
export function versionsOfNode(reader: StateReader, id: string): ProgramVersions | undefined {
  const [row] = hasNodeVersions(reader) ? reader.rows(OF_NODE_SQL, { id }).rows : [];
  return row && { engine: text(row[0]), schema: integer(row[1]) };
}

/** False before the schema has a place for what nodes say of their programs. */
export function hasNodeVersions(reader: StateReader): boolean {
  return schemaVersion(reader) >= ANNOUNCED_SINCE_SCHEMA;
}
