import assert from "node:assert/strict";
import { DatagramRun, ROOM_AROUND_BYTES, SINGLE_RUNS_MAX } from "../../../core/dataplane/datagram_run.ts";
import { type LoopDropReason, noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { RUN_BYTES_MAX, RUN_DATAGRAMS_MAX, type SendResult, type UdpSocket } from "../../../core/seams/udp_socket.ts";

const AREA_START = 100;
const AREA_END = AREA_START + 70_000;

function endpoint(text: string): Endpoint {
  const value = Endpoint.parse(text);
  assert.ok(value);
  return value;
}

const PEER = endpoint("192.0.2.1:1");
const OTHER = endpoint("192.0.2.2:2");

/** Writes down each call: `<datagrams>x<bytes>+<bytes of a shorter last one>@<endpoint>`. */
class LoggingSocket implements UdpSocket {
  readonly fd = -1;
  readonly port = 1;
  readonly receivedSegmentBytes = 0;
  readonly calls: string[] = [];
  readonly sent: Uint8Array[] = [];
  answer: SendResult = "sent";
  runAnswer: SendResult | "not-as-run" = "sent";
  readonly family: 4 | 6;

  constructor(family: 4 | 6) {
    this.family = family;
  }

  receive(): number {
    return 0;
  }

  send(buffer: Uint8Array, offset: number, length: number, to: Endpoint): SendResult {
    this.calls.push(`${length}@${to.port}`);
    if (this.answer === "sent") this.sent.push(buffer.slice(offset, offset + length));
    return this.answer;
  }

  sendRun(buffer: Uint8Array, offset: number, length: number, segmentBytes: number, to: Endpoint) {
    const rest = length % segmentBytes;
    this.calls.push(`${Math.floor(length / segmentBytes)}x${segmentBytes}${rest ? `+${rest}` : ""}@${to.port}`);
    if (this.runAnswer === "sent") this.sent.push(buffer.slice(offset, offset + length));
    return this.runAnswer;
  }

  [Symbol.dispose](): void {}
}

function fixture() {
  const buffer = new Uint8Array(AREA_END + 100);
  const [ipv4, ipv6] = [new LoggingSocket(4), new LoggingSocket(6)];
  const drops = noLoopDrops();
  const run = new DatagramRun({ buffer, areaStart: AREA_START, areaEnd: AREA_END, sockets: [ipv6, ipv4], drops });
  let count = 0;
  /** A packet that becomes a datagram of `bytes`, as the engine does it. */
  const seal = (bytes: number, to = PEER) => {
    const offset = run.reserve(bytes - 32) - 16;
    assert.ok(offset >= AREA_START && offset + bytes + 15 <= AREA_END, "inside the area");
    buffer.fill(++count, offset, offset + bytes);
    run.add(buffer, offset, bytes, to);
  };
  return { buffer, ipv4, ipv6, drops, run, seal };
}

Deno.test("DatagramRun: datagrams of one size leave in one call, in order", () => {
  const { run, seal, ipv4 } = fixture();
  for (let i = 0; i < 3; i++) seal(40);
  assert.deepEqual(ipv4.calls, []);
  run.flush();
  run.flush();
  assert.deepEqual(ipv4.calls, ["3x40@1"]);
  assert.deepEqual(ipv4.sent[0], Uint8Array.from({ length: 120 }, (_, index) => 1 + Math.floor(index / 40)));
});

Deno.test("DatagramRun: a shorter datagram ends the run, a longer one begins another", () => {
  const { run, seal, ipv4 } = fixture();
  for (const bytes of [50, 50, 40, 40, 60]) seal(bytes);
  run.flush();
  assert.deepEqual(ipv4.calls, ["2x50+40@1", "40@1", "60@1"]);
});

Deno.test("DatagramRun: each endpoint has runs of its own, and order is kept", () => {
  const { run, seal, ipv4, ipv6 } = fixture();
  seal(40);
  seal(40);
  seal(40, OTHER);
  seal(40, endpoint("[2001:db8::1]:6"));
  seal(40, endpoint("[2001:db8::1]:6"));
  seal(40);
  run.flush();
  assert.deepEqual(ipv4.calls, ["2x40@1", "40@2", "40@1"]);
  assert.deepEqual(ipv6.calls, ["2x40@6"]);
});

Deno.test("DatagramRun: the endpoint is copied, because it may change before the run is sent", () => {
  const { run, seal, ipv4 } = fixture();
  const roaming = PEER.clone();
  seal(40, roaming);
  seal(40, roaming);
  roaming.copyFrom(OTHER);
  seal(40, roaming);
  run.flush();
  assert.deepEqual(ipv4.calls, ["2x40@1", "40@2"]);
});

Deno.test("DatagramRun: a datagram from elsewhere leaves at once, after what was there", () => {
  const { run, seal, ipv4 } = fixture();
  seal(40);
  seal(40);
  run.add(new Uint8Array(148).fill(99), 0, 148, PEER);
  assert.deepEqual(ipv4.calls, ["2x40@1", "148@1"]);
  seal(40);
  run.flush();
  assert.deepEqual(ipv4.calls.slice(2), ["40@1"]);
});

Deno.test("DatagramRun: a packet that was not sealed leaves no gap", () => {
  const { run, seal, ipv4 } = fixture();
  seal(40);
  assert.equal(run.reserve(8), run.reserve(8), "reserving takes nothing");
  seal(40);
  run.flush();
  assert.deepEqual(ipv4.calls, ["2x40@1"]);
});

Deno.test("DatagramRun: as many datagrams as a run may have, and not one more", () => {
  const { run, seal, ipv4 } = fixture();
  for (let i = 0; i <= RUN_DATAGRAMS_MAX; i++) seal(40);
  run.flush();
  assert.deepEqual(ipv4.calls, [`${RUN_DATAGRAMS_MAX}x40@1`, "40@1"]);
});

Deno.test("DatagramRun: as many bytes as a run may have, and not one more", () => {
  const { run, seal, ipv4 } = fixture();
  const count = Math.floor(RUN_BYTES_MAX / 1452);
  for (let i = 0; i <= count; i++) seal(1452);
  run.flush();
  assert.deepEqual(ipv4.calls, [`${count}x1452@1`, "1452@1"]);
});

Deno.test("DatagramRun: the longest packet has room wherever the run stands", () => {
  const { run, seal, ipv4 } = fixture();
  seal(40);
  seal(40);
  run.add(fixture().buffer, run.reserve(AREA_END - AREA_START - ROOM_AROUND_BYTES) - 16, 65_567, PEER);
  assert.deepEqual(ipv4.calls, ["2x40@1", "65567@1"]);
  assert.throws(() => run.reserve(AREA_END - AREA_START - ROOM_AROUND_BYTES + 1), { name: "InvariantError" });
});

Deno.test("DatagramRun: a refused run is sent one by one, and runs are tried again ever less often", () => {
  const { run, seal, ipv4 } = fixture();
  ipv4.runAnswer = "not-as-run";
  const pair = () => {
    ipv4.calls.length = 0;
    seal(50);
    seal(40);
    run.flush();
    return ipv4.calls.join(" ");
  };
  const isTried = () => pair() === "1x50+40@1 50@1 40@1";
  assert.deepEqual(Array.from({ length: 12 }, isTried).map(Number), [1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
  assert.equal(pair(), "50@1 40@1");
  for (let i = 0; i < 4 * SINGLE_RUNS_MAX; i++) pair();
  let between = 0;
  while (!isTried()) between++;
  while (!isTried()) between++;
  assert.ok(between <= 2 * SINGLE_RUNS_MAX);
  ipv4.runAnswer = "sent";
  while (pair() !== "1x50+40@1");
  assert.equal(pair(), "1x50+40@1", "a run that was sent ends the suspicion");
});

Deno.test("DatagramRun: what is not sent is counted datagram by datagram", () => {
  const reasons = {
    "would-block": "socket-full",
    "too-big": "datagram-too-big",
    "unreachable": "network-unreachable",
    "refused": "network-refused",
  } satisfies Record<Exclude<SendResult, "sent">, LoopDropReason>;
  for (const [answer, reason] of Object.entries(reasons)) {
    const { run, seal, ipv4, drops } = fixture();
    ipv4.runAnswer = ipv4.answer = answer as Exclude<SendResult, "sent">;
    for (const bytes of [50, 50, 40, 60]) seal(bytes);
    run.flush();
    assert.deepEqual(drops, { ...noLoopDrops(), [reason]: 4 });
  }
});

Deno.test("DatagramRun: without a socket of the family every datagram is counted", () => {
  const drops = noLoopDrops();
  const buffer = new Uint8Array(1000);
  const run = new DatagramRun({ buffer, areaStart: 0, areaEnd: 1000, sockets: [new LoggingSocket(6)], drops });
  for (let i = 0; i < 3; i++) run.add(buffer, i * 40, 40, PEER);
  run.flush();
  run.add(buffer, 0, 40, PEER);
  run.flush();
  assert.equal(drops["no-socket-for-family"], 4);
});
