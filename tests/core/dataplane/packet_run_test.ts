import assert from "node:assert/strict";
import { InnerPacket } from "../../../core/dataplane/inner_packet.ts";
import { allocatePacketMemory } from "../../../core/dataplane/packet_memory.ts";
import { PacketRun, RUN_PACKETS_MAX } from "../../../core/dataplane/packet_run.ts";
import { MemoryTun } from "../../twins/memory_tun.ts";
import { buildPacket, type PacketShape, payloadOfLength, shape } from "./super_packet.ts";

const STRIDE = 256;

/** Packets of one flow, 100 bytes each, laid out in memory. */
class Flow {
  readonly memory = allocatePacketMemory(STRIDE * (RUN_PACKETS_MAX + 2));
  readonly run = new PacketRun(this.memory);
  readonly tun = new MemoryTun();
  #count = 0;

  packet(part: Partial<PacketShape> = {}): InnerPacket {
    const index = this.#count++;
    const base = shape(part);
    const bytes = buildPacket({ ...base, sequence: base.sequence + 100 * index, payload: payloadOfLength(100, index) });
    const offset = 16 + index * STRIDE;
    this.memory.bytes.set(bytes, offset);
    const packet = new InnerPacket(this.memory);
    packet.read(offset, bytes.length);
    return packet;
  }
}

Deno.test("PacketRun: a new run is one packet, and used again it forgets", () => {
  const flow = new Flow();
  flow.run.begin(flow.packet(), true);
  assert.ok(flow.run.join(flow.packet()));
  assert.equal(flow.run.count, 2);
  const next = flow.packet({ window: 7 });
  flow.run.begin(next, true);
  assert.equal(flow.run.count, 1);
  assert.ok(flow.run.write(flow.tun));
  assert.deepEqual(flow.tun.written.map((packet) => packet.length), [next.length]);
});

Deno.test("PacketRun.isOpenFor: packets of the flow, while it is open", () => {
  const flow = new Flow();
  flow.run.begin(flow.packet(), true);
  assert.equal(flow.run.isOpenFor(flow.packet()), true);
  assert.equal(flow.run.isOpenFor(flow.packet({ sourcePort: 1 })), false);
  assert.equal(flow.run.isOpenFor(flow.packet({ destination: 77 })), false);
  assert.equal(flow.run.isOpenFor(flow.packet({ protocol: "udp" })), false);
  assert.equal(flow.run.isOpenFor(flow.packet({ family: 6 })), false);
  flow.run.close();
  assert.equal(flow.run.isOpenFor(flow.packet()), false);
});

Deno.test("PacketRun.begin: a closed run stays closed", () => {
  const flow = new Flow();
  flow.run.begin(flow.packet(), false);
  assert.equal(flow.run.isOpenFor(flow.packet()), false);
});

Deno.test("PacketRun.join: up to the limit, and what did not join is not written", () => {
  const flow = new Flow();
  flow.run.begin(flow.packet(), true);
  for (let i = 1; i < RUN_PACKETS_MAX; i++) assert.ok(flow.run.join(flow.packet()));
  assert.equal(flow.run.join(flow.packet()), false);
  assert.equal(flow.run.count, RUN_PACKETS_MAX);
  flow.run.write(flow.tun);
  assert.equal(flow.tun.written[0]?.length, 52 + 100 * RUN_PACKETS_MAX);
});

Deno.test("PacketRun.write: says whether the device took it", () => {
  for (const joined of [false, true]) {
    const flow = new Flow();
    flow.run.begin(flow.packet(), true);
    if (joined) flow.run.join(flow.packet());
    flow.tun.isFull = true;
    assert.equal(flow.run.write(flow.tun), false);
  }
});
