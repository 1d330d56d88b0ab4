import { strict as assert } from "node:assert";
import { allocatePacketMemory } from "../../../core/dataplane/packet_memory.ts";
import { type RehearsalShape, writeRehearsalPacket } from "../../../core/dataplane/rehearsal_packet.ts";
import { Segmenter } from "../../../core/dataplane/segmentation.ts";
import { ipTotalLengthAt } from "../../../core/ip/header.ts";
import { hasRightChecksums } from "./super_packet.ts";

const SOURCE = 64;
const TARGET = 70_000;

/** What a tunnel makes of it. */
function packetsOf(shape: RehearsalShape): Uint8Array[] {
  const memory = allocatePacketMemory(140_000);
  // What was there before is gone.
  memory.bytes.fill(0xa5);
  const length = writeRehearsalPacket(memory, SOURCE, shape);
  const segmenter = new Segmenter(memory);
  assert.ok(segmenter.begin(SOURCE, length), "a packet that makes sense");
  const packets: Uint8Array[] = [];
  while (segmenter.nextBytes > 0) {
    const bytes = segmenter.nextBytes;
    segmenter.next(TARGET);
    packets.push(memory.bytes.slice(TARGET, TARGET + bytes));
  }
  return packets;
}

for (const family of [4, 6] as const) {
  for (const protocol of ["tcp", "udp"] as const) {
    Deno.test(`writeRehearsalPacket: ${protocol} over IPv${family} is cut into packets with right checksums`, () => {
      const shape = { family, protocol, flags: 0x18 };
      for (const payloadBytes of [0, 1, 64, 1300]) {
        const packets = packetsOf({ ...shape, payloadBytes });
        assert.equal(packets.length, 1);
        assert.ok(packets.every(hasRightChecksums));
      }
      const packets = packetsOf({ ...shape, payloadBytes: 5_001, segmentBytes: 1000 });
      assert.equal(packets.length, 6);
      assert.ok(packets.every(hasRightChecksums));
    });
  }

  Deno.test(`writeRehearsalPacket: an echo request over IPv${family} is one packet of the right length`, () => {
    const [packet, ...others] = packetsOf({ family, protocol: "echo", payloadBytes: 56 });
    assert.ok(packet && others.length === 0);
    assert.equal(packet.length, (family === 4 ? 20 : 40) + 8 + 56);
    assert.equal(ipTotalLengthAt(packet, 0, packet.length), packet.length);
    assert.equal(packet[family === 4 ? 20 : 40], family === 4 ? 8 : 128);
  });
}

Deno.test("writeRehearsalPacket: numbers of bytes are as large as it is told, or larger than compilers like", () => {
  const sequenceOf = (packet: Uint8Array | undefined) => packet && new DataView(packet.buffer).getUint32(24);
  const shape = { family: 4, protocol: "tcp", payloadBytes: 1 } as const;
  assert.equal(sequenceOf(packetsOf({ ...shape, sequence: 5 })[0]), 5);
  assert.ok((sequenceOf(packetsOf(shape)[0]) ?? 0) > 2 ** 31);
});
