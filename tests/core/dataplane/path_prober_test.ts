import { strict as assert } from "node:assert";
import {
  ANSWER_MS,
  PathProber,
  PROBE_INTERVAL_MS,
  PROBED_MTUS,
  PROBED_PEERS_MAX,
  PROBING_MAX,
  SILENT_INTERVAL_MS,
} from "../../../core/dataplane/path_prober.ts";
import { ipTotalLengthAt } from "../../../core/ip/header.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { ipPacket } from "./ip_packet.ts";

const OUTER = 60;
const LONGEST = 1420;

/** A way to one or more peers, which loses what is too long and answers the rest. */
class Way {
  /** With all headers; 0 if nobody answers at all. */
  mtu = 1500;
  /** Probes that get lost though they fit, counted from the first. */
  lost = new Set<number>();
  nowMs = 0;
  readonly sent: { readonly to: string; readonly length: number }[] = [];
  readonly learned: string[] = [];
  readonly prober: PathProber<string>;
  readonly #replies: Uint8Array[] = [];

  constructor() {
    this.prober = new PathProber({
      random: new SeededRandom(1),
      send: (to, buffer, offset, length) => {
        assert.ok(offset >= 16 && buffer.length >= offset + length + 31, "room around");
        const isLost = this.lost.has(this.sent.length) || length + OUTER > this.mtu;
        this.sent.push({ to, length });
        if (!isLost) this.#replies.push(replyTo(buffer.slice(offset, offset + length)));
      },
      learned: (to) => this.learned.push(to),
    });
  }

  /** A large packet goes to `to`. */
  want(to = "a", packet = ipPacket("10.0.0.1", "10.0.0.2", new Uint8Array(1300))): void {
    this.prober.want(to, packet, 0, packet.length, LONGEST, OUTER, this.nowMs);
  }

  /** Lets time pass; replies arrive at once. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    while (true) {
      const nextMs = this.prober.nextDeadlineMs();
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.prober.expire(this.nowMs);
      for (const reply of this.#replies.splice(0)) assert.equal(this.prober.take(reply, 0, reply.length), true);
    }
    this.nowMs = endMs;
  }
}

function replyTo(request: Uint8Array): Uint8Array {
  const packet = request.slice(0, ipTotalLengthAt(request, 0, request.length));
  packet[packet[0] === 0x45 ? 20 : 40] = packet[0] === 0x45 ? 0 : 129;
  return packet;
}

Deno.test("PathProber: a path that carries the longest is known after one volley, and sets no limit", () => {
  const way = new Way();
  way.want();
  way.run(ANSWER_MS);
  assert.deepEqual(way.sent.map(({ length }) => length), [
    LONGEST,
    ...PROBED_MTUS.map((mtu) => mtu - OUTER).filter((length) => length < LONGEST),
  ]);
  assert.equal(way.prober.packetBytesMax("a"), Infinity);
  assert.equal(way.prober.nextDeadlineMs(), Infinity);
});

Deno.test("PathProber: what is not answered twice does not fit", () => {
  for (const mtu of [1492, 1472, 1400, 1399, 1280, 1124, 660]) {
    const way = new Way();
    way.mtu = mtu;
    way.want();
    way.run(0);
    assert.equal(way.prober.packetBytesMax("a"), Infinity, "nothing is known before the second volley");
    way.run(2 * ANSWER_MS);
    const fitting = PROBED_MTUS.filter((size) => size <= Math.min(mtu, LONGEST + OUTER))[0] ?? 0;
    assert.equal(way.prober.packetBytesMax("a"), fitting >= 1480 ? Infinity : fitting - OUTER, `${mtu}`);
  }
});

Deno.test("PathProber: the first volley counts as soon as the second one goes", () => {
  const way = new Way();
  way.mtu = 1280;
  way.want();
  way.run(ANSWER_MS);
  assert.equal(way.prober.packetBytesMax("a"), 1220);
  assert.deepEqual(way.learned, ["a"]);
  way.run(ANSWER_MS);
  assert.deepEqual(way.learned, ["a", "a"]);
});

Deno.test("PathProber: probes that get lost by chance are asked again", () => {
  const way = new Way();
  way.lost = new Set([0, 1, 2]);
  way.want();
  way.run(3 * ANSWER_MS);
  assert.equal(way.prober.packetBytesMax("a"), Infinity);
  const lengths = way.sent.map(({ length }) => length);
  assert.deepEqual(lengths.slice(-3), lengths.slice(0, 3), "only those without an answer");
});

Deno.test("PathProber: where nobody answers nothing is known, and another packet asks again before long", () => {
  const way = new Way();
  way.mtu = 0;
  way.want();
  way.run(3 * ANSWER_MS);
  assert.equal(way.prober.packetBytesMax("a"), Infinity);
  const count = way.sent.length;
  way.want();
  way.run(SILENT_INTERVAL_MS - ANSWER_MS);
  assert.equal(way.sent.length, count);
  way.mtu = 1400;
  way.want();
  way.run(3 * ANSWER_MS);
  assert.equal(way.prober.packetBytesMax("a"), 1340);
});

Deno.test("PathProber: a path is asked again now and then, and what was known holds meanwhile", () => {
  const way = new Way();
  way.mtu = 1280;
  way.want();
  way.run(3 * ANSWER_MS);
  way.mtu = 1500;
  way.run(PROBE_INTERVAL_MS);
  way.want();
  way.run(0);
  assert.equal(way.prober.packetBytesMax("a"), 1220);
  way.run(ANSWER_MS);
  assert.equal(way.prober.packetBytesMax("a"), Infinity);
  way.mtu = 1300;
  way.run(PROBE_INTERVAL_MS);
  way.want();
  way.run(2 * ANSWER_MS);
  assert.equal(way.prober.packetBytesMax("a"), 1240);
  way.prober.forget("a");
  assert.equal(way.prober.packetBytesMax("a"), Infinity);
});

Deno.test("PathProber: a late answer is an answer", () => {
  const way = new Way();
  way.mtu = 1280;
  way.want();
  way.run(3 * ANSWER_MS);
  const late: Uint8Array[] = [];
  const prober = new PathProber<string>({
    random: new SeededRandom(2),
    send: (_to, buffer, offset, length) => void late.push(replyTo(buffer.slice(offset, offset + length))),
    learned: () => {},
  });
  const packet = ipPacket("fd00::1", "fd00::2", new Uint8Array(1300));
  prober.want("a", packet, 0, packet.length, LONGEST, OUTER, 0);
  for (let ms = 0; ms <= 3_000; ms += 1_000) prober.expire(ms);
  const [top, next] = late;
  assert.ok(top && next);
  assert.equal(prober.take(next, 0, next.length), true);
  assert.equal(prober.packetBytesMax("a"), PROBED_MTUS.map((mtu) => mtu - OUTER).find((length) => length < LONGEST));
  assert.equal(prober.take(top, 0, top.length), true);
  assert.equal(prober.packetBytesMax("a"), Infinity);
});

Deno.test("PathProber.take: other people's replies are theirs", () => {
  const way = new Way();
  way.want();
  way.prober.expire(0);
  const stranger = replyTo(ipPacket("10.0.0.2", "10.0.0.1", new Uint8Array(16)));
  stranger[9] = 1;
  for (let ident = 0; ident < 65_536; ident++) {
    stranger[24] = ident >>> 8;
    stranger[25] = ident & 0xff;
    assert.equal(way.prober.take(stranger, 0, stranger.length), false);
  }
});

Deno.test("PathProber: groups are not asked", () => {
  const way = new Way();
  way.want("a", ipPacket("10.0.0.1", "224.0.0.1", new Uint8Array(1300)));
  way.want("b", ipPacket("fd00::1", "ff02::1", new Uint8Array(1300)));
  assert.equal(way.prober.nextDeadlineMs(), Infinity);
});

Deno.test("PathProber: a bounded number of paths at once, and in mind", () => {
  const way = new Way();
  for (let i = 0; i <= PROBING_MAX; i++) way.want(`${i}`);
  way.run(0);
  assert.equal(new Set(way.sent.map(({ to }) => to)).size, PROBING_MAX);
  way.run(ANSWER_MS);
  for (let i = 0; i <= PROBED_PEERS_MAX; i++) {
    way.want(`peer ${i}`);
    way.run(ANSWER_MS);
  }
  assert.equal(way.prober.size, PROBED_PEERS_MAX);
  way.prober.forgetAll();
  assert.equal(way.prober.size, 0);
});
