/**
 * The joiner's side of Join: which server to ask next, when to give up, and what to tell the user.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { Log } from "../seams/log.ts";
import { formatHostPort, formatJoinServer, type HostPort, type JoinServer, parseHostPort } from "./config.ts";

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
  /** Asks which nodes could let this one join, the likeliest first. Rejects with a {@linkcode MeshError}. */
  readonly discover: (server: HostPort) => Promise<readonly HostPort[]>;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Resolves after `delayMs`, rejects when the node is told to stop. */
  readonly wait: (delayMs: number) => Promise<void>;
  readonly log: Log;
}

/**
 * Asks the servers in turn, follows the leader where a server names it, and repeats with growing pauses. A server that
 * discovers stands for the nodes that it names at that moment.
 *
 * @throws {MeshError} At once for an answer of the mesh that will not change (bad argument, name taken, not allowed, no
 * address left), and when no server is one that could ever let this node join; `timeout` after
 * {@linkcode JOIN_TIMEOUT_MS} when nobody accepted, with what each server said.
 */
export async function joinMesh<Answer>(servers: readonly JoinServer[], calls: JoinCalls<Answer>): Promise<Answer> {
  const deadlineMs = calls.nowMs() + JOIN_TIMEOUT_MS;
  let pauseMs = JOIN_BACKOFF_MIN_MS;
  for (;;) {
    const round: Round = { failures: [], mayChange: false, lastRefusal: undefined };
    for (const server of servers) {
      const answer = server.discovers
        ? await askDiscovered(server, calls, round)
        : await ask(server, formatHostPort(server), calls, round);
      if (answer) return answer.answer;
    }
    if (!round.mayChange && round.lastRefusal) throw round.lastRefusal;
    if (calls.nowMs() + pauseMs > deadlineMs) throw nobodyAnswered(round.failures);
    await calls.wait(pauseMs);
    pauseMs = Math.min(pauseMs * 2, JOIN_BACKOFF_MAX_MS);
  }
}

/** What the servers of one round said. */
interface Round {
  readonly failures: string[];
  /** Whether any of them may say something else the next time. */
  mayChange: boolean;
  lastRefusal: MeshError | undefined;
}

async function askDiscovered<Answer>(
  server: JoinServer,
  calls: JoinCalls<Answer>,
  round: Round,
): Promise<{ readonly answer: Answer } | undefined> {
  const name = formatJoinServer(server);
  let found: readonly HostPort[];
  try {
    found = await calls.discover(server);
  } catch (error) {
    noteFailure(error, name, calls.log, round);
    return undefined;
  }
  calls.log.debug("discovered", { by: name, nodes: found.map(formatHostPort).join(",") });
  for (const node of found) {
    const answer = await ask(node, `${formatHostPort(node)} (by ${name})`, calls, round);
    if (answer) return answer;
  }
  return undefined;
}

async function ask<Answer>(
  server: HostPort,
  name: string,
  calls: JoinCalls<Answer>,
  round: Round,
): Promise<{ readonly answer: Answer } | undefined> {
  try {
    return { answer: await askFollowingLeader(server, calls) };
  } catch (error) {
    noteFailure(error, name, calls.log, round);
    return undefined;
  }
}

/** @throws What is not worth another attempt, at any server. */
function noteFailure(error: unknown, name: string, log: Log, round: Round): void {
  if (!(error instanceof MeshError)) throw error;
  const mayStillChange = mayChange(error);
  if (!mayStillChange) {
    round.lastRefusal = refusedBy(name, error);
    if (!isAboutServer(error)) throw round.lastRefusal;
  }
  // A node without an address now may have one soon.
  round.mayChange ||= mayStillChange || error.reason === "not-found";
  round.failures.push(`${name}: ${error.message}`);
  log.info("join attempt failed", { server: name, reason: error.message });
}

/** Whether another server may say something else although this one will not. */
function isAboutServer({ reason }: MeshError): boolean {
  return reason === "unimplemented" || reason === "not-joined" || reason === "not-found";
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

function refusedBy(server: string, error: MeshError): MeshError {
  const isAboutDiscovery = error.reason === "unimplemented" && server.startsWith("discover:");
  return new MeshError(error.reason, `Cannot join by ${server}: ${error.message}`, {
    hint: isAboutDiscovery
      ? "Start that node with --feature peer-discovery, or leave out discover://."
      : error.hint ?? "Is that the gRPC port of a Weft node? `weft status` on it says which port it has.",
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
