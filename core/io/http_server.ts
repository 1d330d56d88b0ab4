/**
 * A small HTTP/1.1 server for what a node shows to programs: metrics, documents, forms. One request per connection, within
 * limits that no caller can stretch: connections in all and per host, bytes of head and body, and the time of the whole
 * exchange. Without TLS.
 *
 * @module
 */
import type { ListenAddress, OnRequest, TcpConnection, TcpPort } from "../plugin/listen.ts";
import { delay } from "./alarm.ts";
import { HTTP_HEAD_BYTES_MAX, type HttpHead, readHttpHead } from "./http_head.ts";
import { openTcpPort } from "./tcp_port.ts";

/** What it takes from callers. */
export interface HttpLimits {
  /** Connections at a time; further ones are closed at once. */
  readonly connectionsMax: number;
  /** Connections of one host at a time, so that one stranger does not keep the others out. */
  readonly connectionsPerHostMax: number;
  /** A longer body is refused before it is read. */
  readonly bodyBytesMax: number;
  /** From accept to the last byte of the answer; then the connection is closed. */
  readonly exchangeMs: number;
}

/** The limits of every server. A head has {@linkcode HTTP_HEAD_BYTES_MAX}. */
export const HTTP_LIMITS: HttpLimits = {
  connectionsMax: 64,
  connectionsPerHostMax: 8,
  bodyBytesMax: 64 * 1024,
  exchangeMs: 10_000,
};

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  411: "Length Required",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
};

/** Of a caller, that does not say. */
const UNSAID_HOST = "localhost";
const HOST = /^[A-Za-z0-9._:[\]-]{1,255}$/;
/** Methods that `Request` does not know (Fetch, "forbidden method"). */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
/** What belongs to the connection is not the handler's to say. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
]);
const BODILESS_STATUSES: ReadonlySet<number> = new Set([204, 304]);

/**
 * Listens until the result is disposed.
 *
 * @param onRequest What it throws becomes 500, and goes to `onFailure`.
 * @param limits Other ones in tests.
 * @throws {ConfigError} If the address cannot be bound.
 */
export function serveHttp(
  address: ListenAddress,
  onRequest: OnRequest,
  onFailure: (error: unknown) => void,
  limits: Partial<HttpLimits> = {},
): Promise<TcpPort> {
  const server = new HttpServer(onRequest, onFailure, { ...HTTP_LIMITS, ...limits });
  return openTcpPort(address, server.limits.connectionsMax, (connection, signal) => server.serve(connection, signal));
}

class HttpServer {
  readonly limits: HttpLimits;
  readonly #onRequest: OnRequest;
  readonly #onFailure: (error: unknown) => void;
  /** At most `connectionsMax` in all. */
  readonly #countByHost = new Map<string, number>();

  constructor(onRequest: OnRequest, onFailure: (error: unknown) => void, limits: HttpLimits) {
    this.#onRequest = onRequest;
    this.#onFailure = onFailure;
    this.limits = limits;
  }

  /** Serves one connection; who called closes it when this settles. */
  async serve(connection: TcpConnection, signal: AbortSignal): Promise<void> {
    const { host } = connection.remote;
    const count = this.#countByHost.get(host) ?? 0;
    if (count >= this.limits.connectionsPerHostMax) return;
    this.#countByHost.set(host, count + 1);
    const over = new AbortController();
    const end = AbortSignal.any([over.signal, signal]);
    const late = delay(this.limits.exchangeMs, end).catch(() => {});
    const exchange = this.#exchange(connection, end);
    // A handler that hangs must not hold the connection.
    exchange.catch(() => {});
    try {
      await Promise.race([exchange, late]);
    } finally {
      over.abort();
      const left = (this.#countByHost.get(host) ?? 1) - 1;
      if (left === 0) this.#countByHost.delete(host);
      else this.#countByHost.set(host, left);
    }
  }

  async #exchange(connection: TcpConnection, signal: AbortSignal): Promise<void> {
    const received = await this.#receive(connection, signal);
    if (received === undefined) return;
    const response = received instanceof Request ? await this.#answer(received, connection) : refusal(received);
    await connection.write(await this.#encoded(response, received instanceof Request && received.method === "HEAD"));
  }

  /** The request, or the status by which it is refused; `undefined` if the caller went away. */
  async #receive(connection: TcpConnection, signal: AbortSignal): Promise<Request | number | undefined> {
    const bytes = new Uint8Array(HTTP_HEAD_BYTES_MAX);
    let filled = 0;
    let head: HttpHead = { kind: "incomplete" };
    while (head.kind === "incomplete") {
      const count = await connection.read(bytes.subarray(filled));
      if (count === undefined) return undefined;
      filled += count;
      head = readHttpHead(bytes.subarray(0, filled));
    }
    if (head.kind === "refused") return head.status;
    if (head.bodyBytes > this.limits.bodyBytesMax) return 413;
    const body = new Uint8Array(head.bodyBytes);
    const already = bytes.subarray(head.headBytes, Math.min(filled, head.headBytes + body.length));
    body.set(already);
    for (let length = already.length; length < body.length;) {
      const count = await connection.read(body.subarray(length));
      if (count === undefined) return undefined;
      length += count;
    }
    return requestOf(head, body, signal);
  }

  async #answer(request: Request, { remote }: TcpConnection): Promise<Response> {
    try {
      return await this.#onRequest(request, remote);
    } catch (error) {
      this.#onFailure(error);
      return refusal(500);
    }
  }

  async #encoded(response: Response, isHead: boolean): Promise<Uint8Array> {
    try {
      return encodedResponse(response, await response.bytes(), isHead);
    } catch (error) {
      this.#onFailure(error);
      return encodedResponse(refusal(500), new TextEncoder().encode(REASONS[500]), isHead);
    }
  }
}

function requestOf(
  { method, target, fields }: Extract<HttpHead, { kind: "request" }>,
  body: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Request | number {
  const [host = UNSAID_HOST, ...others] = fields.flatMap(([name, value]) => name === "host" ? [value] : []);
  if (!HOST.test(host) || others.length > 0) return 400;
  if (FORBIDDEN_METHODS.has(method)) return 501;
  const takesNoBody = method === "GET" || method === "HEAD";
  if (takesNoBody && body.length > 0) return 400;
  const headers = fields.map(([name, value]): [string, string] => [name, value]);
  try {
    return new Request(`http://${host}${target}`, { method, headers, signal, ...(takesNoBody ? {} : { body }) });
  } catch {
    return 400;
  }
}

function refusal(status: number): Response {
  return new Response(`${REASONS[status] ?? "Refused"}\n`, { status, headers: { "content-type": "text/plain" } });
}

function encodedResponse({ status, headers }: Response, body: Uint8Array, isHead: boolean): Uint8Array {
  const isBodiless = BODILESS_STATUSES.has(status);
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}`,
    ...[...headers].filter(([name]) => !CONNECTION_FIELDS.has(name)).map(([name, value]) => `${name}: ${value}`),
    ...isBodiless ? [] : [`content-length: ${body.length}`],
    "connection: close",
  ];
  // Values are bytes by now (Fetch, "header value"): one per character.
  const start = Uint8Array.from(
    lines.map((line) => `${line}\r\n`).join("") + "\r\n",
    (character) => character.charCodeAt(0),
  );
  const whole = new Uint8Array(start.length + (isHead || isBodiless ? 0 : body.length));
  whole.set(start);
  if (!isHead && !isBodiless) whole.set(body, start.length);
  return whole;
}
