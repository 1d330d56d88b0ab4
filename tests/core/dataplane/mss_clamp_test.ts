import { strict as assert } from "node:assert";
import fc from "fast-check";
import { clampMss, synHeaderAt } from "../../../core/dataplane/mss_clamp.ts";
import { internetChecksum, isIntactSum, sumBytes } from "../../../core/ip/checksum.ts";
import { ipPacket } from "./ip_packet.ts";

const SYN = 0x02;
const ACK = 0x10;
const NOP = 1;
/** Garbage in front of the packet, so that offsets count. */
const OFFSET = 16;

interface Segment {
  readonly ipv6?: boolean;
  readonly flags?: number;
  readonly options?: readonly number[];
  readonly payload?: number;
}

/** The sum over the pseudo-header of RFC 9293 §3.1. */
function pseudoSum(packet: Uint8Array, isIpv6: boolean, tcpBytes: number): number {
  const view = new DataView(packet.buffer, packet.byteOffset);
  return sumBytes(view, isIpv6 ? 8 : 12, isIpv6 ? 32 : 8, 6 + tcpBytes);
}

/** A TCP packet with right checksum behind {@linkcode OFFSET} bytes; options are padded to words. */
function segment({ ipv6 = false, flags = SYN, options = [2, 4, 0x05, 0xb4], payload = 0 }: Segment = {}) {
  const optionBytes = Math.ceil(options.length / 4) * 4;
  const tcp = new Uint8Array(20 + optionBytes + payload).fill(0x5a, 20 + optionBytes);
  tcp.set([0x30, 0x39, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, (5 + optionBytes / 4) << 4, flags, 0xff, 0xff]);
  tcp.set(options, 20);
  const packet = ipv6 ? ipPacket("fd00::1", "fd00::2", tcp) : ipPacket("10.0.0.1", "10.0.0.2", tcp);
  packet[ipv6 ? 6 : 9] = 6;
  const at = packet.length - tcp.length;
  const view = new DataView(packet.buffer);
  view.setUint16(at + 16, internetChecksum(view, at, tcp.length, pseudoSum(packet, ipv6, tcp.length)));
  const buffer = new Uint8Array(OFFSET + packet.length + 8).fill(0xee);
  buffer.set(packet, OFFSET);
  return { buffer, length: packet.length, tcpAt: OFFSET + at, isIpv6: ipv6 };
}

type Made = ReturnType<typeof segment>;

function isIntact({ buffer, length, tcpAt, isIpv6 }: Made): boolean {
  const packet = buffer.slice(OFFSET, OFFSET + length);
  const at = tcpAt - OFFSET;
  const sum = pseudoSum(packet, isIpv6, length - at);
  return isIntactSum(sumBytes(new DataView(packet.buffer), at, length - at, sum));
}

function clamp(made: Made, packetBytesMax: number): boolean {
  return clampMss(made.buffer, OFFSET, made.length, packetBytesMax);
}

/** The two bytes at `at` of the options. */
function sizeAt({ buffer, tcpAt }: Made, at: number): number {
  return buffer[tcpAt + 20 + at]! << 8 | buffer[tcpAt + 20 + at + 1]!;
}

Deno.test("clampMss: lowers a size that does not fit, and the checksum stays right", () => {
  for (const flags of [SYN, SYN | ACK]) {
    for (const ipv6 of [false, true]) {
      const made = segment({ ipv6, flags, payload: 3 });
      assert.ok(isIntact(made));
      assert.equal(clamp(made, 1064), true);
      assert.equal(sizeAt(made, 2), 1064 - (ipv6 ? 60 : 40));
      assert.ok(isIntact(made));
      assert.equal(clamp(made, 1064), false, "once is enough");
    }
  }
});

Deno.test("clampMss: a size that fits, to the byte, stays", () => {
  const made = segment();
  const before = made.buffer.slice();
  assert.equal(clamp(made, 1460 + 40), false);
  assert.deepEqual(made.buffer, before);
  assert.equal(clamp(made, 1460 + 39), true);
});

Deno.test("clampMss: finds the option behind others, at odd places, and more than once", () => {
  const sack = [4, 2];
  const odd = segment({ options: [...sack, NOP, 2, 4, 0x05, 0xb4, NOP] });
  assert.equal(clamp(odd, 1280), true);
  assert.equal(sizeAt(odd, 5), 1240);
  assert.ok(isIntact(odd));
  const twice = segment({ options: [2, 4, 0x05, 0xb4, NOP, 2, 4, 0x23, 0x28, 3, 3, 7] });
  assert.equal(clamp(twice, 1280), true);
  assert.deepEqual([sizeAt(twice, 2), sizeAt(twice, 7)], [1240, 1240]);
  assert.ok(isIntact(twice));
});

Deno.test("clampMss: only SYN packets of TCP are touched", () => {
  const untouched = (made: Made, why: string) => {
    const before = made.buffer.slice();
    assert.equal(clamp(made, 576), false, why);
    assert.deepEqual(made.buffer, before, why);
  };
  untouched(segment({ flags: ACK }), "no SYN");
  for (const ipv6 of [false, true]) {
    const udp = segment({ ipv6 });
    udp.buffer[OFFSET + (ipv6 ? 6 : 9)] = 17;
    untouched(udp, "UDP");
  }
  const fragment = segment();
  fragment.buffer[OFFSET + 7] = 1;
  untouched(fragment, "a further fragment");
  const version = segment();
  version.buffer[OFFSET] = 0x55;
  untouched(version, "version 5");
  const headerless = segment();
  headerless.buffer[OFFSET] = 0x44;
  untouched(headerless, "an IP header of 16 bytes");
});

Deno.test("clampMss: the first fragment and an IPv4 header with options count", () => {
  const first = segment();
  first.buffer[OFFSET + 6] = 0x20;
  assert.equal(clamp(first, 576), true);
  const { buffer, length } = segment();
  const longer = new Uint8Array(buffer.length + 4);
  longer.set(buffer.subarray(0, OFFSET + 20));
  longer.set(buffer.subarray(OFFSET + 20), OFFSET + 24);
  longer[OFFSET] = 0x46;
  assert.equal(synHeaderAt(longer, OFFSET, length + 4), OFFSET + 24);
  assert.equal(clampMss(longer, OFFSET, length + 4, 576), true);
});

Deno.test("clampMss: malformed options end the search", () => {
  const cases: [string, number[]][] = [
    ["length 0", [8, 0, 2, 4, 0x05, 0xb4, 0, 0]],
    ["length 1", [8, 1, 2, 4, 0x05, 0xb4, 0, 0]],
    ["longer than the header", [8, 40, 2, 4, 0x05, 0xb4, 0, 0]],
    ["behind the end", [0, 2, 4, 0x05, 0xb4, 0, 0, 0]],
    ["a size of three bytes", [2, 5, 0x05, 0xb4, 0, 0, 0, 0]],
    ["cut off in its length", [NOP, NOP, NOP, 2]],
  ];
  for (const [what, options] of cases) {
    const made = segment({ options });
    const before = made.buffer.slice();
    assert.equal(clamp(made, 576), false, what);
    assert.deepEqual(made.buffer, before, what);
  }
});

Deno.test("clampMss: no limit is so small that nothing is left", () => {
  assert.equal(clamp(segment(), 40), false);
  const made = segment();
  assert.equal(clamp(made, 41), true);
  assert.equal(sizeAt(made, 2), 1);
});

Deno.test("clampMss: any bytes of any length neither throw nor change what is outside the packet", () => {
  const bytes = fc.uint8Array({ maxLength: 120 });
  const optionByte = fc.oneof(fc.constantFrom(0, 1, 2, 4, 5, 0xff), fc.integer({ min: 0, max: 255 }));
  const shaped = fc.tuple(fc.boolean(), fc.array(optionByte, { maxLength: 40 }), fc.nat(100)).map(
    ([ipv6, options, cut]) => {
      const made = segment({ ipv6, options, payload: 60 });
      return made.buffer.slice(OFFSET, OFFSET + made.length - cut);
    },
  );
  let changedCount = 0;
  fc.assert(
    fc.property(fc.oneof(bytes, shaped), fc.integer({ min: 0, max: 1500 }), (packet, limit) => {
      const buffer = new Uint8Array(OFFSET + packet.length + 64).fill(0x02);
      buffer.set(packet, OFFSET);
      if (clampMss(buffer, OFFSET, packet.length, limit)) changedCount++;
      const outside = (all: Uint8Array) => [...all.subarray(0, OFFSET), ...all.subarray(OFFSET + packet.length)];
      assert.ok(outside(buffer).every((byte) => byte === 0x02));
    }),
    { numRuns: 3000 },
  );
  assert.ok(changedCount > 0, "some of them were SYN packets");
});
