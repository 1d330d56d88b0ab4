import assert from "node:assert/strict";
import { delay } from "../../../core/io/alarm.ts";
import { openTcpPort } from "../../../core/io/tcp_port.ts";
import { CONNECTIONS_PER_HOST_MAX, HttpDoor } from "../../../plugins/metrics/http_door.ts";

const address = { host: "127.0.0.1", port: 0 };

function opened(exchangeMs?: number) {
  const door = new HttpDoor({ delay }, (path) => {
    if (path === "/broken") throw new Error("secret");
    return Promise.resolve({ status: 200, type: "text/plain", body: `${path}\n` });
  }, exchangeMs);
  return openTcpPort(address, door.connectionsMax, (connection, signal) => door.serve(connection, signal));
}

async function dial(port: number): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: "127.0.0.1", port });
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

Deno.test("HttpDoor: answers fetch, also with an error, whose text stays inside", async () => {
  await using port = opened();
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port.port}${path}`, init);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get("/a?b=c"), [200, "/a\n"]);
  assert.deepEqual(await get("/a", { method: "HEAD" }), [200, ""]);
  assert.deepEqual(await get("/broken"), [500, "Internal Server Error\n"]);
  assert.equal((await get("/a", { method: "POST", body: "x" }))[0], 405);
});

Deno.test("HttpDoor: a head that never ends is refused at its limit", async () => {
  await using port = opened();
  using connection = await dial(port.port);
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nX: " + "a".repeat(8192)));
  assert.match(await rest(connection), /^(HTTP\/1\.1 431 |$)/);
});

Deno.test("HttpDoor: who is slow is cut off", async () => {
  await using port = opened(50);
  using connection = await dial(port.port);
  await connection.write(new TextEncoder().encode("GET / HT"));
  assert.equal(await rest(connection), "");
});

Deno.test("HttpDoor: one host has so many connections at a time, and one more after one of them is gone", async () => {
  await using port = opened();
  const held = await Promise.all(Array.from({ length: CONNECTIONS_PER_HOST_MAX }, () => dial(port.port)));
  using beyond = await dial(port.port);
  assert.equal(await rest(beyond), "");
  held.pop()?.close();
  for (;;) {
    using next = await dial(port.port);
    await next.write(new TextEncoder().encode("GET /x HTTP/1.1\r\n\r\n")).catch(() => 0);
    if (/^HTTP\/1\.1 200 /.test(await rest(next))) break;
  }
  for (const connection of held) connection.close();
});
