/**
 * A small HTTP server for what a node shows to programs: metrics, documents. HTTP/1.1 and HTTP/2 without TLS.
 *
 * @module
 */
import { ConfigError } from "../plugin/errors.ts";
import type { ListenAddress, OnRequest, TcpPort } from "../plugin/listen.ts";
import { delay } from "./alarm.ts";
import { bindErrorText } from "./bind_error.ts";

/** Requests that are under way when the server closes may take this much longer, in milliseconds. */
const CLOSE_GRACE_MS = 200;

/**
 * Listens until the result is disposed.
 *
 * @param onRequest What it throws becomes 500, and goes to `onFailure`.
 * @throws {ConfigError} If the address cannot be bound.
 */
export function serveHttp(
  { host, port }: ListenAddress,
  onRequest: OnRequest,
  onFailure: (error: unknown) => void,
): TcpPort {
  const cut = new AbortController();
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      hostname: host,
      port,
      signal: cut.signal,
      onListen: () => {},
      onError: (error) => {
        onFailure(error);
        return new Response("Internal error\n", { status: 500 });
      },
    }, (request, { remoteAddr }) => onRequest(request, { host: remoteAddr.hostname, port: remoteAddr.port }));
  } catch (error) {
    throw new ConfigError(...bindErrorText(host, port, error));
  }
  return {
    port: server.addr.port,
    async [Symbol.asyncDispose]() {
      const over = new AbortController();
      delay(CLOSE_GRACE_MS, over.signal).then(() => cut.abort(), () => {});
      server.shutdown();
      await server.finished;
      over.abort();
    },
  };
}
