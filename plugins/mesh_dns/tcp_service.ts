/**
 * DNS on a TCP connection (RFC 1035 §4.2.2, RFC 7766): messages with their length in front, answered one after the other, and no
 * patience with those who keep a connection without asking.
 *
 * @module
 */
import type { Clock, TcpConnection, Time } from "../../core/mod.ts";
import { HEADER_BYTES } from "./protocol.ts";

/** Connections at the same time. */
export const TCP_CONNECTIONS_MAX = 64;
/** From the end of one answer to the end of the next question, and for taking an answer, in milliseconds. */
export const TCP_IDLE_MS = 10_000;
/** Bytes of a query; answers may be longer. */
export const TCP_QUERY_BYTES_MAX = 4_096;

/** What serving takes. */
export interface TcpServiceParts {
  readonly time: Pick<Time, "timer">;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** @returns `undefined` to close the connection. */
  readonly answer: (query: Uint8Array) => Promise<Uint8Array | undefined>;
}

/** Serves until the other side has no more questions, asks for too much, or takes too long. Never rejects for what it does. */
export async function serveTcp(connection: TcpConnection, { time, clock, answer }: TcpServiceParts): Promise<void> {
  using deadline = time.timer(() => connection[Symbol.dispose]());
  const buffer = new Uint8Array(2 + TCP_QUERY_BYTES_MAX);
  let filled = 0;
  const rearm = () => deadline.arm(clock.monotonicMs() + TCP_IDLE_MS);
  rearm();
  try {
    for (;;) {
      const length = filled < 2 ? 0 : (buffer[0] ?? 0) << 8 | (buffer[1] ?? 0);
      if (filled >= 2 && (length > TCP_QUERY_BYTES_MAX || length < HEADER_BYTES)) return;
      if (filled < 2 || filled < 2 + length) {
        const count = await connection.read(buffer.subarray(filled));
        if (count === undefined) return;
        filled += count;
        continue;
      }
      const bytes = await answer(buffer.slice(2, 2 + length));
      if (!bytes) return;
      buffer.copyWithin(0, 2 + length, filled);
      filled -= 2 + length;
      rearm();
      await connection.write(framed(bytes));
      rearm();
    }
  } catch {
    // It was closed, here or there.
  }
}

function framed(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + bytes.length);
  frame[0] = bytes.length >>> 8;
  frame[1] = bytes.length & 0xff;
  frame.set(bytes, 2);
  return frame;
}
