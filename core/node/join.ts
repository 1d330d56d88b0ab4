/**
 * The joiner's side of Join: which server to ask next, when to give up, and what to tell the user.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { Log } from "../seams/log.ts";
import { formatHostPort, type HostPort, parseHostPort } from "./config.ts";

/** How long a node tries to join before it gives up, in milliseconds. */
export const JOIN_TIMEOUT_MS = 30_000;
/** The first pause between rounds over all servers, in milliseconds; it doubles from round to round. */
export const JOIN_BACKOFF_MIN_MS = 250;
/** The longest such pause, in milliseconds. */
export const JOIN_BACKOFF_MAX_MS = 4_000;
/** Redirects to a leader that are followed before a server counts as failed. */
export const JOIN_REDIRECT_COUNT_MAX = 3;

/** What {@linkcode joinMesh} needs from outside. */
export interface JoinCalls<Answer> {
  /** Sends one Join. Rejects with a {@linkcode MeshError}. */
  readonly join: (server: HostPort) => Promise<Answer>;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Resolves after `delayMs`, rejects when the node is told to stop. */
  readonly wait: (delayMs: number) => Promise<void>;
  readonly log: Log;
}

/**
 * Asks the servers in turn, follows the leader where a server names it, and repeats with growing pauses.
 *
 * @throws {MeshError} At once for an answer that will not change (bad argument, name taken, not allowed, no address left);
 * `timeout` after {@linkcode JOIN_TIMEOUT_MS} when nobody answered, with what each server said.
 */
export async function joinMesh<Answer>(servers: readonly HostPort[], calls: JoinCalls<Answer>): Promise<Answer> {
  const deadlineMs = calls.nowMs() + JOIN_TIMEOUT_MS;
  let pauseMs = JOIN_BACKOFF_MIN_MS;
  for (;;) {
    const failures: string[] = [];
    for (const server of servers) {
      try {
        return await askFollowingLeader(server, calls);
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        if (!mayChange(error)) throw refusedBy(server, error);
        failures.push(`${formatHostPort(server)}: ${error.message}`);
        calls.log.info("join attempt failed", { server: formatHostPort(server), reason: error.message });
      }
    }
    if (calls.nowMs() + pauseMs > deadlineMs) throw nobodyAnswered(failures);
    await calls.wait(pauseMs);
    pauseMs = Math.min(pauseMs * 2, JOIN_BACKOFF_MAX_MS);
  }
}

async function askFollowingLeader<Answer>(server: HostPort, calls: JoinCalls<Answer>): Promise<Answer> {
  let target = server;
  for (let redirects = 0;; redirects++) {
    try {
      return await calls.join(target);
    } catch (error) {
      const leader = error instanceof MeshError ? parseHostPort(error.leaderAddress ?? "") : undefined;
      if (!leader || redirects === JOIN_REDIRECT_COUNT_MAX) throw error;
      calls.log.debug("following the leader", { from: formatHostPort(target), to: formatHostPort(leader) });
      target = leader;
    }
  }
}

/** Errors that a later attempt or another server may not repeat. */
export function mayChange(error: MeshError): boolean {
  switch (error.reason) {
    case "unavailable":
    case "timeout":
    case "no-leader":
    case "not-leader":
    case "not-running":
    case "internal":
      return true;
    case "invalid-argument":
    case "not-found":
    case "already-exists":
    case "permission-denied":
    case "precondition":
    case "not-joined":
    case "exhausted":
    case "unimplemented":
      return false;
  }
}

function refusedBy(server: HostPort, error: MeshError): MeshError {
  return new MeshError(error.reason, `Cannot join by ${formatHostPort(server)}: ${error.message}`, {
    hint: error.hint ?? "Is that the gRPC port of a Weft node? `weft status` on it says which port it has.",
    cause: error,
  });
}

function nobodyAnswered(failures: readonly string[]): MeshError {
  const seconds = JOIN_TIMEOUT_MS / 1000;
  return new MeshError("timeout", `Cannot join: no server accepted within ${seconds} s (${failures.join("; ")})`, {
    hint:
      "Check that `weft status` works on the other node, that its gRPC port is open from here, and that both sides " +
      "use TLS or neither.",
  });
}
