/**
 * Answers one HTTP request per connection, within limits that no caller can stretch: connections in all and per host, bytes
 * of a head, and the time that a whole exchange may take.
 *
 * @module
 */
import type { SocketPeer, TcpConnection, Time } from "../../core/mod.ts";
import { HEAD_BYTES_MAX, readHead, type RequestHead } from "./request_head.ts";

/** Connections at a time; further ones are closed at once. */
export const CONNECTIONS_MAX = 64;
/** Connections of one host at a time, so that one stranger does not keep the others out. */
export const CONNECTIONS_PER_HOST_MAX = 8;
/** From accept to the last byte of the answer, in milliseconds. */
export const EXCHANGE_MS = 10_000;

/** What a path leads to. */
export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers a GET. What it throws becomes 500 without its text. */
export type OnGet = (path: string, remote: SocketPeer) => Promise<HttpAnswer>;

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
};

/** See the module. */
export class HttpDoor {
  readonly connectionsMax: number = CONNECTIONS_MAX;
  readonly #time: Pick<Time, "delay">;
  readonly #onGet: OnGet;
  readonly #exchangeMs: number;
  /** Connections by host; at most {@linkcode CONNECTIONS_MAX} in all. */
  readonly #countByHost = new Map<string, number>();

  /** @param exchangeMs Less in tests. */
  constructor(time: Pick<Time, "delay">, onGet: OnGet, exchangeMs: number = EXCHANGE_MS) {
    this.#time = time;
    this.#onGet = onGet;
    this.#exchangeMs = exchangeMs;
  }

  /** Serves one connection; who called closes it when this settles. */
  async serve(connection: TcpConnection, signal: AbortSignal): Promise<void> {
    const { host } = connection.remote;
    const count = this.#countByHost.get(host) ?? 0;
    if (count >= CONNECTIONS_PER_HOST_MAX) return;
    this.#countByHost.set(host, count + 1);
    const over = new AbortController();
    // Closing it ends whatever waits for the caller.
    const late = this.#time.delay(this.#exchangeMs, AbortSignal.any([over.signal, signal]))
      .then(() => connection[Symbol.dispose](), () => {});
    try {
      await this.#exchange(connection);
    } finally {
      over.abort();
      await late;
      const left = (this.#countByHost.get(host) ?? 1) - 1;
      if (left === 0) this.#countByHost.delete(host);
      else this.#countByHost.set(host, left);
    }
  }

  async #exchange(connection: TcpConnection): Promise<void> {
    const head = await receiveHead(connection);
    if (!head || head.kind === "incomplete") return;
    if (head.kind === "refused") return await connection.write(message(refusal(head.status), true));
    const answer = await this.#answer(head.path, connection.remote);
    await connection.write(message(answer, head.withBody));
  }

  async #answer(path: string, remote: SocketPeer): Promise<HttpAnswer> {
    try {
      return await this.#onGet(path, remote);
    } catch {
      return refusal(500);
    }
  }
}

/** `undefined` if the caller went away. */
async function receiveHead(connection: TcpConnection): Promise<RequestHead | undefined> {
  const bytes = new Uint8Array(HEAD_BYTES_MAX);
  let length = 0;
  for (;;) {
    const count = await connection.read(bytes.subarray(length));
    if (count === undefined) return undefined;
    length += count;
    const head = readHead(bytes.subarray(0, length));
    if (head.kind !== "incomplete") return head;
  }
}

function refusal(status: number): HttpAnswer {
  return { status, type: "text/plain", body: `${REASONS[status] ?? "Error"}\n` };
}

function message({ status, type, body }: HttpAnswer, withBody: boolean): Uint8Array {
  const bytes = new TextEncoder().encode(body);
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}`,
    `Content-Type: ${type}`,
    `Content-Length: ${bytes.length}`,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    ...(status === 405 ? ["Allow: GET, HEAD"] : []),
    "Connection: close",
  ].map((line) => `${line}\r\n`).join("");
  const start = new TextEncoder().encode(`${head}\r\n`);
  const whole = new Uint8Array(start.length + (withBody ? bytes.length : 0));
  whole.set(start);
  if (withBody) whole.set(bytes, start.length);
  return whole;
}
