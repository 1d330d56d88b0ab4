/**
 * What the mesh is: its id and its networks.
 *
 * @module
 */
import { assert } from "../../assert.ts";
import { Prefix } from "../../ip/prefix.ts";
import type { StateReader } from "../apply.ts";
import type { MeshStateKey } from "../schema.ts";
import { text } from "./cells.ts";
import { schemaRows } from "./schema_version.ts";

/** The facts that bootstrap fixed. */
export interface MeshInfo {
  readonly meshId: string;
  /** Host bits are zero. */
  readonly networkIpv4: Prefix;
  /** The ULA /48. */
  readonly networkIpv6: Prefix;
  /** Version of SQLite that the mesh was made with. */
  readonly engineVersion: string;
  readonly schemaVersion: number;
  readonly createdAtMs: number;
}

const SQL = "SELECT key, value FROM mesh_state ORDER BY key";

/** `undefined` until the mesh is bootstrapped. */
export function meshInfo(reader: StateReader): MeshInfo | undefined {
  const values = new Map(schemaRows(reader, SQL).map(([key, value]) => [text(key), text(value)]));
  if (!values.has("mesh_id")) return undefined;
  const value = (key: MeshStateKey) => text(values.get(key));
  return {
    meshId: value("mesh_id"),
    networkIpv4: network(value("ipv4_network")),
    networkIpv6: network(value("ula_network")),
    engineVersion: value("engine_version"),
    schemaVersion: Number(value("schema_version")),
    createdAtMs: Number(value("created_at_ms")),
  };
}

function network(cidr: string): Prefix {
  const prefix = Prefix.parse(cidr);
  assert(prefix !== undefined, "Networks are stored in CIDR notation");
  return prefix;
}
