/** Packets make no garbage. */
import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../../core/crypto/suite.ts";
import { noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import { FIRST_SOCKET_INDEX, PacketLoop, TUN_INDEX } from "../../../core/dataplane/packet_loop.ts";
import { PathMtu } from "../../../core/dataplane/path_mtu.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { Tun } from "../../../core/seams/tun.ts";
import type { SendResult, UdpSocket } from "../../../core/seams/udp_socket.ts";
import { Engine } from "../../../core/wireguard/engine.ts";
import { noDrops } from "../../../core/wireguard/drop_reason.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { ipPacket } from "./ip_packet.ts";

const WARM_UP_PACKETS = 100_000;
const PACKETS = 400_000;
const PACKETS_PER_TURN = 32;
const PACKETS_PER_SAMPLE = 8_000;
/** What the runtime itself may take meanwhile, spread over all packets. */
const BYTES_PER_PACKET_MAX = 1;
const RECEIVED_BYTES_MAX = 65_536;

/** Packet keys that leave packets as they are: what is looked for is garbage of the loop, not of a cipher. */
const plainSuite: CryptoSuite = {
  ...nobleSuite,
  aeadKey: () => ({ seal() {}, open: () => true, [Symbol.dispose]() {} }),
};

/** A device that has the same packet again and again, and counts what it is given. */
class EndlessTun implements Tun {
  readonly name = "endless0";
  readonly fd = -1;
  readonly offloads = { tcp: false, udp: false };
  readonly packet = ipPacket("10.0.0.1", "10.0.0.2", new Uint8Array(200));
  waitingCount = 0;
  writtenCount = 0;

  read(buffer: Uint8Array, offset: number): number {
    if (this.waitingCount === 0) return 0;
    this.waitingCount--;
    buffer.fill(0, offset - 10, offset);
    buffer.set(this.packet, offset);
    return this.packet.length;
  }

  write(): boolean {
    this.writtenCount++;
    return true;
  }

  writeGathered(_buffer: Uint8Array, _pieces: Uint32Array, count: number): boolean {
    this.writtenCount += count;
    return true;
  }

  [Symbol.dispose](): void {}
}

/** A socket that holds one run of datagrams for the other: one that is sent before the other has read is joined to it. */
class OneRunSocket implements UdpSocket {
  readonly fd = -1;
  readonly family = 4;
  readonly port = 51820;
  readonly endpoint: Endpoint;
  readonly #run = new Uint8Array(RECEIVED_BYTES_MAX);
  other: OneRunSocket = this;
  receivedSegmentBytes = 0;
  #length = 0;
  #segmentBytes = 0;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  get isReady(): boolean {
    return this.#length > 0;
  }

  receive(buffer: Uint8Array, offset: number, from: Endpoint): number {
    const length = this.#length;
    for (let i = 0; i < length; i++) buffer[offset + i] = this.#run[i]!;
    from.copyFrom(this.other.endpoint);
    this.receivedSegmentBytes = this.#segmentBytes;
    this.#length = 0;
    return length;
  }

  send(buffer: Uint8Array, offset: number, length: number, to: Endpoint): SendResult {
    return this.sendRun(buffer, offset, length, length, to);
  }

  sendRun(buffer: Uint8Array, offset: number, length: number, segmentBytes: number, _to: Endpoint): SendResult {
    const { other } = this;
    const waitingBytes = other.#length;
    if (waitingBytes > 0 && segmentBytes !== other.#segmentBytes) return "would-block";
    for (let i = 0; i < length; i++) other.#run[waitingBytes + i] = buffer[offset + i]!;
    other.#length = waitingBytes + length;
    other.#segmentBytes = segmentBytes;
    return "sent";
  }

  [Symbol.dispose](): void {}
}

function parsed<T>(value: T | undefined): T {
  assert.ok(value);
  return value;
}

function node(number: number, random: SeededRandom) {
  const now = { nowMs: 1_000, wallMs: 1.7e12 };
  const tun = new EndlessTun();
  const socket = new OneRunSocket(parsed(Endpoint.parse(`192.0.2.${number}:51820`)));
  const engine = new Engine({ privateKey: PrivateKey.generate(random), suite: plainSuite, random, mtu: 1420 });
  const isReady = (index: number) =>
    index === TUN_INDEX ? tun.waitingCount > 0 : index === FIRST_SOCKET_INDEX && socket.isReady;
  const loop = new PacketLoop({
    engine,
    tun,
    sockets: [socket],
    paths: new PathMtu({ routeMtu: () => 1_500, toHost: () => {}, tunnelMtu: 1420 }),
    clock: { monotonicMs: () => now.nowMs, wallMs: () => now.wallMs },
    readiness: { wait: () => {}, isReady },
    onWake: () => {},
  });
  return { tun, socket, engine, loop, now, prefix: parsed(Prefix.parse(`10.0.0.${number}/32`)) };
}

Deno.test("PacketLoop: half a million packets make no garbage, and none is lost", () => {
  const random = new SeededRandom(1);
  const [left, right] = [node(1, random), node(2, random)];
  for (const [own, other] of [[left, right], [right, left]] as const) {
    own.socket.other = other.socket;
    own.engine.upsertPeer({
      publicKey: other.engine.publicKey,
      endpoint: other.socket.endpoint,
      alternateEndpoints: [],
      allowedIps: [other.prefix],
      persistentKeepaliveMs: 0,
    }, own.now);
  }
  const pass = (packets: number) => {
    for (let i = 0; i < packets; i += PACKETS_PER_TURN) {
      left.tun.waitingCount = PACKETS_PER_TURN;
      left.loop.turn();
      right.loop.turn();
    }
  };
  // The handshake: the first packets wait for it.
  left.tun.waitingCount = 1;
  while (right.tun.writtenCount === 0) {
    left.loop.turn();
    right.loop.turn();
  }
  pass(WARM_UP_PACKETS);
  // Garbage is collected now and then: what counts is how much is made.
  let allocatedBytes = 0;
  for (let i = 0; i < PACKETS; i += PACKETS_PER_SAMPLE) {
    const before = Deno.memoryUsage();
    pass(PACKETS_PER_SAMPLE);
    const after = Deno.memoryUsage();
    allocatedBytes += Math.max(0, after.heapUsed + after.external - before.heapUsed - before.external);
  }
  assert.ok(allocatedBytes < PACKETS * BYTES_PER_PACKET_MAX, `${allocatedBytes} bytes`);
  assert.equal(right.tun.writtenCount, 1 + WARM_UP_PACKETS + PACKETS);
  assert.deepEqual([left.loop.drops, right.loop.drops], [noLoopDrops(), noLoopDrops()]);
  assert.deepEqual([left.engine.drops, right.engine.drops], [noDrops(), noDrops()]);
});
