import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  emptyRoute,
  hasCookie,
  identAt,
  probeBytesMin,
  readRoute,
  replyAt,
  sequenceAt,
  writeProbe,
} from "../../../core/dataplane/probe_packet.ts";
import { isIntactSum, sumBytes } from "../../../core/ip/checksum.ts";
import { ipTotalLengthAt } from "../../../core/ip/header.ts";
import { ipPacket } from "./ip_packet.ts";

const COOKIE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const OFFSET = 16;

/** A probe of `length` bytes along the way of `packet`. */
function probe(packet: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const route = emptyRoute();
  readRoute(packet, 0, packet.length, route);
  const buffer = new Uint8Array(OFFSET + length + 31).fill(0xee);
  writeProbe(buffer, OFFSET, length, route, 0xabcd, 7, COOKIE);
  assert.ok(buffer.subarray(0, OFFSET).every((byte) => byte === 0xee));
  assert.ok(buffer.subarray(OFFSET + length).every((byte) => byte === 0xee));
  return buffer.slice(OFFSET, OFFSET + length);
}

/** What the host at the other end makes of it: padding cut off, addresses and type turned around. */
function reply(request: Uint8Array): Uint8Array<ArrayBuffer> {
  const packet = request.slice(0, ipTotalLengthAt(request, 0, request.length));
  const isIpv4 = packet[0] === 0x45;
  const [source, bytes, icmp] = isIpv4 ? [12, 4, 20] : [8, 16, 40];
  packet.set(request.subarray(source + bytes, source + 2 * bytes), source);
  packet.set(request.subarray(source, source + bytes), source + bytes);
  packet[icmp] = isIpv4 ? 0 : 129;
  return packet;
}

const FLOWS = [
  ipPacket("10.0.0.1", "10.0.0.2", new Uint8Array(1200)),
  ipPacket("fd00::1", "fd00::2", new Uint8Array(1200)),
];

Deno.test("writeProbe: an intact echo request between the addresses of the packet, and zeros behind it", () => {
  for (const flow of FLOWS) {
    const request = probe(flow, 1400);
    const isIpv4 = request[0] === 0x45;
    const total = ipTotalLengthAt(request, 0, request.length);
    assert.equal(total, probeBytesMin(isIpv4 ? 4 : 6));
    assert.ok(request.subarray(total).every((byte) => byte === 0));
    const addresses = isIpv4 ? [12, 20] as const : [8, 40] as const;
    assert.deepEqual(request.subarray(...addresses), flow.subarray(...addresses));
    const view = new DataView(request.buffer);
    const [icmp, icmpBytes] = isIpv4 ? [20, 16] : [40, 16];
    if (isIpv4) assert.ok(isIntactSum(sumBytes(view, 0, 20)));
    const pseudo = isIpv4 ? 0 : sumBytes(view, 8, 32, 58 + icmpBytes);
    assert.ok(isIntactSum(sumBytes(view, icmp, icmpBytes, pseudo)));
    assert.deepEqual([request[icmp], request[icmp + 1]], [isIpv4 ? 8 : 128, 0]);
  }
});

Deno.test("replyAt: finds replies to probes, and reads what they name", () => {
  for (const flow of FLOWS) {
    const request = probe(flow, 900);
    const answer = reply(request);
    const icmp = replyAt(answer, 0, answer.length);
    assert.ok(icmp > 0);
    assert.deepEqual([identAt(answer, icmp), sequenceAt(answer, icmp)], [0xabcd, 7]);
    assert.equal(hasCookie(answer, icmp, COOKIE), true);
    assert.equal(hasCookie(answer, icmp, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9)), false);
    assert.equal(replyAt(request, 0, request.length), 0, "a request is no reply");
    const longer = new Uint8Array(answer.length + 1);
    longer.set(answer);
    assert.equal(replyAt(longer, 0, longer.length), 0, "an echo of somebody else's");
  }
});

Deno.test("replyAt: any bytes of any length", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const icmp = replyAt(bytes, 0, bytes.length);
    assert.ok(icmp === 0 || icmp + 16 <= bytes.length);
  }));
});
