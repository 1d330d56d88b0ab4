/**
 * What the packet loop costs without the kernel: `deno run -A tests/bench/packet_loop_bench.ts [--json]`.
 *
 * Two loops with their engines, from one TUN side to the other: super-packets of TCP are read, cut, sealed, sent as runs,
 * received, opened, joined and written, and compared before anything is timed. Device and sockets are memory. The suite
 * "none" encrypts nothing: what it takes is everything but cryptography.
 *
 * @module
 */
import assert from "node:assert/strict";
import { nobleSuite } from "../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../core/crypto/suite.ts";
import { Coalescer } from "../../core/dataplane/coalescing.ts";
import { noLoopDrops } from "../../core/dataplane/loop_drops.ts";
import { FIRST_SOCKET_INDEX, PacketLoop, TUN_INDEX } from "../../core/dataplane/packet_loop.ts";
import { type PacketMemory, plainMemory, vectorMemory } from "../../core/dataplane/packet_memory.ts";
import { Segmenter } from "../../core/dataplane/segmentation.ts";
import { VIRTIO } from "../../core/dataplane/virtio_header.ts";
import { openCryptoSuite } from "../../core/io/crypto_suite.ts";
import { Endpoint } from "../../core/ip/endpoint.ts";
import { Prefix } from "../../core/ip/prefix.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import type { Tun } from "../../core/seams/tun.ts";
import type { SendResult, UdpSocket } from "../../core/seams/udp_socket.ts";
import { Engine } from "../../core/wireguard/engine.ts";
import {
  buildPacket,
  expectedSegments,
  type PacketShape,
  payloadOfLength,
  shape,
  superHeader,
} from "../core/dataplane/super_packet.ts";
import { SeededRandom } from "../twins/seeded_random.ts";

const ROUND_MS = 40;
const ROUND_COUNT = 15;
const MTU = 1420;
const SEGMENTS = 45;
const SEGMENT_BYTES = 1368;
const NOW_MS = 1000;

/** One line of the table. */
interface Measurement {
  readonly what: string;
  readonly suite: string;
  readonly nanoseconds: number;
}

/** The quickest of several rounds: on a shared machine everything slower is somebody else's work. */
function nanosecondsPer(packets: number, body: () => void): number {
  for (let i = 0; i < 500; i++) body();
  let best = Infinity;
  for (let round = 0; round < ROUND_COUNT; round++) {
    const started = performance.now();
    let count = 0;
    do {
      for (let i = 0; i < 20; i++) body();
      count += 20;
    } while (performance.now() - started < ROUND_MS);
    best = Math.min(best, (performance.now() - started) * 1e6 / (count * packets));
  }
  return best;
}

/** Noble's handshake and packet keys that leave packets as they are. */
const plainSuite: CryptoSuite = {
  ...nobleSuite,
  aeadKey: () => ({ seal() {}, open: () => true, [Symbol.dispose]() {} }),
};

/** A device whose kernel has one packet ready as often as it is asked to, and compares or forgets what it is given. */
class BenchTun implements Tun {
  readonly name = "bench0";
  readonly fd = -1;
  readonly offloads = { tcp: true, udp: true };
  waitingCount = 0;
  packet = new Uint8Array(0);
  header = new Uint8Array(VIRTIO.bytes);
  takenCount = 0;
  takenBytes = 0;

  read(buffer: Uint8Array, offset: number): number {
    if (this.waitingCount === 0) return 0;
    this.waitingCount--;
    buffer.set(this.header, offset - VIRTIO.bytes);
    buffer.set(this.packet, offset);
    return this.packet.length;
  }

  write(_buffer: Uint8Array, _offset: number, length: number): boolean {
    this.takenCount++;
    this.takenBytes += length;
    return true;
  }

  writeGathered(_buffer: Uint8Array, pieces: Uint32Array, count: number): boolean {
    this.takenCount++;
    for (let i = 0; i < count; i++) this.takenBytes += pieces[2 * i + 1]!;
    this.takenBytes -= VIRTIO.bytes;
    return true;
  }

  [Symbol.dispose](): void {}
}

/** A socket whose other end holds what was sent until it is received. */
class BenchSocket implements UdpSocket {
  readonly fd = -1;
  readonly family = 4;
  readonly port = 1;
  receivedSegmentBytes = 0;
  other: BenchSocket = this;
  readonly #endpoint: Endpoint;
  readonly #bytes = new Uint8Array(8 * 65_536);
  readonly #waiting: { length: number; segmentBytes: number }[] = [];
  #taken = 0;
  #end = 0;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get isReady(): boolean {
    return this.#taken < this.#waiting.length;
  }

  receive(buffer: Uint8Array, offset: number, from: Endpoint): number {
    const next = this.#waiting[this.#taken];
    if (next === undefined) {
      this.#waiting.length = this.#taken = this.#end = 0;
      return 0;
    }
    buffer.set(this.#bytes.subarray(this.#taken++ * 65_536).subarray(0, next.length), offset);
    this.receivedSegmentBytes = next.segmentBytes;
    from.copyFrom(this.other.#endpoint);
    return next.length;
  }

  send(buffer: Uint8Array, offset: number, length: number): SendResult {
    return this.sendRun(buffer, offset, length, length);
  }

  sendRun(buffer: Uint8Array, offset: number, length: number, segmentBytes: number): SendResult {
    const { other } = this;
    other.#bytes.set(buffer.subarray(offset, offset + length), other.#end);
    other.#end += 65_536;
    other.#waiting.push({ length, segmentBytes });
    return "sent";
  }

  [Symbol.dispose](): void {}
}

/** One end. */
class Node {
  readonly tun = new BenchTun();
  readonly socket: BenchSocket;
  readonly engine: Engine;
  readonly loop: PacketLoop;
  readonly #endpoint: Endpoint;
  readonly #prefix: Prefix;

  constructor(number: number, suite: CryptoSuite, random: SeededRandom) {
    const [endpoint, prefix] = [Endpoint.parse(`192.0.2.${number}:1`), Prefix.parse(`10.0.0.${number}/32`)];
    assert.ok(endpoint && prefix);
    this.#endpoint = endpoint;
    this.#prefix = prefix;
    this.socket = new BenchSocket(endpoint);
    this.engine = new Engine({ privateKey: PrivateKey.generate(random), suite, random, mtu: MTU });
    this.loop = new PacketLoop({
      engine: this.engine,
      tun: this.tun,
      sockets: [this.socket],
      clock: { monotonicMs: () => NOW_MS, wallMs: () => 1.7e12 },
      readiness: { wait: () => {}, isReady: (index) => this.#isReady(index) },
      onWake: () => {},
    });
  }

  meet(other: Node): void {
    this.socket.other = other.socket;
    const { publicKey } = other.engine;
    const config = {
      publicKey,
      endpoint: other.#endpoint,
      alternateEndpoints: [],
      allowedIps: [other.#prefix],
      persistentKeepaliveMs: 0,
    };
    this.engine.upsertPeer(config, { nowMs: NOW_MS, wallMs: 1.7e12 });
  }

  #isReady(index: number): boolean {
    if (index === TUN_INDEX) return this.tun.waitingCount > 0;
    return index === FIRST_SOCKET_INDEX && this.socket.isReady;
  }
}

function measureTunnel(name: string, suite: CryptoSuite): Measurement[] {
  const random = new SeededRandom(1);
  const [left, right] = [new Node(1, suite, random.split()), new Node(2, suite, random.split())];
  left.meet(right);
  right.meet(left);
  const settle = () => {
    do for (const node of [left, right]) node.loop.turn(); while (left.socket.isReady || right.socket.isReady);
  };
  const whole = shape({ payload: payloadOfLength(SEGMENTS * SEGMENT_BYTES) });
  const small = shape({ protocol: "udp", payload: payloadOfLength(36) });
  const send = (packet: Uint8Array<ArrayBuffer>, header: Uint8Array<ArrayBuffer>, count: number) => {
    left.tun.packet = packet;
    left.tun.header = header;
    left.tun.waitingCount = count;
    settle();
  };
  const big = (count: number) => send(buildWhole, wholeHeader, count);
  const [buildWhole, wholeHeader] = [
    new Uint8Array(buildPacket(whole, "partial")),
    new Uint8Array(superHeader(whole, SEGMENT_BYTES)),
  ];
  const [datagram, noHeader] = [new Uint8Array(buildPacket(small)), new Uint8Array(VIRTIO.bytes)];
  send(datagram, noHeader, 1);
  assert.equal(right.tun.takenCount, 1, "a packet arrives once there is a session");
  big(1);
  assert.deepEqual([right.tun.takenCount, right.tun.takenBytes], [2, datagram.length + buildWhole.length]);
  const results = [
    {
      what: `TCP segment of ${SEGMENT_BYTES} bytes, both ends`,
      suite: name,
      nanoseconds: nanosecondsPer(SEGMENTS, () => big(1)),
    },
    {
      what: "UDP datagram of 64 bytes, both ends",
      suite: name,
      nanoseconds: nanosecondsPer(32, () => send(datagram, noHeader, 32)),
    },
  ];
  assert.deepEqual(left.loop.drops, noLoopDrops());
  for (const { engine } of [left, right]) engine[Symbol.dispose]();
  return results;
}

function measureParts(name: string, memory: PacketMemory): Measurement[] {
  const whole: PacketShape = shape({ payload: payloadOfLength(SEGMENTS * SEGMENT_BYTES) });
  const packet = buildPacket(whole, "partial");
  const header = superHeader(whole, SEGMENT_BYTES);
  const segments = expectedSegments(whole, SEGMENT_BYTES);
  const [source, target, stride] = [64, 70_000, SEGMENT_BYTES + 84];
  const segmenter = new Segmenter(memory);
  memory.bytes.set(header, source - VIRTIO.bytes);
  memory.bytes.set(packet, source);
  const cut = () => {
    assert.ok(segmenter.begin(source, packet.length));
    for (let at = target; segmenter.nextBytes > 0; at += stride) segmenter.next(at);
  };
  cut();
  assert.deepEqual(memory.bytes.slice(target + stride, target + stride + SEGMENT_BYTES + 52), segments[1]);
  const tun = new BenchTun();
  const coalescer = new Coalescer(memory, tun, noLoopDrops());
  const place = () => segments.forEach((segment, index) => memory.bytes.set(segment, target + index * stride));
  const join = () => {
    // Joining changes the first packet's headers.
    memory.bytes.set(segments[0]!.subarray(0, 52), target);
    for (let i = 0; i < SEGMENTS; i++) coalescer.add(target + i * stride, SEGMENT_BYTES + 52);
    coalescer.flush();
  };
  place();
  join();
  assert.deepEqual([tun.takenCount, tun.takenBytes], [1, packet.length]);
  return [
    { what: "cut off one TCP segment", suite: name, nanoseconds: nanosecondsPer(SEGMENTS, cut) },
    { what: "join one TCP segment", suite: name, nanoseconds: nanosecondsPer(SEGMENTS, join) },
    {
      what: `sum of ${SEGMENT_BYTES} bytes`,
      suite: name,
      nanoseconds: nanosecondsPer(1, () => memory.sum(target, SEGMENT_BYTES)),
    },
    {
      what: `copy and sum of ${SEGMENT_BYTES} bytes`,
      suite: name,
      nanoseconds: nanosecondsPer(1, () => memory.copySum(target, source, SEGMENT_BYTES)),
    },
  ];
}

function print(measurements: readonly Measurement[]): void {
  console.log(`${"ns".padStart(10)}  ${"suite".padEnd(9)}  what`);
  for (const { what, suite, nanoseconds } of measurements) {
    console.log(`${nanoseconds.toFixed(0).padStart(10)}  ${suite.padEnd(9)}  ${what}`);
  }
}

if (import.meta.main) {
  const vectors = vectorMemory(200_000);
  const measurements = [
    ...(vectors ? measureParts("vectors", vectors) : []),
    ...measureParts("words", plainMemory(200_000)),
    ...measureTunnel("none", plainSuite),
    ...measureTunnel("default", openCryptoSuite()),
  ];
  if (Deno.args.includes("--json")) console.log(JSON.stringify(measurements, undefined, 2));
  else print(measurements);
}
