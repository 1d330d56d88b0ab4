/**
 * DNS on a TCP connection (RFC 1035 §4.2.2, RFC 7766): messages with their length in front, answered one after the other, and no
 * patience with those who keep a connection without asking.
 *
 * @module
 */
import type { Clock, TcpConnection, Time } from "../../core/mod.ts";
import { HEADER_BYTES } from "./protocol.ts";

/**
 * Connections at the same time. For one more, the one that has asked nothing for the longest time goes, of the host that has the
 * most: who has many is in nobody's way but his own.
 */
export const TCP_CONNECTIONS_MAX = 64;
/** Connections beyond that which the port may hold while those that were ended go; others are closed at once. */
export const TCP_CONNECTIONS_SPARE = 64;
/** Answers over TCP in one turn of the event loop, of all connections: whoever asks without pause is in nobody's way. */
export const TCP_ANSWERS_PER_TURN_MAX = 32;
/** From the end of one answer to the end of the next question, and for taking an answer, in milliseconds. */
export const TCP_IDLE_MS = 10_000;
/** Bytes of a query; answers may be longer. */
export const TCP_QUERY_BYTES_MAX = 4_096;

/** What serving takes. */
export interface TcpServiceParts {
  readonly time: Pick<Time, "timer" | "delay">;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** @returns `undefined` to close the connection. */
  readonly answer: (query: Uint8Array) => Promise<Uint8Array | undefined>;
  readonly room: TcpRoom;
}

/** Why a connection was closed here; `undefined` if the other side did, or this server stops. */
export type TcpEnd = "idle" | "room" | "malformed" | undefined;

/** Open connections in the order of their latest question, which get answers in turns. */
export class TcpRoom {
  readonly #ends = new Map<TcpConnection, (reason: TcpEnd) => void>();
  #answersLeft = TCP_ANSWERS_PER_TURN_MAX;
  #nextTurn: Promise<void> | undefined;

  /** How many there are. */
  get size(): number {
    return this.#ends.size;
  }

  /** Takes one more in; another one makes room for it if need be. */
  enter(connection: TcpConnection, end: (reason: TcpEnd) => void): Disposable {
    if (this.#ends.size >= TCP_CONNECTIONS_MAX) this.#endOne();
    this.#ends.set(connection, end);
    return { [Symbol.dispose]: () => void this.#ends.delete(connection) };
  }

  /** It has asked something; resolves when it is its turn to be answered. */
  async asked(connection: TcpConnection, time: Pick<Time, "delay">): Promise<void> {
    const end = this.#ends.get(connection);
    if (end) {
      this.#ends.delete(connection);
      this.#ends.set(connection, end);
    }
    while (this.#answersLeft === 0) await this.#nextTurn;
    this.#answersLeft--;
    this.#nextTurn ??= time.delay(0).catch(() => {}).then(() => {
      this.#answersLeft = TCP_ANSWERS_PER_TURN_MAX;
      this.#nextTurn = undefined;
    });
  }

  #endOne(): void {
    let most: readonly TcpConnection[] = [];
    for (const ofHost of Map.groupBy(this.#ends.keys(), ({ remote }) => remote.host).values()) {
      if (ofHost.length > most.length) most = ofHost;
    }
    const [longest] = most;
    if (!longest) return;
    const end = this.#ends.get(longest);
    this.#ends.delete(longest);
    end?.("room");
  }
}

/** Serves until the other side has no more questions, asks for too much, or takes too long. Never rejects for what it does. */
export async function serveTcp(
  connection: TcpConnection,
  { time, clock, answer, room }: TcpServiceParts,
): Promise<TcpEnd> {
  let ended: TcpEnd;
  const end = (reason: TcpEnd) => {
    ended ??= reason;
    connection[Symbol.dispose]();
  };
  using _seat = room.enter(connection, end);
  let idleMs = clock.monotonicMs() + TCP_IDLE_MS;
  // Armed when it is due, not for each question.
  using deadline = time.timer(() => clock.monotonicMs() < idleMs ? deadline.arm(idleMs) : end("idle"));
  deadline.arm(idleMs);
  const rearm = () => void (idleMs = clock.monotonicMs() + TCP_IDLE_MS);
  const buffer = new Uint8Array(2 + TCP_QUERY_BYTES_MAX);
  let filled = 0;
  try {
    for (;;) {
      const length = filled < 2 ? 0 : (buffer[0] ?? 0) << 8 | (buffer[1] ?? 0);
      if (filled >= 2 && (length > TCP_QUERY_BYTES_MAX || length < HEADER_BYTES)) return "malformed";
      if (filled < 2 || filled < 2 + length) {
        const count = await connection.read(buffer.subarray(filled));
        if (count === undefined) return undefined;
        filled += count;
        continue;
      }
      await room.asked(connection, time);
      const bytes = await answer(buffer.slice(2, 2 + length));
      if (!bytes) return "malformed";
      buffer.copyWithin(0, 2 + length, filled);
      filled -= 2 + length;
      rearm();
      await connection.write(framed(bytes));
      rearm();
    }
  } catch {
    // It was closed, here or there.
    return ended;
  }
}

function framed(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + bytes.length);
  frame[0] = bytes.length >>> 8;
  frame[1] = bytes.length & 0xff;
  frame.set(bytes, 2);
  return frame;
}
