/**
 * Errors to exit codes: the one place that decides what the shell sees.
 *
 * @module
 */
import { ConfigError, MeshError, type MeshErrorReason } from "../plugin/errors.ts";
import { CorruptLogError, LogStoreFailedError } from "../seams/log_store.ts";

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

/** What the codes mean, for help texts. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: "ok",
  1: "failed",
  2: "command line or configuration not understood",
  3: "no node is running there",
  4: "the node has not joined a mesh, or is no longer in it",
  5: "not permitted",
  6: "no answer in time",
  8: "the mesh has no leader",
};

/** A command line or configuration that cannot be understood, found before anything was opened: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What to run next, a full sentence. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
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
    case "precondition":
    case "not-leader":
    case "exhausted":
    case "unavailable":
    case "unimplemented":
    case "internal":
      return EXIT.failed;
  }
}

/** Set to `debug`, this variable makes errors that nobody expected come with their stack. */
export const STACK_VARIABLE = "WEFT_LOG_LEVEL";

/** What failed and why, and what to run next: at most two lines. */
export interface ErrorText {
  readonly message: string;
  readonly hint: string | undefined;
}

/** The texts a user sees for `error`; never a stack trace. */
export function errorText(error: unknown): ErrorText {
  if (error instanceof UsageError || error instanceof ConfigError || error instanceof MeshError) {
    return { message: error.message, hint: error.hint };
  }
  const message = error instanceof Error ? error.message || error.name : String(error);
  return { message, hint: hintForOther(error) };
}

function hintForOther(error: unknown): string {
  if (error instanceof CorruptLogError) {
    return "Restore the data directory from a backup; or keep its private.key, remove the rest, and run with --join.";
  }
  if (error instanceof LogStoreFailedError) {
    return "Look at the disk: is it full, does `dmesg` name errors? Then start the node again.";
  }
  return `Run it again with ${STACK_VARIABLE}=debug to see where it comes from.`;
}

/** Where an error came from that none of the texts above explains; `undefined` for those that are explained. */
export function unexpectedStack(error: unknown): string | undefined {
  const isExplained = error instanceof UsageError || error instanceof ConfigError || error instanceof MeshError;
  return !isExplained && error instanceof Error ? error.stack : undefined;
}
