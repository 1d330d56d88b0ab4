import { strict as assert } from "node:assert";
import { noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import {
  FIRST_SOCKET_INDEX,
  LONE_AFTER_MS,
  PacketLoop,
  PACKETS_PER_TURN_MAX,
  TUN_INDEX,
  type TunnelEngine,
  WAKE_INDEX,
} from "../../../core/dataplane/packet_loop.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";
import type { SendResult } from "../../../core/seams/udp_socket.ts";
import type { Instant } from "../../../core/time/instant.ts";
import type { Peer } from "../../../core/wireguard/peer.ts";
import type { EngineSink } from "../../../core/wireguard/sink.ts";
import { expectedSegments, payloadOfLength, shape } from "./super_packet.ts";
import { MemoryTun } from "../../twins/memory_tun.ts";
import { MemoryNetwork } from "../../twins/memory_udp.ts";

function endpoint(text: string): Endpoint {
  const value = Endpoint.parse(text);
  assert.ok(value);
  return value;
}

const PEER: Peer = {
  publicKey: PublicKey.of(new Uint8Array(32)),
  endpoint: new Endpoint(),
  endpointChangeCount: 0,
  path: { packetBytesMax: Infinity, staleAtMs: Infinity, endpointChangeCount: 0 },
  allowedIps: [],
  persistentKeepaliveMs: 0,
  hasPresharedKey: false,
  rxBytes: 0,
  txBytes: 0,
  lastHandshakeWallMs: 0,
  sessionState: () => "established",
};

/** An engine that encrypts nothing: a datagram is a type, three zeros, and the packet. */
class PlainEngine implements TunnelEngine {
  readonly peerEndpoint = endpoint("192.0.2.2:2");
  readonly log: string[] = [];
  deadlineMs = Infinity;

  fromTun(buffer: Uint8Array, offset: number, length: number, now: Instant, sink: EngineSink): undefined {
    assert.ok(offset >= 16 && buffer.length - offset - length >= 31, "headroom and tail room");
    buffer.set([4, 0, 0, 0], offset - 4);
    this.log.push(`tun ${buffer.subarray(offset, offset + length)} at ${now.nowMs}`);
    sink.toNetwork(buffer, offset - 4, length + 4, this.peerEndpoint, PEER);
    return undefined;
  }

  fromNetwork(
    buffer: Uint8Array,
    offset: number,
    length: number,
    from: Endpoint,
    now: Instant,
    sink: EngineSink,
  ): undefined {
    this.log.push(`network ${buffer.subarray(offset + 4, offset + length)} from ${from} at ${now.nowMs}`);
    sink.toTun(buffer, offset + 4, length - 4, PEER);
    return undefined;
  }

  expire(now: Instant, sink: EngineSink): void {
    this.log.push(`expire at ${now.nowMs}`);
    this.deadlineMs = Infinity;
    sink.toNetwork(Uint8Array.of(1, 0, 0, 0), 0, 4, this.peerEndpoint, PEER);
  }

  nextDeadlineMs(): number {
    return this.deadlineMs;
  }
}

/** A loop between a TUN device and the socket 192.0.2.1:1, with another socket at the peer's place. */
function fixture() {
  const network = new MemoryNetwork();
  const engine = new PlainEngine();
  const tun = new MemoryTun();
  const socket = network.bind("192.0.2.1:1");
  const peer = network.bind("192.0.2.2:2");
  const waits: number[] = [];
  const woken: number[] = [];
  const time = { nowMs: 100, wallMs: 1e12 };
  let isWoken = false;
  const loop = new PacketLoop({
    engine,
    tun,
    sockets: [socket],
    clock: { monotonicMs: () => time.nowMs, wallMs: () => time.wallMs },
    readiness: {
      wait: (timeoutMs) => waits.push(timeoutMs),
      isReady: (index) =>
        index === WAKE_INDEX
          ? isWoken
          : index === TUN_INDEX
          ? tun.isGone || tun.waitingCount > 0
          : socket.waitingCount > 0,
    },
    onWake: (now) => {
      isWoken = false;
      woken.push(now.nowMs);
    },
  });
  const wake = () => isWoken = true;
  return { network, engine, tun, socket, peer, waits, woken, time, loop, wake };
}

function sendTo(made: ReturnType<typeof fixture>, bytes: number[]): void {
  made.peer.send(Uint8Array.from(bytes), 0, bytes.length, made.socket.endpoint);
}

function received(made: ReturnType<typeof fixture>): number[] {
  const buffer = new Uint8Array(100);
  return [...buffer.subarray(0, made.peer.receive(buffer, 0, new Endpoint()))];
}

Deno.test("PacketLoop: a packet goes out through the engine", () => {
  const made = fixture();
  made.tun.route(Uint8Array.of(7, 8, 9));
  made.loop.turn();
  assert.deepEqual(received(made), [4, 0, 0, 0, 7, 8, 9]);
  assert.deepEqual(made.engine.log, ["tun 7,8,9 at 100"]);
});

Deno.test("PacketLoop: a datagram comes in with its sender and goes to the device", () => {
  const made = fixture();
  sendTo(made, [4, 0, 0, 0, 7, 8, 9]);
  made.loop.turn();
  assert.deepEqual(made.tun.written.map((packet) => [...packet]), [[7, 8, 9]]);
  assert.deepEqual(made.engine.log, ["network 7,8,9 from 192.0.2.2:2 at 100"]);
});

Deno.test("PacketLoop: after a turn with one packet, the next one is through before another is asked for", () => {
  const made = fixture();
  const wasSent: boolean[] = [];
  const wasWritten: boolean[] = [];
  const read = made.tun.read.bind(made.tun);
  made.tun.read = (buffer, offset) => {
    wasSent.push(made.peer.waitingCount > 0);
    return read(buffer, offset);
  };
  const receive = made.socket.receive.bind(made.socket);
  made.socket.receive = (buffer, offset, from) => {
    wasWritten.push(made.tun.written.length > 0);
    return receive(buffer, offset, from);
  };
  for (const byte of [7, 8]) {
    wasSent.length = 0;
    wasWritten.length = 0;
    made.tun.written.length = 0;
    made.tun.route(Uint8Array.of(byte));
    sendTo(made, [4, 0, 0, 0, byte]);
    made.loop.turn();
    // At first more may come that goes along with it.
    assert.deepEqual(wasSent, [false, byte === 8]);
    assert.deepEqual(wasWritten, [false, byte === 8]);
    assert.deepEqual(received(made), [4, 0, 0, 0, byte]);
    assert.deepEqual(made.tun.written.map((packet) => [...packet]), [[byte]]);
  }
});

Deno.test("PacketLoop: of packets that come after a pause, the first goes on alone, and the next turn takes the rest", () => {
  const made = fixture();
  let readCount = 0;
  const read = made.tun.read.bind(made.tun);
  made.tun.read = (buffer, offset) => {
    readCount++;
    return read(buffer, offset);
  };
  let receiveCount = 0;
  const receive = made.socket.receive.bind(made.socket);
  made.socket.receive = (buffer, offset, from) => {
    receiveCount++;
    return receive(buffer, offset, from);
  };
  made.time.nowMs += LONE_AFTER_MS;
  for (const byte of [7, 8, 9]) {
    made.tun.route(Uint8Array.of(byte));
    sendTo(made, [4, 0, 0, 0, byte]);
  }
  made.loop.turn();
  assert.deepEqual([readCount, receiveCount], [1, 1]);
  assert.deepEqual(received(made), [4, 0, 0, 0, 7]);
  assert.deepEqual(made.tun.written.map((packet) => [...packet]), [[7]]);
  made.time.nowMs += LONE_AFTER_MS / 2;
  made.loop.turn();
  // The last of each finds nothing.
  assert.deepEqual([readCount, receiveCount], [4, 4]);
  assert.equal(made.tun.waitingCount + made.socket.waitingCount, 0);
  assert.equal(made.peer.waitingCount, 2);
  assert.equal(made.tun.written.length, 3);
});

Deno.test("PacketLoop: packets that keep coming after pauses all go on, one a turn", () => {
  const made = fixture();
  for (let i = 0; i < 5; i++) {
    made.tun.route(Uint8Array.of(i));
    sendTo(made, [4, 0, 0, 0, i]);
  }
  for (let i = 0; i < 5; i++) {
    made.time.nowMs += 2 * LONE_AFTER_MS;
    made.loop.turn();
    assert.deepEqual(received(made), [4, 0, 0, 0, i]);
    assert.equal(made.tun.written.length, i + 1);
  }
});

Deno.test("PacketLoop: what the host answers at once leaves in the same turn", () => {
  const made = fixture();
  const write = made.tun.write.bind(made.tun);
  made.tun.write = (buffer, offset, length) => {
    made.tun.route(Uint8Array.of(8));
    return write(buffer, offset, length);
  };
  made.time.nowMs += LONE_AFTER_MS;
  sendTo(made, [4, 0, 0, 0, 7]);
  made.loop.turn();
  assert.deepEqual(received(made), [4, 0, 0, 0, 8]);
  assert.equal(made.waits.length, 1);
});

Deno.test("PacketLoop: after an answer to what this host just sent, the device is not read in vain", () => {
  const made = fixture();
  made.time.nowMs += LONE_AFTER_MS;
  made.tun.route(Uint8Array.of(7));
  made.loop.turn();
  made.tun.read = () => assert.fail("nobody said that there is a packet");
  made.time.nowMs += LONE_AFTER_MS / 2;
  sendTo(made, [4, 0, 0, 0, 8]);
  made.loop.turn();
  assert.deepEqual(made.tun.written.map((packet) => [...packet]), [[8]]);
});

Deno.test("PacketLoop: what is not WireGuard is counted and never reaches the engine", () => {
  const made = fixture();
  sendTo(made, [5, 0, 0, 0]);
  sendTo(made, [1, 0, 0, 1]);
  sendTo(made, [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Array(12).fill(0)]);
  sendTo(made, [1]);
  made.loop.turn();
  assert.deepEqual(made.loop.drops, { ...noLoopDrops(), "not-wireguard": 4 });
  assert.deepEqual(made.engine.log, []);
});

Deno.test("PacketLoop: every way in which sending fails is counted, and none is fatal", () => {
  const made = fixture();
  const failures = ["would-block", "too-big", "unreachable", "refused"] satisfies SendResult[];
  for (const failure of failures) {
    made.network.fate = () => failure;
    made.tun.route(Uint8Array.of(1));
    made.loop.turn();
  }
  assert.deepEqual(made.loop.drops, {
    ...noLoopDrops(),
    "socket-full": 1,
    "datagram-too-big": 1,
    "network-unreachable": 1,
    "network-refused": 1,
  });
});

Deno.test("PacketLoop: an endpoint of a family without socket is counted", () => {
  const made = fixture();
  made.engine.peerEndpoint.copyFrom(endpoint("[2001:db8::1]:1"));
  made.tun.route(Uint8Array.of(1));
  made.loop.turn();
  assert.deepEqual(made.loop.drops, { ...noLoopDrops(), "no-socket-for-family": 1 });
});

Deno.test("PacketLoop: a device that refuses packets is counted", () => {
  const made = fixture();
  made.tun.isFull = true;
  sendTo(made, [4, 0, 0, 0, 1]);
  made.loop.turn();
  assert.deepEqual(made.loop.drops, { ...noLoopDrops(), "tun-refused": 1 });
});

Deno.test("PacketLoop: a device that is gone ends the loop", () => {
  const made = fixture();
  made.tun.isGone = true;
  assert.throws(() => made.loop.turn(), /EBADFD/);
});

Deno.test("PacketLoop: one descriptor gets its packets per turn and no more, then the next", () => {
  const made = fixture();
  for (let i = 0; i <= PACKETS_PER_TURN_MAX; i++) made.tun.route(Uint8Array.of(i));
  for (let i = 0; i <= PACKETS_PER_TURN_MAX; i++) sendTo(made, [4, 0, 0, 0, i]);
  made.wake();
  made.engine.deadlineMs = 100;
  made.loop.turn();
  assert.equal(made.tun.waitingCount, 1);
  assert.equal(made.socket.waitingCount, 1);
  assert.deepEqual(made.woken, [100]);
  assert.equal(made.engine.log.filter((line) => line.startsWith("expire")).length, 1);
  made.loop.turn();
  assert.equal(made.tun.waitingCount + made.socket.waitingCount, 0);
});

Deno.test("PacketLoop: waits until the engine's deadline, and lets it expire then and not before", () => {
  const made = fixture();
  made.loop.turn();
  made.engine.deadlineMs = 350;
  made.time.nowMs = 300;
  made.loop.turn();
  made.time.nowMs = 349.5;
  made.loop.turn();
  assert.deepEqual(made.engine.log, []);
  made.time.nowMs = 350;
  made.loop.turn();
  assert.deepEqual(made.engine.log, ["expire at 350"]);
  assert.deepEqual(received(made), [1, 0, 0, 0], "what expiry sends is sent");
  assert.deepEqual(made.waits, [Infinity, 250, 50, 0.5]);
});

Deno.test("PacketLoop: all inputs of one turn see one time, and messages come first", () => {
  const made = fixture();
  made.wake();
  made.tun.route(Uint8Array.of(1));
  sendTo(made, [4, 0, 0, 0, 2]);
  made.time.nowMs = 123.5;
  made.loop.turn();
  assert.deepEqual(made.woken, [123.5]);
  assert.deepEqual(made.engine.log, ["tun 1 at 123.5", "network 2 from 192.0.2.2:2 at 123.5"]);
});

Deno.test("PacketLoop: the longest packet of the device fits", () => {
  const made = fixture();
  made.tun.route(new Uint8Array(65535).fill(1));
  made.loop.turn();
  assert.equal(made.engine.log[0]?.split(",").length, 65535);
});

Deno.test("PacketLoop: a reception larger than its place, and the next one, arrive as they are", () => {
  const made = fixture();
  const segments = (port: number) =>
    expectedSegments(shape({ destinationPort: port, payload: payloadOfLength(60 * 1368, port) }), 1368);
  const [first, second] = [segments(1), segments(2)];
  const receptions = [first, second].map((packets) => packets.flatMap((packet) => [4, 0, 0, 0, ...packet]));
  assert.ok((receptions[0]?.length ?? 0) > 65_535);
  made.socket.receive = (buffer, offset) => {
    const bytes = receptions.shift() ?? [];
    buffer.set(bytes, offset);
    return bytes.length;
  };
  Object.defineProperty(made.socket, "receivedSegmentBytes", { value: 4 + 1368 + 52 });
  sendTo(made, [4, 0, 0, 0]);
  made.loop.turn();
  const wholes = [first, second].flatMap((packets) => [packets.slice(0, 47), packets.slice(47)]);
  assert.deepEqual(
    made.tun.written.map((packet) => packet.subarray(52)),
    wholes.map((packets) => Uint8Array.from(packets.flatMap((packet) => [...packet.subarray(52)]))),
  );
});

Deno.test("PacketLoop: the descriptors' order has no gaps", () => {
  assert.deepEqual([WAKE_INDEX, TUN_INDEX, FIRST_SOCKET_INDEX], [0, 1, 2]);
});
