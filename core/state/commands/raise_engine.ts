/**
 * Command: the mesh requires a newer SQLite from now on. A leader proposes it when all voters have said that they have it.
 *
 * @module
 */
import type { RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { assert } from "../../assert.ts";
import { executionEntry } from "../codec.ts";
import { compareEngineVersions } from "../program_versions.ts";

const SQL = "UPDATE mesh_state SET value = :version WHERE key = 'engine_version' AND value = :current";

/** Leads from `current` to `version`; does nothing if the mesh requires anything else than `current` by then. */
export function raiseEngineCommand(current: string, version: string): RaftLogEntry {
  assert(compareEngineVersions(version, current) > 0, "What the mesh requires only rises");
  return executionEntry(SQL, { current, version });
}
