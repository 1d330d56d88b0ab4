/** mesh_dns on a whole node: sockets, hostile traffic, and starting again and again. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="../../../plugins/mesh_dns/dns_packet.d.ts"
import { decode } from "dns-packet";
import { delay } from "../../../core/io/alarm.ts";
import { openUdpPort } from "../../../core/io/udp_port.ts";
import { TCP_CONNECTIONS_MAX, TCP_QUERY_BYTES_MAX } from "../../../plugins/mesh_dns/tcp_service.ts";
import { startDnsNode } from "./dns_node.ts";
import { endlessCyclesOn } from "../plugin_cycles.ts";
import { malformed } from "./malformed.ts";
import { edns, queryBytes } from "./paper_mesh.ts";

const NAME = "a.webmesh.internal";
const HOST = "127.0.0.1";

/** Asks over UDP, again if nothing comes: a socket that is flooded loses. */
async function ask(port: number, bytes: Uint8Array) {
  const answered = Promise.withResolvers<Uint8Array>();
  await using client = await openUdpPort({ host: HOST, port: 0 }, (datagram) => answered.resolve(datagram));
  for (;;) {
    client.send(bytes, { host: HOST, port });
    const over = new AbortController();
    const answer = await Promise.race([answered.promise, delay(200, over.signal).catch(() => {})]);
    over.abort();
    if (answer) return decode(Buffer.from(answer));
  }
}

function framed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array([bytes.length >> 8, bytes.length & 255, ...bytes]);
}

/** True if the other side closes the connection. */
async function isClosed(connection: Deno.TcpConn): Promise<boolean> {
  return await connection.read(new Uint8Array(1)).catch(() => null) === null;
}

Deno.test("mesh_dns: questions in pieces and in a row over TCP; too long ones end the connection", async () => {
  const { node, port } = await startDnsNode();
  await using _ = node;
  using connection = await Deno.connect({ hostname: HOST, port });
  const both = new Uint8Array([...framed(queryBytes(NAME, "A")), ...framed(queryBytes(NAME, "TXT", { id: 8 }))]);
  for (const part of [both.subarray(0, 1), both.subarray(1, 20), both.subarray(20)]) await connection.write(part);
  const received: number[] = [];
  const buffer = new Uint8Array(4096);
  const ids: number[] = [];
  while (ids.length < 2) {
    const count = await connection.read(buffer);
    assert(count !== null);
    received.push(...buffer.subarray(0, count));
    for (
      let length;
      received.length > 2 && received.length >= 2 + (length = (received[0] ?? 0) << 8 | (received[1] ?? 0));
    ) {
      ids.push(decode(Buffer.from(received.splice(0, 2 + length).slice(2))).id);
    }
  }
  assert.deepEqual(ids, [7, 8]);
  const length = TCP_QUERY_BYTES_MAX + 1;
  await connection.write(new Uint8Array([length >> 8, length & 255]));
  assert(await isClosed(connection));
});

Deno.test("mesh_dns: one TCP connection more than the limit is closed", async () => {
  const { node, port } = await startDnsNode();
  await using _ = node;
  using stack = new DisposableStack();
  for (let index = 0; index < TCP_CONNECTIONS_MAX; index++) {
    const connection = stack.use(await Deno.connect({ hostname: HOST, port }));
    await connection.write(framed(queryBytes(NAME, "A")));
    assert((await connection.read(new Uint8Array(512)) ?? 0) > 2);
  }
  using oneMore = await Deno.connect({ hostname: HOST, port });
  assert(await isClosed(oneMore));
});

Deno.test("mesh_dns: thousands of malformed datagrams, and it still answers", async () => {
  const { node, port } = await startDnsNode();
  await using _ = node;
  await using client = await openUdpPort({ host: HOST, port: 0 }, () => {});
  const next = malformed(1);
  for (let index = 0; index < 5_000; index++) {
    client.send(next(), { host: HOST, port });
    if (index % 500 === 0) await ask(port, queryBytes(NAME, "A", edns(1232)));
  }
  const { answers } = await ask(port, queryBytes(NAME, "A"));
  assert.equal(answers[0]?.data, "10.83.0.1");
  assert.equal(node.plugins.list().find(({ name }) => name === "mesh_dns")?.phase, "running");
});

Deno.test("mesh_dns: a thousand cycles leave no handle, timer or socket", async () => {
  const { node } = await startDnsNode({ forward: ["192.0.2.1"] });
  await using _ = node;
  await endlessCyclesOn(node, "mesh_dns");
});
