/**
 * The name of one write of one client (Raft thesis §6.3): a client that did not hear the answer sends the write again under
 * the same name, to whoever leads by then, and the mesh runs it once. `sessions.ts` keeps the answers.
 *
 * @module
 */
import { SESSION_CLIENT_CHARACTERS_MAX } from "./limits.ts";

/** One write of one client. */
export interface WriteSession {
  /** 1 to {@linkcode SESSION_CLIENT_CHARACTERS_MAX} letters, digits and `-_.`; random, so that nobody has another's. */
  readonly clientId: string;
  /** From 1; higher for every write of the client. A client waits for one answer before it writes again. */
  readonly sequence: number;
}

/** Why there can be no such write, a sentence; `undefined` if there can. Never throws. */
export function validateWriteSession({ clientId, sequence }: WriteSession): string | undefined {
  if (clientId.length > SESSION_CLIENT_CHARACTERS_MAX) return "Client id of a write is too long";
  if (!/^[A-Za-z0-9_.-]+$/.test(clientId)) return "Client id of a write has characters that are not allowed";
  if (!Number.isSafeInteger(sequence) || sequence < 1) return "Sequence of a write is not a positive integer";
  return undefined;
}

/** `CLIENT:SEQUENCE`, as it travels beside a request. */
export function formatWriteSession({ clientId, sequence }: WriteSession): string {
  return `${clientId}:${sequence}`;
}

/** Reads what {@linkcode formatWriteSession} wrote; `undefined` for anything else. Never throws. */
export function parseWriteSession(text: string): WriteSession | undefined {
  const [, clientId = "", digits = ""] = /^([^:]*):([1-9][0-9]{0,15})$/.exec(text) ?? [];
  const session = { clientId, sequence: Number(digits) };
  return validateWriteSession(session) === undefined ? session : undefined;
}

/**
 * The same write under the name of what it does. An answer is then never taken for that of another operation, whatever a
 * client counts.
 */
export function sessionFor(operation: string, session: WriteSession | undefined): WriteSession | undefined {
  return session && { clientId: `${operation}.${session.clientId}`, sequence: session.sequence };
}
