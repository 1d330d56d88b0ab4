import assert from "node:assert/strict";
import { HTTP_HEAD_BYTES_MAX } from "../../../core/io/http_head.ts";
import { HTTP_LIMITS, type HttpLimits, serveHttp } from "../../../core/io/http_server.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import type { TcpPort } from "../../../core/plugin/listen.ts";
import { eventually } from "../../e2e/lab/eventually.ts";

const FREE = { host: "127.0.0.1", port: 0 };
const WAIT_MS = 5_000;

interface Served extends AsyncDisposable {
  readonly port: TcpPort;
  readonly failures: unknown[];
  /** Handlers that wait for the end of their request. */
  waitingCount: number;
}

async function served(limits?: Partial<HttpLimits>): Promise<Served> {
  const failures: unknown[] = [];
  const port = await serveHttp(
    FREE,
    async (request) => {
      switch (new URL(request.url).pathname) {
        case "/throws":
          throw new Error("secret");
        case "/breaks":
          return new Response(new ReadableStream({ pull: () => Promise.reject(new Error("secret")) }));
        case "/waits":
          state.waitingCount++;
          await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
          state.waitingCount--;
          return new Response();
        case "/nothing":
          return new Response(null, { status: 204 });
        case "/echo":
          return new Response(await request.bytes(), {
            headers: { "x-method": request.method, connection: "keep-alive" },
          });
        default:
          return new Response("fine\n");
      }
    },
    (error) => failures.push(error),
    limits,
  );
  const state: Served = { port, failures, waitingCount: 0, [Symbol.asyncDispose]: () => port[Symbol.asyncDispose]() };
  return state;
}

async function dial({ port }: Served, text = ""): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: port.port });
  await connection.write(new TextEncoder().encode(text)).catch(() => 0);
  return connection;
}

/** All that comes until the other end closes. */
async function rest(connection: Deno.TcpConn): Promise<string> {
  let text = "";
  const bytes = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(bytes).catch(() => null);
    if (count === null) return text;
    text += new TextDecoder().decode(bytes.subarray(0, count));
  }
}

async function asked(server: Served, text: string): Promise<string> {
  using connection = await dial(server, text);
  return (await rest(connection)).split("\r\n")[0] ?? "";
}

Deno.test("serveHttp: answers every method that fetch knows, and bodies up to the limit", async () => {
  await using server = await served();
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port.port}${path}`, init);
    return { status: response.status, headers: response.headers, bytes: await response.bytes() };
  };
  const text = ({ bytes }: { bytes: Uint8Array }) => new TextDecoder().decode(bytes);
  assert.equal(text(await ask("/?a=b")), "fine\n");
  const head = await ask("/", { method: "HEAD" });
  assert.deepEqual([head.headers.get("content-length"), head.bytes.length], ["5", 0]);
  assert.equal((await ask("/nothing")).status, 204);
  const body = crypto.getRandomValues(new Uint8Array(HTTP_LIMITS.bodyBytesMax));
  const echoed = await ask("/echo", { method: "PUT", body });
  assert.deepEqual([echoed.headers.get("x-method"), echoed.headers.get("connection")], ["PUT", "close"]);
  assert.deepEqual(echoed.bytes, body);
  const more = await ask("/echo", { method: "PUT", body: new Uint8Array(body.length + 1) }).catch(() => undefined);
  // The refusal may overtake what was on its way to be refused.
  assert(more === undefined || more.status === 413);
  const length = `POST / HTTP/1.1\r\nContent-Length: ${body.length + 1}\r\n\r\n`;
  assert.equal(await asked(server, length), "HTTP/1.1 413 Content Too Large");
});

Deno.test("serveHttp: what a handler throws stays inside", async () => {
  await using server = await served();
  for (const path of ["/throws", "/breaks"]) {
    const response = await fetch(`http://127.0.0.1:${server.port.port}${path}`);
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /secret/);
  }
  assert.equal(server.failures.length, 2);
});

Deno.test("serveHttp: an address in use is an error for the operator; what was disposed is gone", async () => {
  const server = await served();
  const taken = { ...FREE, port: server.port.port };
  await assert.rejects(serveHttp(taken, () => new Response(), () => {}), ConfigError);
  await server[Symbol.asyncDispose]();
  await assert.rejects(fetch(`http://127.0.0.1:${taken.port}/`));
});

Deno.test("serveHttp: what is no request is refused", async () => {
  await using server = await served();
  assert.equal(await asked(server, "hello\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  assert.equal(await asked(server, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  assert.equal(await asked(server, "GET / HTTP/1.1\r\nHost: [\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  assert.equal(await asked(server, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  assert.equal(await asked(server, "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"), "HTTP/1.1 400 Bad Request");
  assert.equal(await asked(server, "TRACE / HTTP/1.1\r\n\r\n"), "HTTP/1.1 501 Not Implemented");
  assert.equal(await asked(server, "GET //x HTTP/1.0\n\n"), "HTTP/1.1 200 OK");
});

Deno.test("serveHttp: a head that is too long is refused", async () => {
  await using server = await served();
  const start = "GET / HTTP/1.1\r\nX: ";
  const whole = (bytes: number) => `${start}${"a".repeat(bytes - start.length - 4)}\r\n\r\n`;
  assert.equal(await asked(server, whole(HTTP_HEAD_BYTES_MAX)), "HTTP/1.1 200 OK");
  // The connection is closed with a byte unread, which may take the refusal with it.
  assert.match(await asked(server, whole(HTTP_HEAD_BYTES_MAX + 1)), /^(HTTP\/1\.1 431 .*)?$/);
});

Deno.test("serveHttp: who is slow is cut off, and so is a handler", async () => {
  await using server = await served({ exchangeMs: 100 });
  assert.equal(await asked(server, "GET / HT"), "");
  assert.equal(await asked(server, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc"), "");
  assert.equal(await asked(server, "GET /waits HTTP/1.1\r\n\r\n"), "");
  await eventually("the handler to hear of it", () => server.waitingCount === 0, WAIT_MS);
});

Deno.test("serveHttp: one host has so many connections at a time, and one more after one of them is gone", async () => {
  await using server = await served();
  const held = await Promise.all(Array.from({ length: HTTP_LIMITS.connectionsPerHostMax }, () => dial(server)));
  assert.equal(await asked(server, "GET / HTTP/1.1\r\n\r\n"), "");
  held.pop()?.close();
  await eventually("a place", async () => await asked(server, "GET / HTTP/1.1\r\n\r\n") === "HTTP/1.1 200 OK", WAIT_MS);
  for (const connection of held) connection.close();
});

Deno.test("serveHttp: so many connections in all", async () => {
  await using server = await served({ connectionsPerHostMax: Infinity });
  const held = await Promise.all(
    Array.from({ length: HTTP_LIMITS.connectionsMax }, () => dial(server, "GET /waits HTTP/1.1\r\n\r\n")),
  );
  await eventually("all to be served", () => server.waitingCount === held.length, WAIT_MS);
  assert.equal(await asked(server, "GET / HTTP/1.1\r\n\r\n"), "");
  for (const connection of held) connection.close();
});
