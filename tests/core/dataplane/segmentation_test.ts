import assert from "node:assert/strict";
import fc from "fast-check";
import { allocatePacketMemory, type PacketMemory } from "../../../core/dataplane/packet_memory.ts";
import { Segmenter, SEGMENTS_MAX } from "../../../core/dataplane/segmentation.ts";
import { VIRTIO } from "../../../core/dataplane/virtio_header.ts";
import {
  anyShape,
  anySuperPacket,
  buildPacket,
  expectedSegments,
  hasRightChecksums,
  headerBytesOf,
  type PacketShape,
  partialHeader,
  payloadOfLength,
  shape,
  superHeader,
} from "./super_packet.ts";

const SOURCE = 64;
const TARGET = 70_000;
const CANARY = 0xa5;

/** Cuts `packet`, and sees to it that nothing beside the segments is written. `undefined` if it is refused. */
function cut(memory: PacketMemory, header: Uint8Array, packet: Uint8Array): Uint8Array[] | undefined {
  const { bytes } = memory;
  bytes.fill(CANARY);
  bytes.set(header, SOURCE - VIRTIO.bytes);
  bytes.set(packet, SOURCE);
  const segmenter = new Segmenter(memory);
  if (!segmenter.begin(SOURCE, packet.length)) {
    assert.equal(segmenter.nextBytes, 0, "there is nothing to take from what was refused");
    return undefined;
  }
  const segments: Uint8Array[] = [];
  while (segmenter.nextBytes > 0) {
    const length = segmenter.nextBytes;
    segmenter.next(TARGET);
    segments.push(bytes.slice(TARGET, TARGET + length));
    assert.deepEqual([bytes[TARGET - 1], bytes[TARGET + length]], [CANARY, CANARY], "only the segment is written");
    bytes.fill(CANARY, TARGET, TARGET + length);
  }
  assert.deepEqual(bytes.subarray(SOURCE, SOURCE + packet.length), packet, "the super-packet stays as it is");
  return segments;
}

function newMemory(): PacketMemory {
  return allocatePacketMemory(140_000);
}

function cutShape(memory: PacketMemory, shape: PacketShape, gsoBytes: number): Uint8Array[] | undefined {
  return cut(memory, superHeader(shape, gsoBytes), buildPacket(shape, "partial"));
}

Deno.test("Segmenter: segments of random super-packets are those that were built one by one", () => {
  const memory = newMemory();
  fc.assert(
    fc.property(anySuperPacket, ({ shape, gsoBytes }) => {
      const segments = cutShape(memory, shape, gsoBytes);
      assert.deepEqual(segments, expectedSegments(shape, gsoBytes));
      assert.ok(segments?.every(hasRightChecksums));
    }),
    { numRuns: 300 },
  );
});

Deno.test("Segmenter: a super-packet with complete checksums is summed anew", () => {
  const memory = newMemory();
  for (const family of [4, 6] as const) {
    for (const protocol of ["tcp", "udp"] as const) {
      const whole = shape({ family, protocol, payload: payloadOfLength(3001) });
      const header = superHeader(whole, 1000);
      header[VIRTIO.flags] = 0;
      assert.deepEqual(cut(memory, header, buildPacket(whole)), expectedSegments(whole, 1000));
    }
  }
});

Deno.test("Segmenter: a UDP super-packet without checksum gives datagrams without", () => {
  const memory = newMemory();
  const whole = shape({ protocol: "udp", payload: payloadOfLength(30) });
  const packet = buildPacket(whole);
  packet.fill(0, 26, 28);
  const header = superHeader(whole, 10);
  header[VIRTIO.flags] = 0;
  const segments = cut(memory, header, packet);
  assert.deepEqual(segments?.map((segment) => [segment[26], segment[27]]), [[0, 0], [0, 0], [0, 0]]);
});

Deno.test("Segmenter: FIN and PSH are on the last segment only, CWR on the first only, the rest on all", () => {
  const memory = newMemory();
  const segments = cutShape(memory, shape({ flags: 0xd9, payload: payloadOfLength(25) }), 10);
  assert.deepEqual(segments?.map((segment) => segment[33]), [0xd0, 0x50, 0x59]);
});

Deno.test("Segmenter: sequence numbers and identifications wrap", () => {
  const memory = newMemory();
  const whole = shape({ sequence: 0xffff_fffe, identification: 0xffff, payload: payloadOfLength(12) });
  const segments = cutShape(memory, whole, 4);
  const views = segments?.map((segment) => new DataView(segment.buffer)) ?? [];
  assert.deepEqual(views.map((view) => view.getUint32(24)), [0xffff_fffe, 2, 6]);
  assert.deepEqual(views.map((view) => view.getUint16(4)), [0xffff, 0, 1]);
});

Deno.test("Segmenter: a super-packet whose payload fits one segment is one packet", () => {
  const memory = newMemory();
  const whole = shape({ flags: 0x19, payload: payloadOfLength(1000) });
  assert.deepEqual(cutShape(memory, whole, 1000), [buildPacket(whole)]);
  assert.equal(cutShape(memory, whole, 999)?.length, 2);
});

Deno.test("Segmenter: IPv4 options and IPv6 extension headers are on every segment", () => {
  const memory = newMemory();
  for (const family of [4, 6] as const) {
    const whole = shape({ family, payload: payloadOfLength(20) });
    const plain = buildPacket(whole, "partial");
    const at = family === 4 ? 20 : 40;
    const extra = family === 4 ? Uint8Array.of(1, 1, 1, 0) : Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0);
    const packet = Uint8Array.of(...plain.subarray(0, at), ...extra, ...plain.subarray(at));
    if (family === 4) packet[0] = 0x46;
    else packet[6] = 60;
    const header = superHeader(whole, 10);
    const view = new DataView(header.buffer);
    view.setUint16(VIRTIO.checksumStart, at + extra.length, true);
    const segments = cut(memory, header, packet);
    assert.equal(segments?.length, 2);
    const expected = expectedSegments(whole, 10);
    segments.forEach((segment, index) => {
      assert.deepEqual(segment.subarray(at, at + extra.length), extra);
      assert.deepEqual(segment.subarray(at + extra.length), expected[index]?.subarray(at), "the checksum too");
    });
  }
});

Deno.test("Segmenter: an ordinary packet is copied, and its checksum completed if it is partial", () => {
  const memory = newMemory();
  fc.assert(
    fc.property(anyShape, fc.nat(1460), fc.nat(255), (shape, length, seed) => {
      const whole = { ...shape, payload: payloadOfLength(length, seed) };
      const complete = buildPacket(whole);
      assert.deepEqual(cut(memory, new Uint8Array(VIRTIO.bytes), complete), [complete]);
      const [segment] = cut(memory, partialHeader(whole), buildPacket(whole, "partial")) ?? [];
      assert.ok(segment && hasRightChecksums(segment));
      assert.equal(segment.length, complete.length);
    }),
    { numRuns: 300 },
  );
});

Deno.test("Segmenter: a checksum that comes out as zero is sent as its other form", () => {
  const memory = newMemory();
  for (let value = 0; value <= 0xffff; value++) {
    const whole = shape({ protocol: "udp", payload: Uint8Array.of(value >>> 8, value & 0xff) });
    const packet = buildPacket(whole);
    if (packet[26] !== 0xff || packet[27] !== 0xff) continue;
    assert.deepEqual(cut(memory, partialHeader(whole), buildPacket(whole, "partial")), [packet]);
    const twice = { ...whole, payload: Uint8Array.of(...whole.payload, ...whole.payload) };
    assert.deepEqual(cutShape(memory, twice, 2)?.[1]?.subarray(26, 28), Uint8Array.of(0xff, 0xff));
    return;
  }
  assert.fail("some payload has such a checksum");
});

Deno.test("Segmenter: as many segments as there may be, and not one more", () => {
  const memory = newMemory();
  const whole = shape({ payload: payloadOfLength(2 * SEGMENTS_MAX) });
  assert.equal(cutShape(memory, whole, 2)?.length, SEGMENTS_MAX);
  assert.equal(cutShape(memory, { ...whole, payload: payloadOfLength(2 * SEGMENTS_MAX + 1) }, 2), undefined);
});

Deno.test("Segmenter: the longest packet is cut", () => {
  const memory = newMemory();
  const whole = shape({ payload: payloadOfLength(65_535 - headerBytesOf(shape())) });
  assert.deepEqual(cutShape(memory, whole, 1368), expectedSegments(whole, 1368));
});

/** Changes one field of a right virtio header, or of a right super-packet. */
const NONSENSE: readonly [string, (header: DataView, packet: DataView) => void][] = [
  ["segments of no bytes", (header) => header.setUint16(VIRTIO.gsoSize, 0, true)],
  ["an unknown kind", (header) => header.setUint8(VIRTIO.gsoType, 2)],
  ["UDP fragments", (header) => header.setUint8(VIRTIO.gsoType, 3)],
  ["the other IP version", (header) => header.setUint8(VIRTIO.gsoType, 4)],
  ["another protocol", (header) => header.setUint8(VIRTIO.gsoType, 5)],
  ["ECN alone", (header) => header.setUint8(VIRTIO.gsoType, 0x80)],
  ["ECN with UDP", (header) => header.setUint8(VIRTIO.gsoType, 0x85)],
  ["a checksum elsewhere", (header) => header.setUint16(VIRTIO.checksumOffset, 6, true)],
  ["a checksum behind the packet", (header) => header.setUint16(VIRTIO.checksumStart, 0xffff, true)],
  ["a transport header elsewhere", (header) => header.setUint16(VIRTIO.checksumStart, 24, true)],
  ["no IP version", (_, packet) => packet.setUint8(0, 0x55)],
  ["an IP header too short", (_, packet) => packet.setUint8(0, 0x44)],
  ["an IP header too long", (_, packet) => packet.setUint8(0, 0x4f)],
  ["a first fragment", (_, packet) => packet.setUint16(6, 0x2000)],
  ["a further fragment", (_, packet) => packet.setUint16(6, 1)],
  ["a protocol that is not TCP", (_, packet) => packet.setUint8(9, 17)],
  ["a TCP header too short", (_, packet) => packet.setUint8(32, 0x40)],
];

for (const [what, spoil] of NONSENSE) {
  Deno.test(`Segmenter: ${what} is refused`, () => {
    const memory = newMemory();
    const whole = shape({ payload: payloadOfLength(50) });
    const [header, packet] = [superHeader(whole, 10), buildPacket(whole, "partial")];
    assert.ok(cut(memory, header, packet));
    spoil(new DataView(header.buffer), new DataView(packet.buffer));
    assert.equal(cut(memory, header, packet), undefined);
  });
}

Deno.test("Segmenter: headers without a byte of payload are refused, as is every cut-off header", () => {
  const memory = newMemory();
  for (
    const part of [{}, { family: 6 }, { protocol: "udp" }, { family: 6, protocol: "udp" }] as Partial<PacketShape>[]
  ) {
    const whole = shape({ ...part, payload: payloadOfLength(2) });
    const packet = buildPacket(whole, "partial");
    const header = superHeader(whole, 1);
    assert.equal(cut(memory, header, packet)?.length, 2);
    for (let length = 0; length <= headerBytesOf(whole); length++) {
      assert.equal(cut(memory, header, packet.subarray(0, length)), undefined, `${length} bytes`);
    }
  }
});

Deno.test("Segmenter: an ordinary packet whose checksum lies in it is completed, one byte further it is refused", () => {
  const memory = newMemory();
  const header = new Uint8Array(VIRTIO.bytes);
  const view = new DataView(header.buffer);
  view.setUint8(VIRTIO.flags, 1);
  view.setUint16(VIRTIO.checksumStart, 18, true);
  assert.deepEqual(cut(memory, header, new Uint8Array(20)), [Uint8Array.of(...new Array(18).fill(0), 0xff, 0xff)]);
  view.setUint16(VIRTIO.checksumOffset, 1, true);
  assert.equal(cut(memory, header, new Uint8Array(20)), undefined);
  view.setUint16(VIRTIO.checksumStart, 0xffff, true);
  view.setUint16(VIRTIO.checksumOffset, 0xffff, true);
  assert.equal(cut(memory, header, new Uint8Array(20)), undefined);
});

Deno.test("Segmenter: whatever a header and a packet say, nothing is thrown or written elsewhere", () => {
  const memory = newMemory();
  const mutations = fc.array(fc.tuple(fc.nat(130), fc.nat(0xff)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(anySuperPacket, mutations, fc.nat(0xffff), ({ shape, gsoBytes }, changes, length) => {
      const both = Uint8Array.of(...superHeader(shape, gsoBytes), ...buildPacket(shape, "partial"));
      for (const [at, value] of changes) if (at < both.length) both[at] = value;
      const packet = both.subarray(VIRTIO.bytes);
      const segments = cut(memory, both.subarray(0, VIRTIO.bytes), packet.subarray(0, length % (packet.length + 1)));
      for (const segment of segments ?? []) assert.ok(segment.length <= packet.length);
    }),
    { numRuns: 500 },
  );
});
