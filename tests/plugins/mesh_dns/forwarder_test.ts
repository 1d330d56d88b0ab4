import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="../../../plugins/mesh_dns/dns_packet.d.ts"
import { decode, encode } from "dns-packet";
import type { OnDatagram, SocketPeer } from "../../../core/plugin/listen.ts";
import {
  FORWARD_CACHE_MAX,
  FORWARD_WAITERS_MAX,
  Forwarder,
  FORWARDS_IN_FLIGHT_MAX,
} from "../../../plugins/mesh_dns/forwarder.ts";
import { type Query, readQuery } from "../../../plugins/mesh_dns/query.ts";
import { PATH_MARKS_MAX, readUpstreamAnswer, upstreamQuery } from "../../../plugins/mesh_dns/upstream_answer.ts";
import { edns, queryBytes } from "./paper_mesh.ts";

const SERVER: SocketPeer = { host: "192.0.2.53", port: 53 };
const MARK = new Uint8Array(8).fill(5);

function query(name: string, more: Readonly<Record<string, unknown>> = {}): Query {
  const read = readQuery(queryBytes(name, "A", more));
  assert(!("problem" in read));
  return read;
}

/** The answer of an honest server to the datagram. */
function answerOf(datagram: Uint8Array, ttl = 60, more: Readonly<Record<string, unknown>> = {}): Uint8Array {
  const { id, questions } = decode(Buffer.from(datagram));
  const [question] = questions;
  return new Uint8Array(encode({
    type: "response",
    id,
    flags: 0x8180,
    questions,
    answers: [{ name: question?.name, type: "A", ttl, data: "192.0.2.1" }],
    additionals: [{ type: "OPT", name: ".", udpPayloadSize: 1232, options: [] }],
    ...more,
  }));
}

interface Asked {
  readonly datagram: Uint8Array;
  /** What comes to the port that asked. */
  readonly reply: (bytes: Uint8Array, from?: SocketPeer) => void;
}

/** A forwarder whose network is a list, and whose time stands still unless told. */
function paperForwarder() {
  const asked: Asked[] = [];
  const waits: PromiseWithResolvers<void>[] = [];
  let openPorts = 0;
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  let seed = 0;
  const forwarder = new Forwarder({
    upstreams: [SERVER],
    clock,
    random: { fill: (target) => target.set(MARK), u32: () => ++seed },
    delay: (_ms, signal) => {
      const wait = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => wait.resolve(), { once: true });
      waits.push(wait);
      return wait.promise;
    },
    onOutcome: () => {},
    listen: {
      udp: (_address, onDatagram: OnDatagram) => {
        openPorts++;
        const port = {
          host: "0.0.0.0",
          port: 40_000 + openPorts,
          send(datagram: Uint8Array) {
            asked.push({ datagram, reply: (bytes, from = SERVER) => onDatagram(bytes, from, port) });
          },
          [Symbol.asyncDispose]() {
            openPorts--;
            return Promise.resolve();
          },
        };
        return Promise.resolve(port);
      },
    },
  });
  /** Everything that waits for nothing but its turn has happened. */
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await undefined;
  };
  return { forwarder, asked, waits, clock, settle, openPorts: () => openPorts };
}

Deno.test("Forwarder: asks once for all who wait, with a new id, and keeps the answer while it lives", async () => {
  const { forwarder, asked, clock, settle, openPorts } = paperForwarder();
  const first = forwarder.ask(query("Example.COM"));
  const second = forwarder.ask(query("example.com", { id: 99, ...edns(1232) }));
  await settle();
  assert.equal(asked.length, 1);
  asked[0]?.reply(answerOf(asked[0].datagram));
  const [one, two] = await Promise.all([first, second]);
  assert(one && two);
  assert.deepEqual(decode(Buffer.from(one.bytes)).questions[0]?.name, "Example.COM");
  assert.deepEqual([decode(Buffer.from(one.bytes)).id, decode(Buffer.from(two.bytes)).id], [7, 99]);
  assert.deepEqual([
    decode(Buffer.from(one.bytes)).additionals.length,
    decode(Buffer.from(two.bytes)).additionals.length,
  ], [0, 1]);
  clock.nowMs = 20_000;
  const kept = await forwarder.ask(query("example.com"));
  assert(kept && decode(Buffer.from(kept.bytes)).answers[0]?.ttl === 40);
  clock.nowMs = 60_000;
  const again = forwarder.ask(query("example.com"));
  await settle();
  assert.equal(asked.length, 2);
  asked[1]?.reply(answerOf(asked[1].datagram));
  await again;
  assert.equal(openPorts(), 0);
});

Deno.test("Forwarder: answers to another question, id or from elsewhere are none", async () => {
  const { forwarder, asked, settle } = paperForwarder();
  const asking = forwarder.ask(query("example.com"));
  await settle();
  const [ours] = asked;
  assert(ours);
  const good = answerOf(ours.datagram);
  const other = answerOf(upstreamQuery(query("example.org"), decode(Buffer.from(good)).id, MARK));
  const wrongId = good.slice();
  wrongId[1] = (wrongId[1] ?? 0) ^ 1;
  ours.reply(good, { ...SERVER, host: "192.0.2.54" });
  ours.reply(good, { ...SERVER, port: 54 });
  for (const bad of [other, wrongId, ours.datagram, good.subarray(0, 20), new Uint8Array(0)]) ours.reply(bad);
  assert.equal(forwarder.counts.mismatched, 7);
  ours.reply(good, { ...SERVER, host: "::ffff:192.0.2.53" });
  assert((await asking)?.rcode === 0);
});

Deno.test("Forwarder: a server that is silent is asked so often, then it has failed", async () => {
  const { forwarder, asked, waits, settle, openPorts } = paperForwarder();
  const asking = forwarder.ask(query("example.com"));
  for (let attempt = 0; attempt < 3; attempt++) {
    await settle();
    waits[attempt]?.resolve();
  }
  assert.equal(await asking, undefined);
  assert.deepEqual([asked.length, forwarder.counts.failed, forwarder.inFlightCount, openPorts()], [3, 1, 0, 0]);
});

Deno.test("Forwarder: a query that has been here before, or anywhere too often, has looped", async () => {
  const { forwarder, asked } = paperForwarder();
  const looped = readQuery(upstreamQuery(query("example.com"), 1, MARK));
  assert(!("problem" in looped));
  assert.equal(await forwarder.ask(looped), undefined);
  let far = query("example.com");
  for (let hop = 0; hop < PATH_MARKS_MAX; hop++) {
    const next = readQuery(upstreamQuery(far, 1, new Uint8Array(8).fill(100 + hop)));
    assert(!("problem" in next));
    far = next;
  }
  assert.equal(await forwarder.ask(far), undefined);
  assert.deepEqual([forwarder.counts.looped, asked.length], [2, 0]);
});

Deno.test("Forwarder: one question, one client, one kept answer more than the limits", async () => {
  const { forwarder, asked, clock, settle } = paperForwarder();
  const asking = Array.from({ length: FORWARDS_IN_FLIGHT_MAX }, (_, index) => forwarder.ask(query(`q${index}.com`)));
  assert.equal(await forwarder.ask(query("one-more.com")), undefined);
  while (asking.length < FORWARD_WAITERS_MAX) asking.push(forwarder.ask(query("q0.com")));
  assert.equal(await forwarder.ask(query("q0.com")), undefined);
  assert.equal(forwarder.counts.refused, 2);
  await settle();
  for (const { datagram, reply } of asked) reply(answerOf(datagram));
  assert((await Promise.all(asking)).every((answer) => answer?.rcode === 0));
  clock.nowMs = 1;
  for (let index = forwarder.cacheSize; index <= FORWARD_CACHE_MAX; index++) {
    const next = forwarder.ask(query(`k${index}.com`));
    await settle();
    const last = asked.at(-1);
    last?.reply(answerOf(last.datagram));
    await next;
  }
  assert.equal(forwarder.cacheSize, FORWARD_CACHE_MAX);
});

Deno.test("readUpstreamAnswer: how long it is kept", () => {
  const asked = query("example.com");
  const kept = (more: Readonly<Record<string, unknown>>, ttl?: number) => {
    const answer = readUpstreamAnswer(answerOf(upstreamQuery(asked, 3, MARK), ttl, more), asked, 3);
    return typeof answer === "string" ? answer : answer.keptS;
  };
  const soa = { mname: "a", rname: "b", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 9 };
  const negative = { answers: [], authorities: [{ name: "com", type: "SOA", ttl: 900, data: soa }] };
  assert.equal(kept({}), 60);
  assert.equal(kept({}, 1e6), 3600);
  assert.equal(kept({ ...negative, flags: 0x8183 }), 9);
  assert.equal(kept({ flags: 0x8182 }), 0);
  assert.equal(kept({ flags: 0x8380 }), 0);
  assert.equal(kept({ answers: [] }), 0);
});
