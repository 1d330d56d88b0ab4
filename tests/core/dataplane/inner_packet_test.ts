import assert from "node:assert/strict";
import fc from "fast-check";
import { InnerPacket, type InnerPacketKind } from "../../../core/dataplane/inner_packet.ts";
import { allocatePacketMemory } from "../../../core/dataplane/packet_memory.ts";
import { anyShape, buildPacket, headerBytesOf, type PacketShape, payloadOfLength, shape } from "./super_packet.ts";

const AT = 100;
const memory = allocatePacketMemory(70_000);

function read(bytes: Uint8Array, length = bytes.length): InnerPacket {
  memory.bytes.fill(0xff);
  memory.bytes.set(bytes, AT);
  const packet = new InnerPacket(memory);
  packet.read(AT, length);
  return packet;
}

function kindOf(part: Partial<PacketShape>, spoil: (packet: Uint8Array) => void = () => {}): InnerPacketKind {
  const packet = buildPacket(shape({ payload: payloadOfLength(10), ...part }));
  spoil(packet);
  return read(packet).kind;
}

Deno.test("InnerPacket.read: finds headers and payload of every kind", () => {
  fc.assert(
    fc.property(anyShape, fc.integer({ min: 1, max: 1400 }), (shape, length) => {
      const packet = read(buildPacket({ ...shape, payload: payloadOfLength(length) }));
      assert.equal(packet.kind, "joinable");
      assert.equal(packet.family, shape.family);
      assert.equal(packet.headerBytes, headerBytesOf(shape));
      assert.equal(packet.payloadBytes, length);
      assert.ok(packet.isIntact());
    }),
  );
});

Deno.test("InnerPacket.read: whose flow is known but which joins nothing is single", () => {
  assert.equal(kindOf({ payload: new Uint8Array(0) }), "single");
  assert.equal(kindOf({ protocol: "udp", payload: new Uint8Array(0) }), "single");
  for (const flags of [0x12, 0x14, 0x30, 0x08]) assert.equal(kindOf({ flags }), "single", `flags ${flags}`);
  assert.equal(kindOf({ protocol: "udp" }, (packet) => packet[25]!--), "single", "another length in the header");
  assert.equal(kindOf({}, (packet) => packet[32] = 0x40), "single", "a TCP header too short");
  assert.equal(kindOf({}, (packet) => packet[32] = 0xf0), "single", "a TCP header longer than the packet");
});

Deno.test("InnerPacket.read: whose flow cannot be told is opaque", () => {
  assert.equal(kindOf({}, (packet) => packet[0] = 0x55), "opaque", "no IP version");
  assert.equal(kindOf({}, (packet) => packet[0] = 0x44), "opaque", "an IP header too short");
  assert.equal(kindOf({}, (packet) => packet[6] = 0x20), "opaque", "a first fragment");
  assert.equal(kindOf({}, (packet) => packet[7] = 1), "opaque", "a further fragment");
  assert.equal(kindOf({}, (packet) => packet[9] = 1), "opaque", "ICMP");
  assert.equal(kindOf({ family: 6 }, (packet) => packet[6] = 44), "opaque", "an extension header");
  const packet = buildPacket(shape({ payload: payloadOfLength(10) }));
  assert.equal(read(packet, packet.length - 1).kind, "opaque", "cut off");
  assert.equal(read(packet, packet.length + 1).kind, "opaque", "with something behind it");
  assert.equal(read(packet.subarray(0, 0)).kind, "opaque", "empty");
});

Deno.test("InnerPacket.read: headers that end with the packet are read, and one byte less is opaque", () => {
  for (const [part, bytes] of [[{}, 40], [{ protocol: "udp" }, 28]] as const) {
    const packet = buildPacket(shape({ ...part, options: new Uint8Array(0) }));
    packet[3] = bytes;
    assert.equal(read(packet, bytes).kind, "single");
    packet[3] = bytes - 1;
    assert.equal(read(packet, bytes - 1).kind, "opaque");
  }
});

Deno.test("InnerPacket.isIntact: one changed bit anywhere shows", () => {
  for (const family of [4, 6] as const) {
    for (const protocol of ["tcp", "udp"] as const) {
      const packet = buildPacket(shape({ family, protocol, payload: payloadOfLength(30) }));
      for (let at = 0; at < packet.length; at++) {
        const spoiled = packet.slice();
        spoiled[at]! ^= 0x10;
        const seen = read(spoiled);
        // IPv6 has no checksum of its own.
        const isCovered = family === 4 || at >= 8;
        if (seen.kind === "joinable" && isCovered) {
          assert.equal(seen.isIntact(), false, `${protocol} ${family} byte ${at}`);
        }
      }
    }
  }
});

Deno.test("InnerPacket.isIntact: a datagram without checksum is not", () => {
  const packet = buildPacket(shape({ protocol: "udp", payload: payloadOfLength(30) }));
  assert.equal(read(packet).isIntact(), true);
  packet.fill(0, 26, 28);
  assert.equal(read(packet).isIntact(), false);
});

Deno.test("InnerPacket.copyFrom: becomes equal", () => {
  const packet = read(buildPacket(shape({ family: 6, payload: payloadOfLength(5) })));
  const copy = new InnerPacket(memory);
  copy.copyFrom(packet);
  assert.deepEqual(copy, packet);
});
