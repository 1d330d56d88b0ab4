import assert from "node:assert/strict";
import fc from "fast-check";
import { Coalescer, RUNS_MAX, RUNS_OPEN_MAX } from "../../../core/dataplane/coalescing.ts";
import { noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import { allocatePacketMemory } from "../../../core/dataplane/packet_memory.ts";
import { RUN_BYTES_MAX, RUN_PACKETS_MAX } from "../../../core/dataplane/packet_run.ts";
import { Segmenter } from "../../../core/dataplane/segmentation.ts";
import { VIRTIO } from "../../../core/dataplane/virtio_header.ts";
import { MemoryTun } from "../../twins/memory_tun.ts";
import {
  anyShape,
  anySuperPacket,
  buildPacket,
  expectedSegments,
  headerBytesOf,
  type PacketShape,
  payloadOfLength,
  shape,
  superHeader,
} from "./super_packet.ts";

const MEMORY_BYTES = 600_000;
/** In front of each packet: what the engine leaves of the transport header. */
const FREE_BYTES = 16;
const CANARY = 0xa5;

const memory = allocatePacketMemory(MEMORY_BYTES);

/** What a device got. */
interface Written {
  readonly header: Uint8Array;
  readonly packet: Uint8Array;
}

/** Adds packets as a reception brings them, with one flush at the end, and sees what the device gets. */
function coalesce(packets: readonly Uint8Array[], tun = new MemoryTun()): Written[] {
  const coalescer = new Coalescer(memory, tun, noLoopDrops());
  memory.bytes.fill(CANARY);
  let offset = 0;
  for (const packet of packets) {
    memory.bytes.set(packet, offset + FREE_BYTES);
    coalescer.add(offset + FREE_BYTES, packet.length);
    offset += FREE_BYTES + packet.length;
    assert.equal(memory.bytes[offset], CANARY, "nothing behind the packet is touched");
  }
  coalescer.flush();
  return tun.written.map((packet, index) => ({ packet, header: tun.writtenHeaders[index] ?? new Uint8Array(0) }));
}

/** The packets that a written one stands for. */
function cut({ header, packet }: Written): Uint8Array[] {
  const [source, target] = [VIRTIO.bytes, 300_000];
  memory.bytes.set(header, 0);
  memory.bytes.set(packet, source);
  const segmenter = new Segmenter(memory);
  assert.ok(segmenter.begin(source, packet.length), "what is written makes sense");
  const segments: Uint8Array[] = [];
  while (segmenter.nextBytes > 0) {
    const length = segmenter.nextBytes;
    segmenter.next(target);
    segments.push(memory.bytes.slice(target, target + length));
  }
  return segments;
}

/** Segment `index` of a transfer in segments of `bytes`. */
function segment(index: number, part: Partial<PacketShape> = {}, bytes = 100): Uint8Array {
  const base = shape(part);
  return buildPacket({
    ...base,
    identification: base.identification + index & 0xffff,
    sequence: base.sequence + index * bytes >>> 0,
    payload: part.payload ?? payloadOfLength(bytes, index),
  });
}

function countOf(packets: readonly Uint8Array[]): number {
  return coalesce(packets).length;
}

Deno.test("Coalescer: a random super-packet, cut and joined, is itself again", () => {
  fc.assert(
    fc.property(anySuperPacket, ({ shape, gsoBytes }) => {
      const [first, ...rest] = coalesce(expectedSegments(shape, gsoBytes));
      assert.deepEqual(rest, []);
      assert.deepEqual(first?.packet, buildPacket(shape, "partial"));
      assert.deepEqual(first.header, superHeader(shape, gsoBytes));
    }),
    { numRuns: 300 },
  );
});

Deno.test("Coalescer: whatever is joined, the same packets come out in the order of their flow", () => {
  // Few values, so that packets of one flow often meet, follow each other and nearly follow each other.
  const nearby = fc.record({
    family: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom("tcp" as const, "udp" as const),
    sourcePort: fc.constantFrom(1, 2),
    index: fc.nat(3),
    flags: fc.constantFrom(0x10, 0x10, 0x10, 0x18, 0x11, 0x90, 0x50, 0x12),
    length: fc.constantFrom(0, 60, 100, 100, 100, 140),
    isBroken: fc.constantFrom(false, false, false, false, true),
    hopLimit: fc.constantFrom(64, 64, 64, 63),
    dontFragment: fc.constantFrom(true, false),
  });
  fc.assert(
    fc.property(fc.array(nearby, { maxLength: 40 }), (parts) => {
      let next = 0;
      const packets = parts.map(({ index, length, isBroken, ...part }) => {
        next = index === 0 ? next : next + 1;
        const packet = segment(next, { ...part, payload: payloadOfLength(length, next) });
        if (isBroken) packet[packet.length - 1]! ^= 1;
        return packet;
      });
      const received = coalesce(packets).flatMap(cut);
      const flowOf = (packet: Uint8Array) =>
        `${packet[0]! >>> 4} ${packet[packet[0]! >>> 4 === 4 ? 9 : 6]} ${packet[packet[0]! >>> 4 === 4 ? 21 : 41]}`;
      for (const flow of new Set(packets.map(flowOf))) {
        const inFlow = (packet: Uint8Array) => flowOf(packet) === flow;
        assert.deepEqual(received.filter(inFlow).map(withoutFreeId), packets.filter(inFlow).map(withoutFreeId));
      }
      assert.equal(received.length, packets.length);
    }),
    { numRuns: 1000 },
  );
});

/** Identification means nothing where packets must not be cut, so joining may change it (RFC 6864 §4.1). */
function withoutFreeId(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  if (copy[0]! >>> 4 === 4 && (copy[6]! & 0x40) !== 0) copy.fill(0, 4, 6).fill(0, 10, 12);
  return copy;
}

Deno.test("Coalescer: a single packet is written as it came, checksum untouched", () => {
  fc.assert(
    fc.property(anyShape, fc.nat(1460), fc.boolean(), (shape, length, isBroken) => {
      const packet = buildPacket({ ...shape, payload: payloadOfLength(length) });
      if (isBroken) packet[packet.length - 1]! ^= 1;
      assert.deepEqual(coalesce([packet]), [{ header: new Uint8Array(VIRTIO.bytes), packet }]);
    }),
    { numRuns: 300 },
  );
});

Deno.test("Coalescer: consecutive segments join, and are one super-packet for the kernel", () => {
  const written = coalesce([segment(0), segment(1), segment(2)]);
  const payload = Uint8Array.of(...payloadOfLength(100, 0), ...payloadOfLength(100, 1), ...payloadOfLength(100, 2));
  assert.deepEqual(written, [{
    header: superHeader(shape(), 100),
    packet: buildPacket(shape({ payload }), "partial"),
  }]);
});

/** What the second of two segments has, and why it is not joined to the first. */
const DIFFERENT: readonly [string, Partial<PacketShape>][] = [
  ["another source", { source: 9 }],
  ["another destination", { destination: 9 }],
  ["another source port", { sourcePort: 9 }],
  ["another destination port", { destinationPort: 9 }],
  ["another type of service", { trafficClass: 4 }],
  ["another time to live", { hopLimit: 63 }],
  ["fragmentation allowed", { dontFragment: false }],
  ["another acknowledgment", { acknowledgment: 2_000_001 }],
  ["another window", { window: 503 }],
  ["another timestamp", { options: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 8, 0, 0, 0, 9) }],
  ["fewer options", { options: new Uint8Array(0) }],
  ["a gap", { sequence: 1_000_001 }],
  ["a payload that is longer", { payload: new Uint8Array(101) }],
  ["no payload", { payload: new Uint8Array(0) }],
  ["SYN", { flags: 0x12 }],
  ["RST", { flags: 0x14 }],
  ["URG", { flags: 0x30 }],
  ["no ACK", { flags: 0 }],
  ["ECE", { flags: 0x50 }],
  ["CWR", { flags: 0x90 }],
  ["a reserved bit", { flags: 0x110 }],
];

for (const [what, part] of DIFFERENT) {
  Deno.test(`Coalescer: ${what} does not join`, () => {
    const packets = [segment(0), segment(1, part)];
    const written = coalesce(packets);
    assert.deepEqual(written.map(({ packet }) => packet), packets);
  });
}

Deno.test("Coalescer: another hop limit, traffic class or flow label of IPv6 does not join", () => {
  assert.equal(countOf([segment(0, { family: 6 }), segment(1, { family: 6 })]), 1);
  for (const part of [{ hopLimit: 63 }, { trafficClass: 1 }, { flowLabel: 1 }, { source: 9 }, { destination: 9 }]) {
    assert.equal(countOf([segment(0, { family: 6 }), segment(1, { family: 6, ...part })]), 2, JSON.stringify(part));
  }
});

Deno.test("Coalescer: packets that may be fragmented join only when identifications count on", () => {
  const part = { dontFragment: false };
  assert.equal(countOf([segment(0, part), segment(1, part)]), 1);
  assert.equal(countOf([segment(0, part), segment(1, { ...part, identification: 0x1235 })]), 2);
  assert.equal(countOf([segment(0), segment(1, { identification: 7 })]), 1, "they mean nothing with Don't-Fragment");
});

Deno.test("Coalescer: a segment before its predecessor does not join, and the order stays", () => {
  const packets = [segment(1), segment(0), segment(2), segment(3)];
  const written = coalesce(packets);
  assert.deepEqual(written.flatMap(cut).map(withoutFreeId), packets.map(withoutFreeId));
  assert.equal(written.length, 3);
});

Deno.test("Coalescer: PSH, FIN and a shorter payload end a run, and belong to it", () => {
  for (const last of [{ flags: 0x18 }, { flags: 0x11 }, { payload: payloadOfLength(99) }]) {
    assert.equal(countOf([segment(0), segment(1, last)]), 1, JSON.stringify(last));
    assert.equal(countOf([segment(0), segment(1, last), segment(2)]), 2, JSON.stringify(last));
    assert.equal(countOf([segment(0, last), segment(1)]), 2, JSON.stringify(last));
  }
});

Deno.test("Coalescer: CWR begins a run, and is told to the kernel", () => {
  const written = coalesce([segment(0), segment(1, { flags: 0x90 }), segment(2)]);
  assert.deepEqual(written.map(({ header }) => header[VIRTIO.gsoType]), [0, 0x81]);
});

Deno.test("Coalescer: a wrong checksum never joins, wherever it is", () => {
  for (const at of [24, 36, 55, 151, 10]) {
    for (const spoiled of [0, 1, 2]) {
      const packets = [segment(0), segment(1), segment(2)];
      packets[spoiled]![at]! ^= 0x40;
      const written = coalesce(packets);
      const asItCame = String(packets[spoiled]);
      assert.ok(written.some(({ packet }) => String(packet) === asItCame));
      assert.equal(written.length, spoiled === 1 ? 3 : 2, `byte ${at} of packet ${spoiled}`);
    }
  }
});

Deno.test("Coalescer: datagrams of one size join, a shorter one ends the run, a longer one does not join", () => {
  const datagram = (length: number, index: number) =>
    segment(index, { protocol: "udp", payload: payloadOfLength(length, index) });
  assert.equal(countOf([datagram(100, 0), datagram(100, 1), datagram(50, 2)]), 1);
  assert.equal(countOf([datagram(100, 0), datagram(50, 1), datagram(50, 2)]), 2);
  assert.equal(countOf([datagram(100, 0), datagram(101, 1)]), 2);
  assert.equal(countOf([datagram(0, 0), datagram(0, 1)]), 2);
});

Deno.test("Coalescer: a datagram without checksum, or with a length that is not its own, does not join", () => {
  for (const at of [26, 24]) {
    const packets = [0, 1].map((index) => segment(index, { protocol: "udp" }));
    packets[1]?.fill(0, at, at + 2);
    assert.deepEqual(coalesce(packets).map(({ packet }) => packet), packets);
  }
});

Deno.test("Coalescer: a device without the offload gets every packet by itself", () => {
  for (
    const [protocol, offloads] of [["tcp", { tcp: false, udp: true }], ["udp", { tcp: true, udp: false }]] as const
  ) {
    const tun = new MemoryTun();
    tun.offloads = offloads;
    assert.equal(coalesce([segment(0, { protocol }), segment(1, { protocol })], tun).length, 2);
  }
});

Deno.test("Coalescer: interleaved flows join side by side", () => {
  const packets = [0, 1, 2].flatMap((index) => [1, 2, 3].map((source) => segment(index, { source })));
  const written = coalesce(packets);
  assert.equal(written.length, 3);
  assert.deepEqual(written.map(({ packet }) => packet[15]), [1, 2, 3]);
});

Deno.test("Coalescer: fragments, options and other protocols do not join, and nothing joins past what has no flow", () => {
  const fragment = segment(1, { protocol: "udp" });
  fragment[6] = 0x20;
  assert.equal(countOf([segment(0), fragment, segment(1)]), 3);
  const icmp = segment(1);
  icmp[9] = 1;
  assert.equal(countOf([segment(0), icmp, segment(1)]), 3);
  const extended = segment(1, { family: 6 });
  extended[6] = 0;
  assert.equal(countOf([segment(0), extended, segment(1)]), 3);
  const plain = segment(1);
  const withOptions = Uint8Array.of(...plain.subarray(0, 20), 1, 1, 1, 0, ...plain.subarray(20));
  withOptions[0] = 0x46;
  withOptions[3]! += 4;
  assert.equal(countOf([segment(0), withOptions, segment(1)]), 3, "options: the flow is known, and its run ends");
  assert.equal(countOf([segment(0, { source: 9 }), withOptions, segment(1, { source: 9 })]), 2, "others go on");
});

Deno.test("Coalescer: an acknowledgment without data goes between the runs of its flow", () => {
  const acknowledgment = segment(1, { payload: new Uint8Array(0) });
  assert.deepEqual(coalesce([segment(0), acknowledgment, segment(1)]).map(({ packet }) => packet.length), [
    152,
    52,
    152,
  ]);
});

Deno.test("Coalescer: a run has as many packets as it may, and not one more", () => {
  const packets = Array.from({ length: RUN_PACKETS_MAX + 1 }, (_, index) => segment(index));
  assert.equal(countOf(packets.slice(0, -1)), 1);
  assert.deepEqual(coalesce(packets).map(({ packet }) => packet.length), [52 + RUN_PACKETS_MAX * 100, 152]);
});

Deno.test("Coalescer: a run has as many bytes as IPv4 can say, and not one more", () => {
  const bytes = 5000;
  const fitting = RUN_BYTES_MAX - headerBytesOf(shape()) - 13 * bytes;
  const packets = Array.from({ length: 13 }, (_, index) => segment(index, {}, bytes));
  const last = (length: number) => segment(13, { payload: payloadOfLength(length) }, bytes);
  const [whole, ...rest] = coalesce([...packets, last(fitting)]);
  assert.deepEqual([whole?.packet.length, rest.length], [RUN_BYTES_MAX, 0]);
  assert.equal(countOf([...packets, last(fitting + 1)]), 2);
});

Deno.test("Coalescer: more runs than there may be are written early", () => {
  const tun = new MemoryTun();
  const coalescer = new Coalescer(memory, tun, noLoopDrops());
  for (let i = 0; i <= RUNS_MAX; i++) {
    assert.equal(tun.written.length, 0);
    memory.bytes.set(segment(0, { sourcePort: i }), FREE_BYTES + i * 200);
    coalescer.add(FREE_BYTES + i * 200, 152);
  }
  assert.equal(tun.written.length, RUNS_MAX);
  coalescer.flush();
  assert.equal(tun.written.length, RUNS_MAX + 1);
});

Deno.test("Coalescer: a packet joins one of the latest runs, and no older one", () => {
  for (const [others, count] of [[RUNS_OPEN_MAX - 1, 0], [RUNS_OPEN_MAX, 1]] as const) {
    const between = Array.from({ length: others }, (_, index) => segment(0, { sourcePort: index + 1 }));
    assert.equal(countOf([segment(0), ...between, segment(1)]), 1 + others + count);
  }
});

Deno.test("Coalescer: what the device refuses is counted packet by packet", () => {
  const tun = new MemoryTun();
  tun.isFull = true;
  const drops = noLoopDrops();
  const coalescer = new Coalescer(memory, tun, drops);
  for (const [index, packet] of [segment(0), segment(1), segment(7)].entries()) {
    memory.bytes.set(packet, FREE_BYTES + index * 200);
    coalescer.add(FREE_BYTES + index * 200, packet.length);
  }
  coalescer.flush();
  assert.deepEqual(drops, { ...noLoopDrops(), "tun-refused": 3 });
});

Deno.test("Coalescer: whatever is in a packet, nothing is thrown, and all of it is written", () => {
  const mutations = fc.array(fc.tuple(fc.nat(79), fc.nat(0xff)), { maxLength: 4 });
  const packets = fc.array(fc.tuple(anyShape, fc.nat(50), mutations, fc.nat(200)), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(packets, (parts) => {
      const made = parts.map(([shape, length, changes, cutTo]) => {
        const packet = buildPacket({ ...shape, sourcePort: 1, payload: payloadOfLength(length) });
        for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
        return packet.subarray(0, Math.max(1, Math.min(cutTo, packet.length)));
      });
      const payloadBytes = coalesce(made).flatMap(cut).reduce((sum, packet) => sum + packet.length, 0);
      assert.equal(payloadBytes, made.reduce((sum, packet) => sum + packet.length, 0));
    }),
    { numRuns: 500 },
  );
});
