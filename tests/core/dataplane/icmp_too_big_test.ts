import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  IPV4_ANSWER_BYTES_MAX,
  IPV4_PACKET_BYTES_MIN,
  IPV6_ANSWER_BYTES_MAX,
  IPV6_PACKET_BYTES_MIN,
  mustShrink,
  writeTooBig,
} from "../../../core/dataplane/icmp_too_big.ts";
import { isIntactSum, sumBytes } from "../../../core/ip/checksum.ts";
import { ipDestinationAt, ipSourceAt, ipTotalLengthAt } from "../../../core/ip/header.ts";
import { ipPacket } from "./ip_packet.ts";

const UDP = 17;

/** A packet of `length` bytes with DF that carries UDP. */
function packetOf(length: number, [from, to] = ["10.0.0.1", "10.0.0.2"]): Uint8Array<ArrayBuffer> {
  const isIpv6 = from.includes(":");
  const packet = ipPacket(from, to, new Uint8Array(length - (isIpv6 ? 40 : 20)).fill(0xab));
  if (!isIpv6) packet[6] = 0x40;
  packet[isIpv6 ? 6 : 9] = UDP;
  return packet;
}

/** The answer, or `undefined` if there is none; nothing around it may change. */
function answerTo(packet: Uint8Array, packetBytesMax: number): Uint8Array<ArrayBuffer> | undefined {
  const answer = new Uint8Array(IPV6_ANSWER_BYTES_MAX + 40).fill(0xee);
  const shifted = new Uint8Array(packet.length + 7);
  shifted.set(packet, 7);
  const length = writeTooBig(shifted, 7, packet.length, packetBytesMax, answer, 16);
  assert.ok(answer.subarray(0, 16).every((byte) => byte === 0xee));
  assert.ok(answer.subarray(16 + length).every((byte) => byte === 0xee));
  return length === 0 ? undefined : answer.slice(16, 16 + length);
}

Deno.test("writeTooBig: IPv4 says fragmentation needed, with the next hop's MTU", () => {
  const packet = packetOf(1420);
  const answer = answerTo(packet, 1220);
  assert.ok(answer);
  const view = new DataView(answer.buffer);
  assert.equal(answer.length, IPV4_ANSWER_BYTES_MAX);
  assert.equal(ipTotalLengthAt(answer, 0, answer.length), answer.length);
  assert.equal(String(ipSourceAt(answer, 0, answer.length)), "10.0.0.2");
  assert.equal(String(ipDestinationAt(answer, 0, answer.length)), "10.0.0.1");
  assert.equal(answer[9], 1);
  assert.deepEqual([answer[20], answer[21], view.getUint16(24), view.getUint16(26)], [3, 4, 0, 1220]);
  assert.deepEqual(answer.subarray(28), packet.subarray(0, answer.length - 28));
  assert.ok(isIntactSum(sumBytes(view, 0, 20)), "header checksum");
  assert.ok(isIntactSum(sumBytes(view, 20, answer.length - 20)), "ICMP checksum");
});

Deno.test("writeTooBig: IPv6 says packet too big, with the MTU", () => {
  const packet = packetOf(1420, ["fd00::1", "fd00::2"]);
  const answer = answerTo(packet, 1300);
  assert.ok(answer);
  const view = new DataView(answer.buffer);
  assert.equal(answer.length, IPV6_ANSWER_BYTES_MAX);
  assert.equal(ipTotalLengthAt(answer, 0, answer.length), answer.length);
  assert.equal(String(ipSourceAt(answer, 0, answer.length)), "fd00::2");
  assert.equal(String(ipDestinationAt(answer, 0, answer.length)), "fd00::1");
  assert.deepEqual([answer[6], answer[40], answer[41], view.getUint32(44)], [58, 2, 0, 1300]);
  assert.deepEqual(answer.subarray(48), packet.subarray(0, answer.length - 48));
  const pseudo = sumBytes(view, 8, 32, 58 + answer.length - 40);
  assert.ok(isIntactSum(sumBytes(view, 40, answer.length - 40, pseudo)), "ICMP checksum");
});

Deno.test("writeTooBig: a short packet is quoted whole", () => {
  assert.equal(answerTo(packetOf(100), 1220)?.length, 28 + 100);
  assert.equal(answerTo(packetOf(101, ["fd00::1", "fd00::2"]), 1300)?.length, 48 + 101);
});

Deno.test("writeTooBig: nobody is asked for less than every link carries", () => {
  const mtu = (packet: Uint8Array, at: number) => {
    const answer = answerTo(packet, 100);
    return answer && new DataView(answer.buffer).getUint16(at);
  };
  assert.equal(mtu(packetOf(1400), 26), IPV4_PACKET_BYTES_MIN);
  assert.equal(mtu(packetOf(1400, ["fd00::1", "fd00::2"]), 46), IPV6_PACKET_BYTES_MIN);
});

Deno.test("writeTooBig: ICMP errors get no answer, ICMP queries do", () => {
  for (let type = 0; type < 256; type++) {
    const packet = packetOf(1400);
    packet[9] = 1;
    packet[20] = type;
    const isQuery = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18].includes(type);
    assert.equal(answerTo(packet, 1220) !== undefined, isQuery, `ICMP ${type}`);
    const packet6 = packetOf(1400, ["fd00::1", "fd00::2"]);
    packet6[6] = 58;
    packet6[40] = type;
    assert.equal(answerTo(packet6, 1300) !== undefined, type >= 128 && type !== 137, `ICMPv6 ${type}`);
  }
});

Deno.test("writeTooBig: an ICMPv6 error behind extension headers gets no answer", () => {
  for (const extension of [0, 43, 60]) {
    for (const [type, isAnswered] of [[1, false], [128, true]] as const) {
      const packet = packetOf(1400, ["fd00::1", "fd00::2"]);
      packet[6] = extension;
      packet.set([58, 1], 40);
      packet[56] = type;
      assert.equal(answerTo(packet, 1300) !== undefined, isAnswered, `${extension}, ICMPv6 ${type}`);
    }
  }
});

Deno.test("writeTooBig: too many or cut extension headers get no answer", () => {
  const packet = packetOf(1400, ["fd00::1", "fd00::2"]);
  packet[6] = 60;
  packet.fill(0, 40);
  for (let at = 40; at < 40 + 8 * 8; at += 8) packet[at] = 60;
  assert.equal(answerTo(packet, 1300), undefined);
  packet[40 + 6 * 8] = UDP;
  assert.ok(answerTo(packet, 1300));
  const cut = packetOf(44, ["fd00::1", "fd00::2"]);
  cut[6] = 0;
  assert.equal(answerTo(cut, 1300), undefined);
});

Deno.test("writeTooBig: fragments get no answer", () => {
  for (const [at, byte] of [[6, 0x60], [6, 0x41], [7, 1]] as const) {
    const packet = packetOf(1400);
    packet[at] = byte;
    assert.equal(answerTo(packet, 1220), undefined, `${at}`);
  }
  const packet6 = packetOf(1400, ["fd00::1", "fd00::2"]);
  packet6[6] = 44;
  assert.equal(answerTo(packet6, 1300), undefined);
});

Deno.test("writeTooBig: packets to groups, and without a sender, get no answer", () => {
  const silent: readonly [string, string][] = [
    ["10.0.0.1", "224.0.0.1"],
    ["10.0.0.1", "255.255.255.255"],
    ["0.0.0.0", "10.0.0.2"],
    ["127.0.0.1", "10.0.0.2"],
    ["239.0.0.1", "10.0.0.2"],
    ["255.255.255.255", "10.0.0.2"],
    ["fd00::1", "ff02::1"],
    ["ff02::1", "fd00::2"],
    ["::", "fd00::2"],
  ];
  for (const [from, to] of silent) assert.equal(answerTo(packetOf(1400, [from, to]), 1300), undefined, `${from} ${to}`);
});

Deno.test("writeTooBig: any bytes of any length give no answer or an intact one", () => {
  let answeredCount = 0;
  const damage = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 });
  const shaped = fc.tuple(fc.boolean(), fc.nat(1500), damage).map(([ipv6, length, changes]) => {
    const packet = packetOf(1500, ipv6 ? ["fd00::1", "fd00::2"] : undefined);
    for (const [at, byte] of changes) packet[at] = byte;
    return packet.subarray(0, length);
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), shaped), fc.nat(70_000), (packet, limit) => {
      const answer = answerTo(packet, limit);
      if (answer === undefined) return;
      answeredCount++;
      assert.equal(ipTotalLengthAt(answer, 0, answer.length), answer.length);
      assert.ok(answer.length <= (answer[0] === 0x45 ? IPV4_ANSWER_BYTES_MAX : IPV6_ANSWER_BYTES_MAX));
    }),
    { numRuns: 2000 },
  );
  assert.ok(answeredCount > 0);
});

Deno.test("mustShrink: only packets that nobody may cut", () => {
  const packet = packetOf(1400);
  assert.equal(mustShrink(packet, 0, 1400, 1400), false);
  assert.equal(mustShrink(packet, 0, 1400, 1399), true);
  packet[6] = 0;
  assert.equal(mustShrink(packet, 0, 1400, 1399), false, "routers may cut it");
  assert.equal(mustShrink(packetOf(576), 0, 576, 500), false, "every host takes this much");
  assert.equal(mustShrink(packetOf(577), 0, 577, 500), true);
  const packet6 = packetOf(1281, ["fd00::1", "fd00::2"]);
  assert.equal(mustShrink(packet6, 0, 1281, 1280), true);
  assert.equal(mustShrink(packet6, 0, 1281, 1064), true);
  assert.equal(mustShrink(packet6, 0, 1280, 1064), false, "every link carries this much");
});
