/** Ways that carry less than 1500 bytes: bulk transfers complete, in both directions and families, wherever the way is narrow. */
import assert from "node:assert/strict";
import { eventually } from "./lab/eventually.ts";
import type { Host } from "./lab/host.ts";
import { type FarApart, farApart } from "./lab/router.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { iperf } from "./lab/traffic.ts";
import { everyPairPings, MeshLab, type MeshNode } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [
  ...LAB_NEEDS,
  "tun",
  "command:iperf3",
  "command:nft",
  "command:nstat",
  "command:sysctl",
];
const FORMED_MS = 10_000;
const SETTLED_MS = 5_000;
/** A transfer that hangs has a few packets through at most; one that works has far more than this on a busy machine. */
const BITS_PER_SECOND_MIN = 10e6;

interface Pair extends FarApart, AsyncDisposable {
  readonly nodes: readonly [MeshNode, MeshNode];
}

/** A mesh of two nodes far apart that know each other's addresses of one family. */
async function pair(family: "ipv4" | "ipv6"): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const mesh = stack.use(await MeshLab.create(sourceProgram()));
  const apart = await farApart(mesh.lab, "a", "b");
  const nodes: [MeshNode, MeshNode] = [mesh.nodeOn(apart.near), mesh.nodeOn(apart.far)];
  const [a, b] = nodes;
  const server = family === "ipv4" ? `${a.host.ipv4}:8443` : `[${a.host.ipv6}]:8443`;
  await a.start("--bootstrap", "--primary-endpoint", a.host[family]);
  await b.start("--join", server, "--primary-endpoint", b.host[family]);
  await everyPairPings(nodes, FORMED_MS);
  const owned = stack.move();
  return { ...apart, nodes, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function tunnelMtuOf(host: Host): Promise<number> {
  const [link] = JSON.parse(await host.mustExec(["ip", "-j", "link", "show", "weft0"]));
  return link.mtu;
}

/** IP fragments that a host has made of its own packets. */
async function fragmentCount(host: Host): Promise<number> {
  const output = await host.mustExec(["nstat", "-asz", "--json", "IpFragCreates", "Ip6FragCreates"]);
  const { IpFragCreates, Ip6FragCreates } = JSON.parse(output).kernel;
  return IpFragCreates + Ip6FragCreates;
}

/** Sends TCP for a second in each direction and family. */
async function bulk([a, b]: readonly [MeshNode, MeshNode]): Promise<void> {
  for (const [from, to] of [[a, b], [b, a]] as const) {
    const { ipv4, ipv6 } = await to.addresses();
    for (const address of [ipv4, ipv6]) {
      const { bitsPerSecond } = await iperf(from.host, to.host, address, 1);
      assert.ok(bitsPerSecond > BITS_PER_SECOND_MIN, `${from.host.name} to ${address}: ${bitsPerSecond} bit/s`);
    }
  }
}

/** One echo request of `packetBytes` with its headers, and what ping said. */
async function echo(from: Host, address: string, packetBytes: number, fragments: "do" | "dont"): Promise<string> {
  const bytes = packetBytes - (address.includes(":") ? 48 : 28);
  const options = ["-n", "-c", "1", "-W", "2", "-M", fragments, "-s", `${bytes}`];
  const { stdout, stderr } = await from.exec(["ping", ...options, address]);
  return stdout + stderr;
}

/** What ping says when it is told, or has been told before, how much fits. */
function tooBig(mtu: number): RegExp {
  return new RegExp(`Frag needed and DF set \\(mtu = ${mtu}\\)|message too long, mtu[=:] ?${mtu}`);
}

labTest(
  "path MTU: bulk transfers complete over hosts' own narrow links, without fragments",
  NEEDS,
  async () => {
    await using made = await pair("ipv4");
    const { near, far, nodes } = made;
    for (const mtu of [1280, 1124]) {
      for (const host of [near, far]) await host.ip(`link set eth0 mtu ${mtu}`);
      await eventually("the tunnel to follow", async () => await tunnelMtuOf(near) === 1280, SETTLED_MS);
      const before = await fragmentCount(near) + await fragmentCount(far);
      await bulk(nodes);
      const fragments = await fragmentCount(near) + await fragmentCount(far) - before;
      assert.ok(fragments < 100, `${mtu}: ${fragments} fragments`);

      const { ipv4, ipv6 } = await nodes[1].addresses();
      assert.match(await echo(near, ipv4, 1270, "do"), tooBig(mtu - 60));
      assert.match(await echo(near, ipv4, mtu - 60, "do"), / 0% packet loss/);
      assert.match(await echo(near, ipv4, 1270, "dont"), / 0% packet loss/, "cut on the way");
      assert.match(await echo(near, ipv6, 1280, "do"), / 0% packet loss/, "the least that IPv6 may count on");
      for (const host of [near, far]) await host.ip("link set eth0 mtu 1500");
      await eventually("the tunnel to follow", async () => await tunnelMtuOf(near) === 1420, SETTLED_MS);
      await near.ip("route flush cache");
    }
  },
);

labTest("path MTU: bulk transfers complete where a link on the way is narrow", NEEDS, async () => {
  await using made = await pair("ipv4");
  for (const mtu of [1280, 1124]) {
    await made.narrow(mtu);
    await bulk(made.nodes);
  }
  assert.equal(await tunnelMtuOf(made.near), 1420);
});

labTest("path MTU: bulk transfers complete over IPv6 where links are narrow", NEEDS, async () => {
  await using made = await pair("ipv6");
  const { near, far, nodes } = made;
  await made.narrow(1280);
  await bulk(nodes);
  const { ipv4 } = await nodes[1].addresses();
  assert.match(await echo(near, ipv4, 1400, "do"), tooBig(1200), "what routers said");
  for (const host of [near, far]) await host.ip("link set eth0 mtu 1280");
  await eventually("the tunnel to follow", async () => await tunnelMtuOf(near) === 1280, SETTLED_MS);
  await bulk(nodes);
});

/** Loses fragments and says nothing of packets that are too big, as many networks do. */
const BLACK_HOLE = `table inet black_hole {
  chain forward { type filter hook forward priority 0; ip frag-off & 0x3fff != 0 drop; exthdr frag exists drop; }
  chain output {
    type filter hook output priority 0;
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}
`;

for (const family of ["ipv4", "ipv6"] as const) {
  labTest(`path MTU: ${family} transfers complete where what is too long is lost in silence`, NEEDS, async () => {
    await using made = await pair(family);
    for (const router of made.routers) await router.mustExec(["nft", "-f", "-"], { stdin: BLACK_HOLE });
    await made.narrow(1280);
    const [from, to] = made.nodes;
    const { ipv4, ipv6 } = await to.addresses();
    // The first seconds are lost: nobody knows yet.
    for (const [address, seconds] of [[ipv4, 4], [ipv6, 1]] as const) {
      const { bitsPerSecond } = await iperf(from.host, to.host, address, seconds);
      assert.ok(bitsPerSecond > BITS_PER_SECOND_MIN, `${address}: ${bitsPerSecond} bit/s`);
    }
  });
}
