/** Ports that plugins open: `udp_port.ts` and `tcp_port.ts`. */
import assert from "node:assert/strict";
import { openTcpPort } from "../../../core/io/tcp_port.ts";
import { openUdpPort } from "../../../core/io/udp_port.ts";

const FREE = { host: "127.0.0.1", port: 0 };

Deno.test("openUdpPort: datagrams in and out; an address in use is named", async () => {
  await using echo = await openUdpPort(FREE, (datagram, from, port) => port.send(datagram, from));
  const answered = Promise.withResolvers<string>();
  await using client = await openUdpPort(FREE, (datagram) => answered.resolve(new TextDecoder().decode(datagram)));
  client.send(new TextEncoder().encode("hello"), { host: "127.0.0.1", port: echo.port });
  assert.equal(await answered.promise, "hello");
  await assert.rejects(
    openUdpPort({ ...FREE, port: echo.port }, () => {}),
    /Cannot listen on .* the address is in use/,
  );
});

Deno.test("openTcpPort: serves so many connections, closes the rest, and all when it is disposed", async () => {
  const port = openTcpPort(FREE, 1, async (connection) => {
    const buffer = new Uint8Array(16);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === undefined) return;
      await connection.write(buffer.subarray(0, count));
    }
  });
  using first = await Deno.connect({ hostname: "127.0.0.1", port: port.port });
  await first.write(new Uint8Array([1, 2]));
  assert.equal(await first.read(new Uint8Array(4)), 2);
  using second = await Deno.connect({ hostname: "127.0.0.1", port: port.port });
  assert.equal(await second.read(new Uint8Array(4)).catch(() => null), null);
  await port[Symbol.asyncDispose]();
  assert.equal(await first.read(new Uint8Array(4)).catch(() => null), null);
});
