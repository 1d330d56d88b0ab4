import assert from "node:assert/strict";
import { plainMemory } from "../../../core/dataplane/packet_memory.ts";
import { pseudoHeaderSum, TCP_PROTOCOL, UDP_PROTOCOL } from "../../../core/dataplane/transport_header.ts";
import { foldSum, isIntactSum } from "../../../core/ip/checksum.ts";
import { buildPacket, payloadOfLength, shape, transportOffsetOf } from "./super_packet.ts";

Deno.test("pseudoHeaderSum: completes the sum of every kind of packet", () => {
  const memory = plainMemory(4096);
  for (const family of [4, 6] as const) {
    for (const protocol of ["tcp", "udp"] as const) {
      const made = shape({ family, protocol, payload: payloadOfLength(33) });
      const packet = buildPacket(made);
      memory.bytes.set(packet, 7);
      const at = transportOffsetOf(made);
      const number = protocol === "tcp" ? TCP_PROTOCOL : UDP_PROTOCOL;
      const pseudoSum = pseudoHeaderSum(memory, 7, family, number, packet.length - at);
      assert.ok(isIntactSum(foldSum(pseudoSum + memory.sum(7 + at, packet.length - at))), `${protocol} ${family}`);
      assert.ok(pseudoSum <= 0xffff);
    }
  }
});

Deno.test("pseudoHeaderSum: is the sum of RFC 9293 §3.1 for addresses, protocol and length", () => {
  const memory = plainMemory(64);
  memory.bytes.set([0x45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 1, 0, 2, 0, 3]);
  assert.equal(pseudoHeaderSum(memory, 0, 4, TCP_PROTOCOL, 20), 1 + 2 + 3 + 6 + 20);
});
