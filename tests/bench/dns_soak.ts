/**
 * Hostile traffic against mesh_dns for a while: datagrams of every malformed kind, forged servers to forward to, TCP connections
 * kept at the limit and beyond it. All from one seed.
 *
 * Right answers over both protocols are asked for all the time. Memory, descriptors and threads are looked at when all is still:
 * after a first part, in which caches fill, and after each tenth of the rest.
 *
 * @module
 */
import { Buffer } from "node:buffer";
// @ts-types="../../plugins/mesh_dns/dns_packet.d.ts"
import { decode, encode } from "dns-packet";
import { assert } from "../../core/assert.ts";
import { delay } from "../../core/io/alarm.ts";
import { openUdpPort } from "../../core/io/udp_port.ts";
import type { SocketPeer, UdpPort } from "../../core/plugin/listen.ts";
import { TCP_CONNECTIONS_MAX, TCP_CONNECTIONS_SPARE } from "../../plugins/mesh_dns/tcp_service.ts";
import { type Below, malformed, MALFORMED_KINDS, numbers } from "../plugins/mesh_dns/malformed.ts";
import { framed, queryBytes } from "../plugins/mesh_dns/paper_mesh.ts";
import { Keepers } from "./dns_keepers.ts";
import { DnsServed, type Held } from "./dns_served.ts";

/** What may be left at the end that was not there after the first part. */
const HEAP_GROWTH_BYTES_MAX = 1 << 20;
const EXTERNAL_GROWTH_BYTES_MAX = 1 << 20;
const ALLOCATED_GROWTH_BYTES_MAX = 1 << 20;
const RESIDENT_GROWTH_BYTES_MAX = 16 << 20;
/** Looks whose median is the beginning, and the end. */
const LOOKS = 3;

/** Where the attack comes from, and where honest ones: a host that has many connections must not be in the way of another. */
const HOST = "127.0.0.1";
const HONEST_HOST = "::1";
/** Datagrams at once, and from one burst to the next. */
const BURST = 100;
const BURST_EVERY_MS = 15;
/** With more waiting at the server's socket, nothing is added. */
const QUEUED_BYTES_MAX = 32 << 10;
/** From one round of honest questions to the next. */
const HONEST_EVERY_MS = 1_000;
/** Datagrams are lost in a flood, and somebody else's connection may be in the way: an honest one asks again. */
const HONEST_TRIES = 20;
const HONEST_WAIT_MS = 500;
/** Senders change their addresses: more than the server remembers, in ten minutes. */
const SENDER_EVERY_MS = 200;
/** Kept connections: fewer than the limit for as long as an idle one may stay, then more. */
const KEEPERS_PERIOD_MS = 26_000;
const KEEPERS_FEW = 40;
const KEEPERS_MANY = TCP_CONNECTIONS_MAX + 40;
/** Until what is kept for later is there. */
const WARM_UP_MS = 120_000;
const STILL_MS = 10_000;
/** Questions to others are given up after 4.5 seconds. */
const FORWARD_MS = 5_000;
/** Both sides of a connection have given up long before. */
const STUCK_MS = 30_000;
const LOOK_EVERY_MS = 100;
const CHECKPOINTS = 10;

/** What is asked, and what must come back. */
const HONEST: readonly (readonly [name: string, type: string, rcode: string, data: string | undefined])[] = [
  ["a.webmesh.internal", "A", "NOERROR", "10.83.0.1"],
  ["www.a.webmesh.internal", "A", "NOERROR", "10.83.0.1"],
  ["1.0.83.10.in-addr.arpa", "PTR", "NOERROR", "a.webmesh.internal"],
  ["nobody.webmesh.internal", "A", "NXDOMAIN", undefined],
];

/** @throws {Error} If an answer was wrong, or something grew. */
export async function soak(seconds: number, seed: number): Promise<void> {
  const below = numbers(seed);
  await using upstream = await openUdpPort({ host: HOST, port: 0 }, forger(numbers(seed + 1)));
  await using served = await DnsServed.start({ listen: "[::]:0", forward: [`${HOST}:${upstream.port}`] });
  const soaking = new Soak(served, below, malformed(seed));
  console.log(`seed ${seed}, ${MALFORMED_KINDS.length} kinds of datagrams, ${seconds} s`);
  const cpuBefore = served.cpuSeconds();
  const rounds: Held[] = [];
  for (let round = 0; round <= CHECKPOINTS; round++) {
    await soaking.run(round === 0 ? WARM_UP_MS : seconds * 1000 / CHECKPOINTS);
    const held = await soaking.still();
    rounds.push(held);
    console.log(line(round, soaking, held));
  }
  const counts = await served.counts();
  console.log(Object.entries(counts).map(([name, value]) => `${name}: ${value}`).join(", "));
  console.log(
    `${soaking.sent} datagrams, ${soaking.connections} connections, ${soaking.honest} right answers ` +
      `(${soaking.again} asked again), at most ${soaking.descriptorsMax} descriptors, ` +
      `${(served.cpuSeconds() - cpuBefore).toFixed(0)} s of processor`,
  );
  judge(rounds, soaking, counts);
}

class Soak {
  readonly #served: DnsServed;
  readonly #below: Below;
  readonly #next: () => Uint8Array;
  readonly #keepers: Keepers;
  #startedMs = 0;
  sent = 0;
  honest = 0;
  again = 0;
  descriptorsMax = 0;

  constructor(served: DnsServed, below: Below, next: () => Uint8Array) {
    this.#served = served;
    this.#below = below;
    this.#next = next;
    this.#keepers = new Keepers(served.port, below);
  }

  get connections(): number {
    return this.#keepers.metCount;
  }

  async run(runMs: number): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    const all = [this.#flood(signal), this.#keepConnections(signal), this.#askHonestly(signal)];
    // Whichever fails ends it.
    await Promise.race([activeFor(runMs, signal), ...all]).finally(() => over.abort());
    await Promise.all(all);
    const late = new AbortController();
    const stuck = activeFor(STUCK_MS, late.signal).then(() => {
      if (!late.signal.aborted) throw new Error("A connection is still open");
    });
    await Promise.race([this.#keepers.none(), stuck]).finally(() => late.abort());
    await stuck;
  }

  /** What is held when nobody asks. */
  async still(): Promise<Held> {
    for (let looks = 0;; looks++) {
      const counts = await this.#served.counts();
      if (counts["tcp_connections"] === 0) break;
      assert(looks < STILL_MS / LOOK_EVERY_MS, "Connections go when those at the other end have gone");
      await delay(LOOK_EVERY_MS);
    }
    await activeFor(FORWARD_MS, new AbortController().signal);
    return await this.#served.held();
  }

  async #flood(signal: AbortSignal): Promise<void> {
    const to = { host: HOST, port: this.#served.port };
    while (!signal.aborted) {
      const host = `127.${this.#below(250)}.${this.#below(250)}.${1 + this.#below(250)}`;
      await using sender = await openUdpPort({ host, port: 0 }, () => {});
      const endMs = performance.now() + SENDER_EVERY_MS;
      while (!signal.aborted && performance.now() < endMs) {
        // What the kernel drops does nothing to the server.
        if (queuedBytes(to.port) < QUEUED_BYTES_MAX) {
          for (let burst = 0; burst < BURST; burst++, this.sent++) sender.send(this.#next(), to);
        }
        await delay(BURST_EVERY_MS, signal).catch(() => {});
      }
    }
  }

  async #keepConnections(signal: AbortSignal): Promise<void> {
    this.#startedMs ||= performance.now();
    while (!signal.aborted) {
      const isFew = Math.floor((performance.now() - this.#startedMs) / (KEEPERS_PERIOD_MS / 2)) % 2 === 0;
      this.#keepers.wanted = isFew ? KEEPERS_FEW : KEEPERS_MANY;
      this.descriptorsMax = Math.max(this.descriptorsMax, this.#served.descriptors());
      await delay(LOOK_EVERY_MS, signal).catch(() => {});
    }
  }

  async #askHonestly(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const question of HONEST) {
        await this.#askUntilAnswered(question, askByUdp);
        await this.#askUntilAnswered(question, askByTcp);
      }
      await delay(HONEST_EVERY_MS, signal).catch(() => {});
    }
  }

  async #askUntilAnswered([name, type, rcode, data]: typeof HONEST[number], ask: Ask): Promise<void> {
    for (let tries = 0; tries < HONEST_TRIES; tries++) {
      const bytes = await ask(this.#served.port, queryBytes(name, type, { id: this.#below(65_536) }));
      if (!bytes) {
        this.again++;
        continue;
      }
      const answer = decode(Buffer.from(bytes));
      assert(
        answer.rcode === rcode && answer.answers[0]?.data === data,
        `${name} ${type} is answered as it was before`,
      );
      this.honest++;
      return;
    }
    const { port, pid } = this.#served;
    const state = /State:\s+(.*)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
    throw new Error(
      `${name} ${type}: not answered ${HONEST_TRIES} times in a row by ${ask.name}; ` +
        `mesh_dns is ${await this.#served.plugin()}, ${
          queuedBytes(port)
        } bytes wait at its socket, the server is ${state}, ${this.#served.cpuSeconds()} s`,
    );
  }
}

/** What waits at the socket that is bound to `port`, as the kernel counts it. */
function queuedBytes(port: number): number {
  const bound = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const socket of Deno.readTextFileSync("/proc/net/udp6").split("\n")) {
    const [, local = "", , , queues = ""] = socket.trim().split(/\s+/);
    if (local.endsWith(bound)) return parseInt(queues.split(":")[1] ?? "0", 16);
  }
  return 0;
}

/** Resolves when so much time has passed in which this process was not stopped. */
async function activeFor(durationMs: number, signal: AbortSignal): Promise<void> {
  let leftMs = durationMs;
  for (let beforeMs = performance.now(); leftMs > 0 && !signal.aborted;) {
    await delay(LOOK_EVERY_MS, signal).catch(() => {});
    const nowMs = performance.now();
    leftMs -= Math.min(nowMs - beforeMs, 10 * LOOK_EVERY_MS);
    beforeMs = nowMs;
  }
}

type Ask = (port: number, query: Uint8Array) => Promise<Uint8Array | undefined>;

async function askByUdp(port: number, query: Uint8Array): Promise<Uint8Array | undefined> {
  const answered = Promise.withResolvers<Uint8Array>();
  await using client = await openUdpPort({ host: HONEST_HOST, port: 0 }, (datagram) => answered.resolve(datagram));
  client.send(query, { host: HONEST_HOST, port });
  return await within(answered.promise);
}

async function askByTcp(port: number, query: Uint8Array): Promise<Uint8Array | undefined> {
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname: HONEST_HOST, port });
  } catch {
    return undefined;
  }
  using _connection = connection;
  const received = (async () => {
    await connection.write(framed(query));
    const buffer = new Uint8Array(2048);
    for (let filled = 0;;) {
      const count = await connection.read(buffer.subarray(filled));
      if (count === null) return undefined;
      filled += count;
      const length = (buffer[0] ?? 0) << 8 | (buffer[1] ?? 0);
      if (filled >= 2 + length && filled > 2) return buffer.subarray(2, 2 + length);
    }
  })().catch(() => undefined);
  return await within(received);
}

async function within<Value>(value: Promise<Value>): Promise<Value | undefined> {
  const over = new AbortController();
  const late = delay(HONEST_WAIT_MS, over.signal).then(() => undefined, () => undefined);
  return await Promise.race([value, late]).finally(() => over.abort());
}

/** A server that answers right, or nothing, or for somebody else, or nonsense. */
function forger(below: Below): (datagram: Uint8Array, from: SocketPeer, port: UdpPort) => void {
  return (datagram, from, port) => {
    const query = decode(Buffer.from(datagram));
    const [question] = query.questions;
    if (!question) return;
    const answers = [{ type: "TXT", name: question.name, ttl: 1 + below(1000), data: "forged" }];
    const right = { type: "response", id: query.id, flags: 0x180, questions: [question], answers };
    const bytes = (message: object) => new Uint8Array(encode(message));
    switch (below(16)) {
      case 0:
        return;
      case 1:
        return port.send(bytes({ ...right, id: query.id ^ 1 }), from);
      case 2:
        return port.send(bytes({ ...right, questions: [{ ...question, name: "other.example" }] }), from);
      case 3:
        return port.send(bytes(right).map((byte, at) => at > 12 && below(8) === 0 ? below(256) : byte), from);
      default:
        return port.send(bytes(right), from);
    }
  };
}

function judge(rounds: readonly Held[], { descriptorsMax }: Soak, counts: Readonly<Record<string, number>>): void {
  const [first, last] = [rounds[0], rounds.at(-1)];
  assert(first !== undefined && last !== undefined, "There are rounds");
  const broken: string[] = [];
  const atMost = (what: string, value: number, max: number) => {
    if (value > max) broken.push(`${what}: ${value} is more than ${max}`);
  };
  const growth = (of: (held: Held) => number) => {
    const median = (some: readonly Held[]) => some.map(of).sort((a, b) => a - b)[some.length >> 1] ?? NaN;
    return median(rounds.slice(-LOOKS)) - median(rounds.slice(0, LOOKS));
  };
  atMost("growth of the heap", growth(({ heapBytes }) => heapBytes), HEAP_GROWTH_BYTES_MAX);
  atMost("growth of buffers", growth(({ externalBytes }) => externalBytes), EXTERNAL_GROWTH_BYTES_MAX);
  atMost("growth of allocations", growth(({ allocatedBytes }) => allocatedBytes), ALLOCATED_GROWTH_BYTES_MAX);
  atMost("growth of resident memory", growth(({ residentBytes }) => residentBytes), RESIDENT_GROWTH_BYTES_MAX);
  atMost("descriptors left", last.descriptors, first.descriptors);
  atMost("threads left", last.threads, first.threads);
  // Connections, and questions to others.
  atMost(
    "descriptors meanwhile",
    descriptorsMax - first.descriptors,
    TCP_CONNECTIONS_MAX + TCP_CONNECTIONS_SPARE + 128,
  );
  for (const reason of ["idle", "room", "malformed"]) {
    if (!counts[`tcp_closed_total ${reason}`]) broken.push(`No connection was closed for "${reason}"`);
  }
  if (broken.length > 0) throw new Error(broken.join("\n"));
}

function line(round: number, { sent, connections, honest }: Soak, held: Held): string {
  const mib = (bytes: number) => (bytes / (1 << 20)).toFixed(2);
  return `${round}/${CHECKPOINTS}: ${sent} datagrams, ${connections} connections, ${honest} right answers; heap ` +
    `${mib(held.heapBytes)} of ${mib(held.heapRoomBytes)} MiB, allocated ${mib(held.allocatedBytes)}, buffers ${
      mib(held.externalBytes)
    }, resident ${mib(held.residentBytes)}; ` +
    `${held.descriptors} descriptors, ${held.threads} threads`;
}
