/**
 * The answer to a write that a client repeats, without adding the write to the log again.
 *
 * @module
 */
import type { RaftApplyResponse } from "../../../proto/gen/v1/node_raft_pb.ts";
import type { StateReader } from "../apply.ts";
import { hasSessions, recallResponse } from "../sessions.ts";
import type { WriteSession } from "../write_session.ts";

/** What the write answered when it ran; `undefined` if it has not run, as far as this replica knows. */
export function sessionResponse(reader: StateReader, session: WriteSession): RaftApplyResponse | undefined {
  const run: StateReader["rows"] = (sql, parameters) => reader.rows(sql, parameters);
  return hasSessions(run) ? recallResponse(run, session) : undefined;
}
