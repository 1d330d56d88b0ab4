/** mesh_dns on a whole node: sockets, hostile traffic, and starting again and again. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="../../../plugins/mesh_dns/dns_packet.d.ts"
import { decode } from "dns-packet";
import { delay } from "../../../core/io/alarm.ts";
import { openUdpPort } from "../../../core/io/udp_port.ts";
import { TCP_CONNECTIONS_MAX, TCP_QUERY_BYTES_MAX } from "../../../plugins/mesh_dns/tcp_service.ts";
import { PaperResolver, say, startDnsNode } from "./dns_node.ts";
import { endlessCyclesOn } from "../plugin_cycles.ts";
import { malformed } from "./malformed.ts";
import { edns, framed, queryBytes } from "./paper_mesh.ts";

const NAME = "a.webmesh.internal";
const HOST = "127.0.0.1";
const INTERFACES = Deno.networkInterfaces();
const HAS_IPV6 = INTERFACES.some(({ address }) => address === "::1");
if (!HAS_IPV6) console.log("service_test.ts: skipped what needs ::1: this host has no IPv6");
/** An address of this host that is not the loopback's, and so a stranger's. */
const OWN_HOST = INTERFACES.find(({ family, address }) => family === "IPv4" && !address.startsWith("127."))?.address;
if (OWN_HOST === undefined) console.log("service_test.ts: skipped what needs an address beside the loopback's");

/** Asks over UDP, again if nothing comes: a socket that is flooded loses. */
async function ask(port: number, bytes: Uint8Array, host = HOST) {
  const answered = Promise.withResolvers<Uint8Array>();
  await using client = await openUdpPort({ host, port: 0 }, (datagram) => answered.resolve(datagram));
  for (;;) {
    client.send(bytes, { host, port });
    const over = new AbortController();
    const answer = await Promise.race([answered.promise, delay(200, over.signal).catch(() => {})]);
    over.abort();
    if (answer) return decode(Buffer.from(answer));
  }
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

/** Asks on a connection; true if it is answered. */
async function isAnswered(connection: Deno.TcpConn): Promise<boolean> {
  await connection.write(framed(queryBytes(NAME, "A")));
  return (await connection.read(new Uint8Array(512)) ?? 0) > 2;
}

Deno.test("mesh_dns: one TCP connection more than the limit ends the one that has not asked for longest", async () => {
  const { node, port } = await startDnsNode();
  await using _ = node;
  using stack = new DisposableStack();
  const connections: Deno.TcpConn[] = [];
  for (let index = 0; index < TCP_CONNECTIONS_MAX; index++) {
    const connection = stack.use(await Deno.connect({ hostname: HOST, port }));
    assert(await isAnswered(connection));
    connections.push(connection);
  }
  const [first, second, third] = connections;
  assert(first && second && third && await isAnswered(first));
  using oneMore = await Deno.connect({ hostname: HOST, port });
  assert(await isAnswered(oneMore));
  assert(await isClosed(second));
  for (const kept of [first, third, oneMore]) assert(await isAnswered(kept));
});

Deno.test("mesh_dns: strangers have no TCP connection", { ignore: OWN_HOST === undefined }, async () => {
  const { node, port } = await startDnsNode({ listen: "0.0.0.0:0" });
  await using _ = node;
  using connection = await Deno.connect({ hostname: OWN_HOST ?? HOST, port });
  assert(await isClosed(connection));
});

Deno.test("mesh_dns: UDP and TCP of both families", { ignore: !HAS_IPV6 }, async () => {
  for (const [listen, hosts] of [["[::]:0", [HOST, "::1"]], ["[::1]:0", ["::1"]]] as const) {
    const { node, port } = await startDnsNode({ listen });
    await using _ = node;
    for (const host of hosts) {
      assert.equal((await ask(port, queryBytes(NAME, "A"), host)).answers[0]?.data, "10.83.0.1");
      using connection = await Deno.connect({ hostname: host, port });
      assert(await isAnswered(connection));
    }
  }
});

Deno.test("mesh_dns: on all addresses of a host without IPv6", { ignore: Deno.build.os !== "linux" }, async () => {
  const child = new URL("no_ipv6_child.ts", import.meta.url).pathname;
  assert.equal(
    await say(Deno.execPath(), "run", "-A", "--quiet", "--no-check", child),
    "10.83.0.1 10.83.0.1 10.83.0.1\n",
  );
});

Deno.test("mesh_dns: the host's resolver is told of addresses that answer", async () => {
  const cases: (readonly [listen: string, ipv6: boolean, told: RegExp])[] = [
    ["127.0.0.1:0", true, /^127\.0\.0\.1$/],
    ["localhost:0", true, /^(127\.0\.0\.1|::1)$/],
    ["0.0.0.0:0", true, /^10\.83\.0\.1$/],
    ...HAS_IPV6
      ? [[":0", true, /^10\.83\.0\.1 fd[0-9a-f:]+::1$/] as const, [":0", false, /^10\.83\.0\.1$/] as const]
      : [],
  ];
  for (const [listen, ipv6, told] of cases) {
    const resolver = new PaperResolver();
    const { node } = await startDnsNode({ listen, resolved: true }, [], { ipv6 }, resolver);
    await using _ = node;
    assert.match(await resolver.told, told, `${listen} ${ipv6}`);
  }
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
