/**
 * One connection of the configuration socket: request after request, each with one answer, until the other side is done or
 * makes no sense.
 *
 * @module
 */
import type { UnixConnection } from "../io/unix_listener.ts";
import type { Log } from "../seams/log.ts";
import { DONE_ANSWER, refusalAnswer } from "./uapi_answer.ts";
import { type UapiOperation, UapiReader, type UapiRequest } from "./uapi_reader.ts";
import { refusal, type UapiRefusal } from "./uapi_refusal.ts";

/** What the requests of a connection are about. */
export interface UapiHandler {
  /** The whole answer: its keys must not be gone when it is written. */
  get(): Promise<string | UapiRefusal>;
  /** @param lines Of the request, between operation and empty line. */
  set(lines: readonly string[]): Promise<UapiRefusal | "done">;
}

const RECEIVE_BYTES = 64 * 1024;

/** Serves one connection to its end. Never rejects; the connection stays the caller's to close. */
export async function serveUapi(connection: UnixConnection, handler: UapiHandler, log: Log): Promise<void> {
  const reader = new UapiReader();
  const buffer = new Uint8Array(RECEIVE_BYTES);
  try {
    for (let isOver = false; !isOver;) {
      const length = await connection.read(buffer);
      isOver = length === null;
      const last = length === null ? reader.end() : undefined;
      const requests = length === null ? [] : reader.push(buffer.subarray(0, length));
      for (const request of last ? [last] : requests) {
        const answer = await answerTo(request, handler, log);
        if (answer === undefined) return log.warn("no request of the configuration protocol, connection closed");
        await writeAll(connection, answer);
      }
    }
  } catch (error) {
    // The other side went away, or the listener is closing.
    log.debug("configuration connection lost", { error: String(error) });
  }
}

/** `undefined` for what is no request. */
async function answerTo(request: UapiRequest, handler: UapiHandler, log: Log): Promise<string | undefined> {
  switch (request.kind) {
    case "get": {
      const answer = await guarded(log, () => handler.get());
      return typeof answer === "string" ? answer : refuse("get", answer, log);
    }
    case "set": {
      const result = await guarded(log, () => handler.set(request.lines));
      return result === "done" ? DONE_ANSWER : refuse("set", result, log);
    }
    case "refused":
      return refuse(request.operation, request.refusal, log);
    case "nonsense":
      return undefined;
  }
}

function refuse(operation: UapiOperation, { errno, why }: UapiRefusal, log: Log): string {
  log.warn(`${operation} refused`, { errno, why });
  return refusalAnswer(operation, errno);
}

/** What nobody expected is an answer too. */
async function guarded<T>(log: Log, action: () => Promise<T>): Promise<T | UapiRefusal> {
  try {
    return await action();
  } catch (error) {
    log.error("configuration failed", { error: String(error) });
    return refusal("EIO", error instanceof Error ? error.message : String(error));
  }
}

async function writeAll(connection: UnixConnection, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}
