/**
 * Exactly-once writes (Raft thesis §6.3): the answer to the last write of every client, inside the replicated state, so that
 * a write that stands in the log twice runs once, and whoever leads can answer it again.
 *
 * Bounded by count and by age, and age counts log entries: what is forgotten is the same on every replica. A client that
 * repeats its write after {@linkcode SESSION_AGE_ENTRIES_MAX} entries, or after as many other clients as
 * {@linkcode SESSION_COUNT_MAX}, is a new client.
 *
 * @module
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type RaftApplyResponse, RaftApplyResponseSchema } from "../../proto/gen/v1/node_raft_pb.ts";
import type { SqlParameters, SqlRows } from "../seams/sql_database.ts";
import { entryResponse } from "./codec.ts";
import { SESSION_AGE_ENTRIES_MAX, SESSION_COUNT_MAX, SESSION_RESPONSE_BYTES_MAX } from "./limits.ts";
import { refusalText } from "./refusal.ts";
import type { WriteSession } from "./write_session.ts";

/** Runs one SQL text; a database or a reader. */
type Run = (sql: string, parameters?: SqlParameters) => SqlRows;

const HAS_SESSIONS_SQL = "SELECT 1 FROM sqlite_schema WHERE name = 'sessions'";

const RECALL_SQL = "SELECT sequence, response FROM sessions WHERE client_id = :client_id";

const REMEMBER_SQL = `
INSERT INTO sessions (client_id, sequence, response, log_index) VALUES (:client_id, :sequence, :response, :log_index)
ON CONFLICT (client_id) DO UPDATE SET sequence = :sequence, response = :response, log_index = :log_index;
DELETE FROM sessions WHERE log_index <= :log_index - ${SESSION_AGE_ENTRIES_MAX};
DELETE FROM sessions WHERE log_index <= (
  SELECT log_index FROM sessions ORDER BY log_index DESC LIMIT 1 OFFSET ${SESSION_COUNT_MAX});
`;

/** False before the schema has a place for sessions: every write then runs as often as it is in the log. */
export function hasSessions(run: Run): boolean {
  return run(HAS_SESSIONS_SQL).rows.length > 0;
}

/** The answer to a write that has run already, or to one that came too late; `undefined` if it has to run. */
export function recallResponse(run: Run, { clientId, sequence }: WriteSession): RaftApplyResponse | undefined {
  const [row] = run(RECALL_SQL, { client_id: clientId }).rows;
  if (!row || Number(row[0]) < sequence) return undefined;
  if (Number(row[0]) > sequence) return entryResponse(refusalText("session-stale"));
  return fromBinary(RaftApplyResponseSchema, Uint8Array.fromBase64(String(row[1])));
}

/** Keeps the answer to a write that has run as the entry at `logIndex`, and forgets whom it need not know any more. */
export function rememberResponse(run: Run, session: WriteSession, logIndex: number, response: RaftApplyResponse): void {
  const bytes = toBinary(RaftApplyResponseSchema, response);
  const isKept = bytes.length <= SESSION_RESPONSE_BYTES_MAX;
  const kept = isKept ? bytes : toBinary(RaftApplyResponseSchema, entryResponse(refusalText("answer-lost")));
  run(REMEMBER_SQL, {
    client_id: session.clientId,
    sequence: session.sequence,
    response: kept.toBase64(),
    log_index: logIndex,
  });
}
