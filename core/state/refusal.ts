/**
 * How a log entry says no: a statement in front of the changes writes a code into the view `refusal`, whose trigger fails
 * the entry. So the decision is taken inside the replicated SQL, with nothing changed, and every replica and the proposer
 * see the same code.
 *
 * @module
 */
import type { RaftApplyResponse } from "../../proto/gen/v1/node_raft_pb.ts";
import { responseError } from "./codec.ts";

/** Why an entry changed nothing, and the `MeshErrorReason` that callers map it to. */
const REASONS = {
  "answer-lost": "already-exists",
  "acls-full": "exhausted",
  "id-taken": "already-exists",
  "ipv4-exhausted": "exhausted",
  "key-taken": "already-exists",
  "mesh-exists": "already-exists",
  "mesh-missing": "unavailable",
  "node-missing": "not-found",
  "schema-newer": "already-exists",
  "schema-older": "unavailable",
  "session-stale": "already-exists",
  "subnets-exhausted": "exhausted",
} as const;

const MESSAGES: Readonly<Record<RefusalCode, string>> = {
  "answer-lost": "The write was done the first time; its answer was too long to be kept",
  "acls-full": "The mesh has as many Raft ACLs as it can have",
  "id-taken": "Another node has this id, or one that differs in upper and lower case only",
  "ipv4-exhausted": "The mesh's IPv4 network has no address left",
  "key-taken": "Another node has this public key",
  "mesh-exists": "The mesh is bootstrapped already",
  "mesh-missing": "The mesh is not bootstrapped yet",
  "node-missing": "No node of the mesh has this id and key",
  "schema-newer": "The replicated database has this schema version already",
  "schema-older": "The replicated database lacks an earlier schema version",
  "session-stale": "The client has written since; the answer to this write is no longer kept",
  "subnets-exhausted": "The mesh has no IPv6 subnet left",
};

/** How every sentence of the determinism guard begins, and none of SQLite. */
const GUARD_PREFIX = "SQL text ";

/** What the replicated SQL may refuse with. */
export type RefusalCode = keyof typeof REASONS;

/** An entry that changed nothing. */
export interface Refusal {
  readonly kind: "refused";
  /**
   * `not-allowed` when what is in the entry may not be in a log, and no engine has seen it; `failed` when the engine refused
   * a statement, which another state may allow.
   */
  readonly code: RefusalCode | "not-allowed" | "failed";
  /** The same words as `MeshErrorReason` in core/plugin/errors.ts. */
  readonly reason: "already-exists" | "exhausted" | "not-found" | "unavailable" | "invalid-argument" | "precondition";
  /** A sentence for people. */
  readonly message: string;
}

/** A statement that fails its entry with `code` if `condition` (`FROM … WHERE …` or `WHERE …`) yields a row. */
export function refuseSql(code: RefusalCode, condition: string): string {
  return `INSERT INTO refusal (code) SELECT '${code}' ${condition};`;
}

/** What a response says when it is the state machine that refuses, and not the entry's SQL. */
export function refusalText(code: RefusalCode): string {
  return `refused: ${code}`;
}

/** The refusal with `code`. */
export function refusal(code: RefusalCode): Refusal {
  return { kind: "refused", code, reason: REASONS[code], message: MESSAGES[code] };
}

/** The refusal in `response`; `undefined` if the entry took effect. */
export function refusalIn(response: RaftApplyResponse): Refusal | undefined {
  const error = responseError(response);
  if (error === undefined) return undefined;
  const code = error.startsWith("refused: ") ? error.slice("refused: ".length) : "";
  if (isRefusalCode(code)) return refusal(code);
  const message = `The replicated database said: ${error}`;
  return isEngineError(response, error)
    ? { kind: "refused", code: "failed", reason: "precondition", message }
    : { kind: "refused", code: "not-allowed", reason: "invalid-argument", message };
}

/** The decoder answers for the whole entry, and the determinism guard always speaks of the SQL text. */
function isEngineError({ error: ofEntry }: RaftApplyResponse, error: string): boolean {
  return ofEntry === "" && !error.startsWith(GUARD_PREFIX);
}

function isRefusalCode(code: string): code is RefusalCode {
  return Object.hasOwn(REASONS, code);
}
