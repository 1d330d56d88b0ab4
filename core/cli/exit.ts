/**
 * Errors to exit codes: the one place that decides what the shell sees.
 *
 * @module
 */
import { ConfigError, MeshError, type MeshErrorReason } from "../plugin/errors.ts";

/** The exit codes of `weft`; other programs rely on them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  notJoined: 4,
  permission: 5,
  timeout: 6,
  noLeader: 8,
} as const;

/** One of {@linkcode EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command line that cannot be understood: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The exit code for whatever a command threw. */
export function exitCodeFor(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof MeshError) return codeForReason(error.reason);
  return EXIT.failed;
}

function codeForReason(reason: MeshErrorReason): ExitCode {
  switch (reason) {
    case "not-running":
      return EXIT.notRunning;
    case "not-joined":
      return EXIT.notJoined;
    case "permission-denied":
      return EXIT.permission;
    case "timeout":
      return EXIT.timeout;
    case "no-leader":
      return EXIT.noLeader;
    case "invalid-argument":
    case "not-found":
    case "already-exists":
    case "not-leader":
    case "exhausted":
    case "unavailable":
    case "unimplemented":
    case "internal":
      return EXIT.failed;
  }
}

/** What failed and why, and what to run next: at most two lines. */
export interface ErrorText {
  readonly message: string;
  readonly hint: string | undefined;
}

/** The texts a user sees for `error`; never a stack trace. */
export function errorText(error: unknown): ErrorText {
  if (error instanceof ConfigError || error instanceof MeshError) return { message: error.message, hint: error.hint };
  return { message: error instanceof Error ? error.message : String(error), hint: undefined };
}
