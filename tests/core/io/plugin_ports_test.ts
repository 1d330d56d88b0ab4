/** Ports that plugins open: `udp_port.ts` and `tcp_port.ts`. */
import assert from "node:assert/strict";
import { delay } from "../../../core/io/alarm.ts";
import { openTcpPort } from "../../../core/io/tcp_port.ts";
import { openUdpPort } from "../../../core/io/udp_port.ts";
import { eventually } from "../../e2e/lab/eventually.ts";

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

Deno.test("openUdpPort, openTcpPort: a name is one address, the same for both", async () => {
  await using udp = await openUdpPort({ host: "localhost", port: 0 }, () => {});
  await using tcp = await openTcpPort({ host: "localhost", port: 0 }, 1, () => Promise.resolve());
  assert.match(udp.host, /^(127\.0\.0\.1|::1)$/);
  assert.equal(tcp.host, udp.host);
});

Deno.test("openTcpPort: serves so many connections, closes the rest, and all when it is disposed", async () => {
  const port = await openTcpPort(FREE, 1, async (connection) => {
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

/** State of the connection between two ports of 127.0.0.1 as the kernel knows it at the first (proc(5), tcp_states.h). */
function kernelState(local: number, remote: number): string | undefined {
  const of = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").map((line) => line.trim().split(/\s+/))
    .find(([, from, to]) => from === of(local) && to === of(remote))?.[3];
}

const ESTABLISHED = "01";

Deno.test("openTcpPort: who takes no answer is closed like any other", async () => {
  const served = Promise.withResolvers<unknown>();
  const isStuck = Promise.withResolvers<Disposable>();
  await using port = await openTcpPort(FREE, 1, async (connection) => {
    const bytes = new Uint8Array(1 << 20);
    try {
      for (;;) {
        const written = connection.write(bytes);
        const over = new AbortController();
        const late = delay(200, over.signal).then(() => true, () => false);
        if (await Promise.race([written.then(() => false), late])) isStuck.resolve(connection);
        over.abort();
        await written;
      }
    } catch (error) {
      served.resolve(error);
    }
  });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: port.port });
  const connection = await isStuck.promise;
  const state = () => kernelState(port.port, client.localAddr.port);
  assert.equal(state(), ESTABLISHED);
  connection[Symbol.dispose]();
  assert(await served.promise instanceof Error);
  await eventually("the connection to be closed", () => state() !== ESTABLISHED, 5_000);
});

Deno.test("openTcpPort: half closed by the client, and still answered", async () => {
  await using port = await openTcpPort(FREE, 1, async (connection) => {
    const received: number[] = [];
    const buffer = new Uint8Array(3);
    for (let count; (count = await connection.read(buffer)) !== undefined;) received.push(...buffer.subarray(0, count));
    await connection.write(new Uint8Array(received));
  });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: port.port });
  await client.write(new Uint8Array([1, 2, 3, 4, 5]));
  await client.closeWrite();
  const answer = new Uint8Array(8);
  assert.equal(await client.read(answer), 5);
  assert.deepEqual([...answer.subarray(0, 5)], [1, 2, 3, 4, 5]);
  assert.equal(await client.read(answer), null);
});
