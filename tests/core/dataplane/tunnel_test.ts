/** Two packet loops with their engines, from device to device: the whole data plane except the kernel. */
import { strict as assert } from "node:assert";
import { noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import { FIRST_SOCKET_INDEX, PacketLoop, TUN_INDEX } from "../../../core/dataplane/packet_loop.ts";
import { PathMtu } from "../../../core/dataplane/path_mtu.ts";
import { parsePeer } from "../../../core/dataplane/tunnel_peer.ts";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { Engine } from "../../../core/wireguard/engine.ts";
import { MemoryTun } from "../../twins/memory_tun.ts";
import { MemoryNetwork, type MemoryUdpSocket } from "../../twins/memory_udp.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { ipPacket, payloadOf } from "./ip_packet.ts";
import { buildPacket, expectedSegments, payloadOfLength, shape, superHeader } from "./super_packet.ts";

/** One end of the tunnel. */
class Node {
  readonly tun = new MemoryTun();
  readonly engine: Engine;
  readonly loop: PacketLoop;
  readonly sockets: readonly MemoryUdpSocket[];
  /** What the kernel says of every route. */
  routeMtu = 1500;

  constructor(lab: Lab, random: SeededRandom, endpoints: readonly string[]) {
    this.sockets = endpoints.map((endpoint) => lab.network.bind(endpoint));
    this.engine = new Engine({ privateKey: PrivateKey.generate(random), suite: nobleSuite, random, mtu: 1420 });
    this.loop = new PacketLoop({
      engine: this.engine,
      tun: this.tun,
      sockets: this.sockets,
      paths: new PathMtu({
        routeMtu: () => this.routeMtu,
        toHost: (buffer, offset, length) => this.tun.write(buffer, offset, length),
        tunnelMtu: 1420,
      }),
      clock: { monotonicMs: () => lab.nowMs, wallMs: () => 1.7e12 + lab.nowMs },
      readiness: { wait: () => {}, isReady: (index) => this.#waitingAt(index) > 0 },
      onWake: () => {},
    });
  }

  get isBusy(): boolean {
    return this.tun.waitingCount + this.sockets.reduce((sum, socket) => sum + socket.waitingCount, 0) > 0;
  }

  get payloads(): string[] {
    return this.tun.written.map(payloadOf);
  }

  meet(lab: Lab, other: Node, endpoints: string[], allowedIps: string[]): void {
    const publicKey = String(other.engine.publicKey);
    const peer = parsePeer({ publicKey, endpoints, allowedIps, persistentKeepaliveMs: 0 });
    this.engine.upsertPeer(peer, { nowMs: lab.nowMs, wallMs: 1.7e12 + lab.nowMs });
  }

  #waitingAt(index: number): number {
    if (index === TUN_INDEX) return this.tun.waitingCount;
    return this.sockets[index - FIRST_SOCKET_INDEX]?.waitingCount ?? 0;
  }
}

/** Two nodes, 10.0.0.1 and 10.0.0.2, that know each other. */
class Lab implements Disposable {
  readonly network = new MemoryNetwork();
  readonly left: Node;
  readonly right: Node;
  nowMs = 1000;

  constructor(seed = 1) {
    const random = new SeededRandom(seed);
    this.left = new Node(this, random.split(), ["192.0.2.1:51820", "[2001:db8::1]:51820"]);
    this.right = new Node(this, random.split(), ["192.0.2.2:51820", "[2001:db8::2]:51820"]);
    this.left.meet(this, this.right, ["192.0.2.2:51820", "[2001:db8::2]:51820"], ["10.0.0.2/32", "fd00::2/128"]);
    this.right.meet(this, this.left, [], ["10.0.0.1/32", "fd00::1/128"]);
  }

  /** Turns both loops until neither has anything to do at this time. */
  settle(): void {
    do {
      for (const node of [this.left, this.right]) node.loop.turn();
    } while (this.left.isBusy || this.right.isBusy);
  }

  /** Lets time pass until `untilMs`, stopping at every deadline. */
  advance(untilMs: number): void {
    while (this.nowMs < untilMs) {
      const deadlineMs = Math.min(this.left.engine.nextDeadlineMs(), this.right.engine.nextDeadlineMs());
      this.nowMs = Math.min(Math.max(deadlineMs, this.nowMs + 1), untilMs);
      this.settle();
    }
  }

  [Symbol.dispose](): void {
    this.left.engine[Symbol.dispose]();
    this.right.engine[Symbol.dispose]();
  }
}

Deno.test("tunnel: the first packet waits for the handshake, and both families cross both ways", () => {
  using lab = new Lab();
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", "hello"));
  lab.left.tun.route(ipPacket("fd00::1", "fd00::2", "hello six"));
  lab.settle();
  lab.right.tun.route(ipPacket("10.0.0.2", "10.0.0.1", "and back"));
  lab.settle();
  assert.deepEqual(lab.right.payloads, ["hello", "hello six"]);
  assert.deepEqual(lab.left.payloads, ["and back"]);
  for (const node of [lab.left, lab.right]) {
    assert.deepEqual(node.loop.drops, noLoopDrops());
    node.engine.checkInvariants();
  }
});

Deno.test("tunnel: packets of every length up to the MTU arrive as they were", () => {
  using lab = new Lab();
  const random = new SeededRandom(2);
  const packets: Uint8Array[] = [];
  for (let length = 0; length <= 1400; length += 7) {
    const payload = new Uint8Array(length);
    random.fill(payload);
    packets.push(ipPacket("10.0.0.1", "10.0.0.2", payload));
    lab.left.tun.route(packets.at(-1) ?? payload);
    lab.settle();
  }
  assert.deepEqual(lab.right.tun.written, packets);
});

Deno.test("tunnel: super-packets of both protocols and families arrive as they were, in one run of datagrams", () => {
  using lab = new Lab();
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", "handshake"));
  lab.settle();
  for (const protocol of ["tcp", "udp"] as const) {
    for (const family of [4, 6] as const) {
      const whole = shape({ protocol, family, payload: payloadOfLength(40 * 1300 + 77) });
      lab.left.tun.route(buildPacket(whole, "partial"), superHeader(whole, 1300));
      lab.settle();
      assert.deepEqual(lab.right.tun.written.at(-1), buildPacket(whole, "partial"), `${protocol} ${family}`);
      assert.deepEqual(lab.right.tun.writtenHeaders.at(-1), superHeader(whole, 1300));
    }
  }
  assert.equal(lab.right.tun.written.length, 5);
  assert.deepEqual(lab.right.loop.drops, noLoopDrops());
});

Deno.test("tunnel: a super-packet waits for the handshake like any other", () => {
  using lab = new Lab();
  // What arrives first after a silence is not held back for the rest, so this looks at segments.
  lab.right.tun.offloads = { tcp: false, udp: false };
  const whole = shape({ payload: payloadOfLength(40 * 1300) });
  lab.left.tun.route(buildPacket(whole, "partial"), superHeader(whole, 1300));
  lab.settle();
  assert.deepEqual(lab.right.tun.written, expectedSegments(whole, 1300));
});

Deno.test("tunnel: without offloads of device and sockets everything arrives too", () => {
  using lab = new Lab();
  lab.right.tun.offloads = { tcp: false, udp: false };
  for (const node of [lab.left, lab.right]) for (const socket of node.sockets) socket.hasRuns = false;
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", "handshake"));
  lab.settle();
  const whole = shape({ payload: payloadOfLength(10 * 1300) });
  lab.left.tun.route(buildPacket(whole, "partial"), superHeader(whole, 1300));
  lab.settle();
  assert.deepEqual(lab.right.tun.written.slice(1), expectedSegments(whole, 1300));
  assert.deepEqual(lab.left.loop.drops, noLoopDrops());
});

Deno.test("tunnel: a super-packet that makes no sense is counted, and the next one goes on", () => {
  using lab = new Lab();
  const whole = shape({ payload: payloadOfLength(3000) });
  lab.left.tun.route(buildPacket(whole, "partial"), superHeader(whole, 0));
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", "next"));
  lab.settle();
  assert.deepEqual(lab.right.payloads, ["next"]);
  assert.deepEqual(lab.left.loop.drops, { ...noLoopDrops(), "tun-malformed": 1 });
});

Deno.test("tunnel: a lost initiation is sent again when its time has come", () => {
  using lab = new Lab();
  let lostCount = 0;
  lab.network.fate = () => lostCount++ === 0 ? "lose" : "deliver";
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", "late"));
  lab.settle();
  assert.deepEqual(lab.right.payloads, []);
  lab.advance(lab.nowMs + 6_000);
  assert.deepEqual(lab.right.payloads, ["late"]);
});

Deno.test("tunnel: an unreachable first endpoint gives way to the next one, over the other family", () => {
  using lab = new Lab();
  lab.network.fate = ({ to }) => to.family === 4 ? "unreachable" : "deliver";
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", "six"));
  lab.settle();
  lab.advance(lab.nowMs + 30_000);
  assert.deepEqual(lab.right.payloads, ["six"]);
  assert.ok(lab.left.loop.drops["network-unreachable"] > 0);
});

Deno.test("tunnel: replayed and changed datagrams go no further than the engine", () => {
  using lab = new Lab();
  const seen: Uint8Array[] = [];
  lab.network.fate = ({ bytes }) => {
    seen.push(bytes.slice());
    return "deliver";
  };
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", "once"));
  lab.settle();
  lab.network.fate = () => "deliver";
  const thief = lab.network.bind("192.0.2.66:1");
  for (const bytes of seen) {
    for (const node of ["192.0.2.1:51820", "192.0.2.2:51820"]) {
      const to = Endpoint.parse(node);
      assert.ok(to);
      thief.send(bytes, 0, bytes.length, to);
      const changed = bytes.slice();
      changed[changed.length - 1] = changed[changed.length - 1]! ^ 1;
      thief.send(changed, 0, changed.length, to);
    }
  }
  lab.settle();
  assert.deepEqual(lab.right.payloads, ["once"]);
  assert.equal(String(lab.right.engine.peer(lab.left.engine.publicKey)?.endpoint), "192.0.2.1:51820");
});

Deno.test("tunnel: packets to nobody and from nobody are dropped, and the loop goes on", () => {
  using lab = new Lab();
  lab.left.tun.route(ipPacket("10.0.0.1", "10.9.9.9", "nobody"));
  lab.left.tun.route(new Uint8Array(3));
  lab.left.tun.route(ipPacket("10.9.9.9", "10.0.0.2", "not mine to say"));
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", "fine"));
  lab.settle();
  assert.deepEqual(lab.right.payloads, ["fine"]);
  assert.equal(lab.left.engine.drops["no-peer-for-destination"], 1);
  assert.equal(lab.right.engine.drops["source-not-allowed"], 1);
});

Deno.test("tunnel: sessions are renewed for as long as packets flow, over loss", () => {
  using lab = new Lab(3);
  const random = new SeededRandom(4);
  lab.network.fate = () => random.oneIn(10) ? "lose" : "deliver";
  let routedCount = 0;
  for (; lab.nowMs < 600_000; routedCount++) {
    lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", String(routedCount)));
    lab.right.tun.route(ipPacket("10.0.0.2", "10.0.0.1", String(routedCount)));
    lab.settle();
    lab.advance(lab.nowMs + 1_000);
  }
  for (const node of [lab.left, lab.right]) {
    assert.ok(node.payloads.length > routedCount * 0.85, `${node.payloads.length} of ${routedCount}`);
    assert.equal(new Set(node.payloads).size, node.payloads.length, "none twice");
    node.engine.checkInvariants();
  }
});

/** A TCP SYN that offers segments of 1460 bytes, from left to right. */
function synPacket(): Uint8Array<ArrayBuffer> {
  const tcp = new Uint8Array(24);
  tcp.set([6 << 4, 0x02], 12);
  tcp.set([2, 4, 0x05, 0xb4], 20);
  const packet = ipPacket("10.0.0.1", "10.0.0.2", tcp);
  packet[9] = 6;
  return packet;
}

Deno.test("tunnel: who sends what does not fit the path is told, and what fits arrives", () => {
  using lab = new Lab();
  lab.left.routeMtu = 1280;
  const packet = ipPacket("10.0.0.1", "10.0.0.2", new Uint8Array(1221 - 20));
  packet[6] = 0x40;
  lab.left.tun.route(packet);
  lab.settle();
  assert.equal(lab.right.tun.written.length, 0);
  const [answer] = lab.left.tun.written;
  assert.ok(answer);
  assert.deepEqual([answer[9], answer[20], answer[21], answer[26]! << 8 | answer[27]!], [1, 3, 4, 1220]);
  assert.equal(lab.left.engine.drops["too-big-for-path"], 1);
  const fitting = ipPacket("10.0.0.1", "10.0.0.2", new Uint8Array(1220 - 20));
  fitting[6] = 0x40;
  lab.left.tun.route(fitting);
  lab.settle();
  assert.deepEqual(lab.right.tun.written, [fitting]);
});

Deno.test("tunnel: TCP connections open with what the narrower end's path carries", () => {
  for (const narrow of ["left", "right"] as const) {
    using lab = new Lab();
    lab[narrow].routeMtu = 1280;
    lab.left.tun.route(synPacket());
    lab.settle();
    assert.deepEqual([...lab.right.tun.written[0]!.subarray(-2)], [1180 >>> 8, 1180 & 0xff], narrow);
  }
});

Deno.test("tunnel: a datagram that the kernel refuses for its size makes it ask again", () => {
  using lab = new Lab();
  lab.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", new Uint8Array(1300)));
  lab.settle();
  assert.equal(lab.right.tun.written.length, 1);
  lab.left.routeMtu = 1280;
  lab.nowMs += 1;
  lab.network.fate = ({ bytes }) => bytes.length > 1300 ? "too-big" : "deliver";
  const packet = ipPacket("10.0.0.1", "10.0.0.2", new Uint8Array(1390));
  packet[6] = 0x40;
  for (let i = 0; i < 2; i++) {
    lab.left.tun.route(packet);
    lab.settle();
    lab.nowMs += 1;
  }
  assert.equal(lab.left.loop.drops["datagram-too-big"], 1);
  assert.equal(lab.left.tun.written.length, 1, "the second time the sender is told");
});
