/**
 * Members of earlier epochs of the mesh, who do not know yet that it went on without them; see `mesh_epoch.ts`.
 *
 * @module
 */
import type { StateReader } from "../apply.ts";
import { text } from "./cells.ts";
import { schemaRows } from "./schema_version.ts";

/** One of them. */
export interface LeftBehind {
  /** Its number in Raft then. */
  readonly raftId: number;
  /** Base64. */
  readonly publicKey: string;
}

const SQL = "SELECT value FROM mesh_state WHERE key = 'left_behind'";

/** All that are remembered, the latest first. */
export function leftBehind(reader: StateReader): LeftBehind[] {
  const [row] = schemaRows(reader, SQL);
  if (!row) return [];
  return text(row[0]).split(",").flatMap((member) => {
    const [raftId = "", publicKey = ""] = member.split(":");
    return publicKey === "" ? [] : [{ raftId: Number(raftId), publicKey }];
  });
}
