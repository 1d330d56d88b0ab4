/**
 * A node with mesh_dns, all of it on all addresses, in a process without IPv6; says what it answers over UDP and TCP, and where
 * the host's resolver is to ask.
 *
 * @module
 */
import { Buffer } from "node:buffer";
// @ts-types="../../../plugins/mesh_dns/dns_packet.d.ts"
import { decode } from "dns-packet";
import { openUdpPort } from "../../../core/io/udp_port.ts";
import { takeIpv6Away } from "../../core/io/no_ipv6.ts";
import { PaperResolver, startDnsNode } from "./dns_node.ts";
import { framed, queryBytes } from "./paper_mesh.ts";

const QUERY = queryBytes("a.webmesh.internal", "A");

takeIpv6Away();
const ANY = { host: "::", port: 0 };
const resolver = new PaperResolver();
const listens = { grpcListen: ANY, raftListen: ANY };
const { node, port } = await startDnsNode({ listen: ":0", resolved: true }, [], listens, resolver);
await using _ = node;
const answered = Promise.withResolvers<Uint8Array>();
await using client = await openUdpPort({ host: "127.0.0.1", port: 0 }, (datagram) => answered.resolve(datagram));
client.send(QUERY, { host: "127.0.0.1", port });
const overUdp = decode(Buffer.from(await answered.promise));
using connection = await Deno.connect({ hostname: "127.0.0.1", port });
await connection.write(framed(QUERY));
const buffer = new Uint8Array(512);
const count = await connection.read(buffer) ?? 0;
const overTcp = decode(Buffer.from(buffer.subarray(2, count)));
console.log(overUdp.answers[0]?.data, overTcp.answers[0]?.data, await resolver.told);
