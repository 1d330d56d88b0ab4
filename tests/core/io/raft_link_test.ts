/**
 * Links over the loopback interface: exchange, restart, silence, full queues, better addresses.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import net from "node:net";
import { delay } from "../../../core/io/alarm.ts";
import { systemClock } from "../../../core/io/clock.ts";
import { RaftLinks } from "../../../core/io/raft_link.ts";
import { frameBytes, FrameType } from "../../../core/io/raft_link_frame.ts";
import { QUEUE_MESSAGES_MAX } from "../../../core/io/raft_link_limits.ts";
import { SNAPSHOT_MESSAGE_BYTES_MAX } from "../../../core/raft/codec.ts";
import type { PeerMessage } from "../../../core/raft/message.ts";
import type { Clock } from "../../../core/seams/clock.ts";
import { answer, FAST, heartbeat, loopback, Member, openTap, rounds, snapshotOf, soon } from "./raft_link_lab.ts";

/** Opens links for all of `members` and introduces them to each other. */
async function openAll(stack: AsyncDisposableStack, members: readonly Member[]): Promise<RaftLinks[]> {
  const links: RaftLinks[] = [];
  for (const member of members) links.push(stack.use(await member.open()));
  for (const one of links) one.setMembers(members.map((member) => member.describe()));
  return links;
}

Deno.test("RaftLinks: two members exchange messages of every size, in order", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const [linksA, linksB] = await openAll(stack, [a, b]);
  const sent: PeerMessage[] = [0, 1, 100, 70_000, 1_000_000].map((bytes, i) => ({
    kind: "append",
    from: 1,
    to: 2,
    term: 3,
    prevIndex: i,
    prevTerm: 2,
    entries: [{ term: 3, index: i + 1, type: "normal", data: new Uint8Array(bytes).fill(i) }],
    commit: i,
  }));
  for (const message of sent) linksA?.send(2, message);
  linksB?.send(1, heartbeat(2, 1, 7));
  await soon("all messages", () => b.received.length === sent.length && a.received.length === 1);
  assert.deepEqual(b.received, sent.map((message) => ({ from: 1, message })));
  assert.deepEqual(a.received, [{ from: 2, message: heartbeat(2, 1, 7) }]);
  assert.deepEqual(linksA?.stats(), {
    outbound: [{
      raftId: 2,
      state: { kind: "connected", address: loopback(b.port) },
      queuedMessagesCount: 0,
      queuedBytes: 0,
    }],
    inboundOpenCount: 1,
    inboundHalfOpenCount: 0,
    messagesSentCount: 5,
    messagesReceivedCount: 1,
    drops: {},
  });
});

Deno.test("RaftLinks: three members reach each other", async () => {
  await using stack = new AsyncDisposableStack();
  const members = [new Member(1), new Member(2), new Member(3)];
  const links = await openAll(stack, members);
  members.forEach(({ raftId: from }, i) => {
    for (const { raftId: to } of members) if (to !== from) links[i]?.send(to, heartbeat(from, to, from));
  });
  await soon("all messages", () => members.every((member) => member.received.length === 2));
  assert.deepEqual(members.map((member) => rounds(member).sort()), [[2, 3], [1, 3], [1, 2]]);
});

Deno.test("RaftLinks: a member that restarts is told of as unreachable and found again", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open());
  const linksB = await b.open();
  linksB.setMembers([a.describe()]);
  linksA.setMembers([b.describe()]);
  linksA.send(2, heartbeat(1, 2, 1));
  await soon("the first message", () => rounds(b).includes(1));
  await linksB[Symbol.asyncDispose]();
  await soon("the loss", () => a.unreachable.includes(2));

  // While it is away, messages are lost and each loss is told.
  const toldCount = a.unreachable.length;
  linksA.send(2, heartbeat(1, 2, 2));
  await soon("the next loss", () => a.unreachable.length > toldCount);
  assert(!rounds(b).includes(2));

  const reopened = stack.use(await b.open());
  reopened.setMembers([a.describe()]);
  await soon("the way back", () => {
    linksA.send(2, heartbeat(1, 2, 3));
    return rounds(b).includes(3);
  });
  assert(!rounds(b).includes(2), "what was lost does not come late");
  assert.equal(a.log.count("raft link dropped"), 1, "one line for all attempts");
});

Deno.test("RaftLinks: a member that connects is dialled at once, at the address it says", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const patient = { ...FAST, backoffFirstMs: 60_000, backoffLastMs: 60_000 };
  const linksA = stack.use(await a.open({ timings: patient }));
  linksA.setMembers([b.describe([loopback(1)])]);
  linksA.send(2, heartbeat(1, 2, 1));
  await soon("a pause", () => linksA.stats().outbound[0]?.state.kind === "waiting");
  const self = { raftId: 2, meshId: "mesh-1", addresses: () => [loopback(b.port)] };
  const linksB = stack.use(await b.open({ self }));
  linksB.setMembers([a.describe()]);
  linksA.send(2, heartbeat(1, 2, 2));
  linksB.send(1, heartbeat(2, 1, 3));
  await soon("the message", () => rounds(b).includes(2));
});

Deno.test("RaftLinks: a member that connected before there was anything to say is found where it said", async () => {
  const [a, b] = [new Member(1), new Member(2)];
  await using aLinks = await a.open({ self: { raftId: 1, meshId: "mesh-1", addresses: () => [loopback(a.port)] } });
  await using bLinks = await b.open();
  bLinks.setMembers([a.describe([])]);
  aLinks.setMembers([b.describe()]);
  aLinks.send(2, heartbeat(1, 2, 1));
  await soon("the message", () => b.received.length === 1);
  assert.deepEqual(bLinks.stats().outbound, []);
  // The record of the mesh knows no address, and the member does not connect again.
  bLinks.send(1, heartbeat(2, 1, 1));
  await soon("the answer", () => a.received.length === 1);
});

Deno.test("QUEUE_MESSAGES_MAX: a member that does not read costs no more than the queue, and is told of", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open());
  const linksB = stack.use(await b.open());
  linksB.setMembers([a.describe()]);
  await using tap = await openTap(b.port);
  linksA.setMembers([b.describe([loopback(tap.port)])]);
  linksA.send(2, heartbeat(1, 2, 1));
  await soon("the first message", () => rounds(b).includes(1));
  tap.pause();
  const entry = { term: 1, index: 1, type: "normal", data: new Uint8Array(4000) } as const;
  const append: PeerMessage = {
    kind: "append",
    from: 1,
    to: 2,
    term: 1,
    prevIndex: 0,
    prevTerm: 0,
    entries: [entry],
    commit: 0,
  };
  await soon("a full queue", () => {
    for (let i = 0; i < 500; i++) linksA.send(2, append);
    return (linksA.stats().drops["queue-full"] ?? 0) > 0;
  });
  const queued = linksA.stats().outbound[0]?.queuedMessagesCount ?? 0;
  assert.equal(queued, QUEUE_MESSAGES_MAX);
  for (let i = 0; i < 100; i++) linksA.send(2, append);
  assert.equal(linksA.stats().outbound[0]?.queuedMessagesCount, QUEUE_MESSAGES_MAX);
  await soon("the node to be told", () => a.unreachable.includes(2));
  linksA.send(2, heartbeat(1, 2, 2));
  tap.resume();
  await soon("what was not dropped", () => rounds(b).includes(2));
});

Deno.test("RaftLinks: a silent connection is given up and replaced", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open({ timings: { ...FAST, silenceMaxMs: 500 } }));
  const linksB = stack.use(await b.open());
  linksB.setMembers([a.describe()]);
  await using tap = await openTap(b.port);
  linksA.setMembers([b.describe([loopback(tap.port)])]);
  await soon("the first message", () => {
    linksA.send(2, heartbeat(1, 2, 1));
    return rounds(b).includes(1);
  });
  tap.pause();
  await soon("the silence to be noticed", () => (linksA.stats().drops["silent"] ?? 0) > 0);
  await soon("the node to be told", () => a.unreachable.includes(2));
  tap.resume();
  await soon("a new connection", () => {
    linksA.send(2, heartbeat(1, 2, 2));
    return rounds(b).includes(2);
  });
});

for (const end of ["says nothing", "is reset"]) {
  Deno.test(`RaftLinks: a member that has started anew gets everything, though the old connection ${end}`, async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = [new Member(1), new Member(2)];
    const timings = {
      ...FAST,
      dialTimeoutMs: 500,
      pingIntervalMs: 60_000,
      silenceMaxMs: 120_000,
      improveIntervalMs: 60_000,
    };
    const linksA = stack.use(await a.open({ timings }));
    const linksB = stack.use(await b.open({ timings }));
    linksB.setMembers([a.describe()]);
    await using tap = await openTap(b.port);
    linksA.setMembers([b.describe([loopback(tap.port), loopback(b.port)])]);
    linksA.send(2, heartbeat(1, 2, 1));
    await soon("the first message", () => rounds(b).includes(1));
    // From now on the connection leads nowhere, and nothing says so; once it is old, the member connects.
    tap.pause();
    await delay(2 * timings.dialTimeoutMs);
    linksB.send(1, heartbeat(2, 1, 7));
    // It may be the answer to what went over any connection, and proves nothing of this one.
    linksB.send(1, answer(2, 1));
    await soon("the member's hello", () => rounds(a).includes(7) && a.received.length === 2);
    linksA.send(2, heartbeat(1, 2, 2));
    if (end === "is reset") await tap.stop();
    await soon("the message over another connection", () => rounds(b).includes(2));
    assert.deepEqual(a.unreachable, []);
  });
}

Deno.test("RaftLinks: members that connect to each other leave each other's connections alone", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const timings = { ...FAST, dialTimeoutMs: 500 };
  const linksA = stack.use(await a.open({ timings }));
  const linksB = stack.use(await b.open({ timings }));
  linksB.setMembers([a.describe()]);
  linksA.setMembers([b.describe()]);
  for (let round = 1; round <= 20; round++) {
    linksA.send(2, heartbeat(1, 2, round));
    linksB.send(1, heartbeat(2, 1, round));
    await soon("both messages", () => rounds(a).includes(round) && rounds(b).includes(round));
  }
  await delay(2 * timings.dialTimeoutMs);
  assert.deepEqual([linksA.stats().drops, linksB.stats().drops], [{}, {}]);
  assert.deepEqual([linksA.stats().inboundOpenCount, linksB.stats().inboundOpenCount], [1, 1]);
});

Deno.test("RaftLinks: a link without traffic stays, thanks to pings; without them it is closed as idle", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open());
  const linksB = stack.use(await b.open({ timings: { ...FAST, idleMaxMs: 1_000 } }));
  linksB.setMembers([a.describe()]);
  linksA.setMembers([b.describe()]);
  linksA.send(2, heartbeat(1, 2, 1));
  await soon("the message", () => rounds(b).length === 1);
  const quiet = await a.dial(b.describe());
  assert(typeof quiet !== "string");
  await quiet.closed;
  quiet[Symbol.dispose]();
  assert.deepEqual(linksB.stats().drops, { idle: 1 });
  assert.equal(linksB.stats().inboundOpenCount, 1);
  assert.deepEqual(a.unreachable, []);
});

/** A clock that a test sets forward. */
function jumpyClock(): { readonly clock: Clock; jump(ms: number): void } {
  let aheadMs = 0;
  return {
    clock: { monotonicMs: () => systemClock.monotonicMs() + aheadMs, wallMs: () => systemClock.wallMs() },
    jump: (ms) => aheadMs += ms,
  };
}

const PATIENT = {
  ...FAST,
  dialTimeoutMs: 600_000,
  pingIntervalMs: 60_000,
  silenceMaxMs: 300_000,
  improveIntervalMs: 600_000,
  idleMaxMs: 600_000,
};
const PING_FRAME_BYTES = frameBytes({ type: FrameType.ping, bytes: new Uint8Array() });

Deno.test("RaftLinks: whoever answers is not asked for a sign of life; a ping goes along with a message", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const time = jumpyClock();
  const linksA = stack.use(await a.open({ timings: PATIENT, clock: time.clock }));
  const linksB = stack.use(await b.open({ timings: PATIENT }));
  linksB.setMembers([a.describe()]);
  await using tap = await openTap(b.port);
  linksA.setMembers([b.describe([loopback(tap.port)])]);
  let round = 0;
  const bytesOfNext = async () => {
    const before = tap.carriedBytes;
    linksA.send(2, heartbeat(1, 2, ++round));
    await soon("the message", () => rounds(b).includes(round));
    return tap.carriedBytes - before;
  };
  await bytesOfNext();
  const bytes = await bytesOfNext();
  for (let answers = 1; answers <= 2; answers++) {
    time.jump(50_000);
    linksB.send(1, answer(2, 1));
    await soon("the answer", () => a.received.length === answers);
  }
  assert.equal(await bytesOfNext(), bytes, "100 s later, 0 s after an answer");
  time.jump(61_000);
  assert.equal(await bytesOfNext(), bytes + PING_FRAME_BYTES, "61 s after an answer");
  assert.equal(await bytesOfNext(), bytes, "after a ping");
});

Deno.test("RaftLinks: a ping of the other side takes one along that would soon be due", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const time = jumpyClock();
  const linksA = stack.use(await a.open({ timings: PATIENT, clock: time.clock }));
  const linksB = stack.use(await b.open({ timings: { ...PATIENT, pingIntervalMs: 50 } }));
  await using tap = await openTap(b.port);
  linksB.setMembers([a.describe()]);
  linksA.setMembers([b.describe([loopback(tap.port)])]);
  linksA.send(2, heartbeat(1, 2, 1));
  linksB.send(1, heartbeat(2, 1, 1));
  await soon("both messages", () => rounds(a).length === 1 && rounds(b).length === 1);
  const before = tap.carriedBytes;
  time.jump(20_000);
  await delay(200);
  assert.equal(tap.carriedBytes, before, "too early");
  time.jump(20_000);
  await soon("the ping", () => tap.carriedBytes === before + PING_FRAME_BYTES);
});

Deno.test("RaftLinks: moves to a better address when there is one, and loses nothing", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open());
  const linksB = stack.use(await b.open());
  linksB.setMembers([a.describe()]);
  // A port that is free now and taken later.
  const better = await openTap(b.port);
  await better.stop();
  linksA.setMembers([b.describe([loopback(better.port), loopback(b.port)])]);
  let sentCount = 0;
  const send = () => linksA.send(2, heartbeat(1, 2, sentCount++));
  send();
  await soon("the first message", () => rounds(b).length === 1);
  assert.deepEqual(linksA.stats().outbound[0]?.state, { kind: "connected", address: loopback(b.port) });
  // A snapshot is on its way meanwhile, and stays on the connection where it started.
  linksA.send(2, snapshotOf(3_000_000));
  await using _tap = await openTap(b.port, better.port);
  await soon("the better address", () => {
    for (let i = 0; i < 20; i++) send();
    const state = linksA.stats().outbound[0]?.state;
    return state?.kind === "connected" && state.address.port === better.port;
  });
  for (let i = 0; i < 20; i++) send();
  await soon("everything", () => b.received.length === sentCount + 1);
  assert.deepEqual(rounds(b).sort((x, y) => x - y), [...Array(sentCount).keys()]);
  assert.deepEqual(a.unreachable, []);
});

Deno.test("RaftLinks: a long snapshot arrives whole, and heartbeats overtake it", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const [linksA] = await openAll(stack, [a, b]);
  const message = snapshotOf(5_000_000);
  linksA?.send(2, message);
  linksA?.send(2, heartbeat(1, 2, 1));
  await soon("both", () => b.received.length === 2);
  assert.deepEqual(b.received.map(({ message }) => message.kind), ["heartbeat", "snapshot"]);
  assert.deepEqual(b.received[1]?.message, message);
});

Deno.test("RaftLinks: a snapshot whose connection breaks goes on where it stopped", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open());
  const linksB = stack.use(await b.open());
  const first = stack.use(await openTap(b.port));
  const dataBytes = 20_000_000;
  const message = snapshotOf(dataBytes);
  linksA.setMembers([b.describe([loopback(first.port)])]);
  linksB.setMembers([a.describe()]);
  linksA.send(2, message);
  await soon("a third of it", () => (linksA.stats().outbound[0]?.queuedBytes ?? dataBytes) < dataBytes * 2 / 3);
  const leftBytes = linksA.stats().outbound[0]?.queuedBytes ?? 0;
  assert(leftBytes > 0, "not all of it");
  await first.stop();
  await soon("the loss", () => a.unreachable.includes(2));
  assert.equal(b.received.length, 0);
  const second = stack.use(await openTap(b.port));
  linksA.setMembers([b.describe([loopback(second.port)])]);
  // What the engine does when it is told: again if an attempt at the old address was still under way.
  let toldCount = 0;
  await soon("the snapshot", () => {
    if (a.unreachable.length > toldCount) linksA.send(2, message);
    toldCount = a.unreachable.length;
    return b.received.length === 1;
  });
  assert.deepEqual(b.received[0]?.message, message);
  assert(second.carriedBytes < leftBytes * 1.01 + 1_000, `${second.carriedBytes} sent of ${leftBytes} left`);
  assert(a.movedCount > 10, "the node is told of its progress");
});

/** A relay to `target` over a path that carries so many bytes in a millisecond. */
async function openSlowPath(stack: AsyncDisposableStack, target: number, bytesPerMs: number): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(loopback(target));
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    far.on("data", (bytes: Uint8Array) => void near.write(bytes));
    near.on("data", (bytes: Uint8Array) => {
      near.pause();
      delay(bytes.length / bytesPerMs).then(() => {
        far.write(bytes);
        near.resume();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen({ ...loopback(0) }, resolve));
  stack.defer(async () => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    const gone = [...sockets].map((socket) => new Promise<void>((resolve) => void socket.on("close", () => resolve())));
    for (const socket of sockets) socket.destroy();
    await Promise.all([closed, ...gone]);
  });
  const address = server.address();
  assert(typeof address === "object" && address);
  return address.port;
}

Deno.test("RaftLinks: heartbeats do not wait behind a snapshot on a slow path", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const delaysMs: number[] = [];
  let hasSnapshot = false;
  const linksA = stack.use(await a.open());
  const linksB = stack.use(
    await b.open({
      onMessage: (_, message) => {
        if (message.kind === "snapshot") hasSnapshot = true;
        else if (message.kind === "heartbeat") delaysMs.push(performance.now() - message.round);
      },
    }),
  );
  const port = await openSlowPath(stack, b.port, 2_000);
  linksA.setMembers([b.describe([loopback(port)])]);
  linksB.setMembers([a.describe()]);
  linksA.send(2, snapshotOf(4_000_000));
  const startMs = performance.now();
  while (!hasSnapshot) {
    linksA.send(2, heartbeat(1, 2, Math.floor(performance.now())));
    await delay(50);
  }
  // Without a window all four megabytes lie in the buffers of the path: two seconds of it, more on a busy machine.
  const wholeMs = performance.now() - startMs;
  assert(delaysMs.length > 10, `${delaysMs.length} heartbeats`);
  const worstMs = Math.max(...delaysMs);
  assert(worstMs < wholeMs / 2, `heartbeats took ${delaysMs.map(Math.round)} ms of ${wholeMs}`);
});

Deno.test("RaftLinks: a snapshot whose receiver cannot answer is offered again, and lost in the end", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const timings = { ...FAST, silenceMaxMs: 250 };
  const linksA = stack.use(await a.open({ timings }));
  const linksB = stack.use(await b.open({ timings }));
  linksA.setMembers([b.describe()]);
  const nowhere = stack.use(await openTap(a.port));
  await nowhere.stop();
  linksB.setMembers([a.describe([loopback(nowhere.port)])]);
  const message = snapshotOf(1_000_000);
  linksA.send(2, message);
  await soon("the loss", () => {
    const { drops, outbound } = linksA.stats();
    if (drops["snapshot-unanswered"] === 1) return true;
    // On a busy machine the connection itself may count as silent before.
    if (outbound[0]?.queuedBytes === 0) linksA.send(2, message);
    return false;
  });
  await soon("the node to be told", () => a.unreachable.includes(2));
  assert.deepEqual(b.received, []);
});

Deno.test("SNAPSHOT_MESSAGE_BYTES_MAX: a larger snapshot is not sent, and that is told", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const [linksA] = await openAll(stack, [a, b]);
  linksA?.send(2, snapshotOf(SNAPSHOT_MESSAGE_BYTES_MAX));
  assert.deepEqual(linksA?.stats().drops, { "message-unsendable": 1 });
  await soon("the node to be told", () => a.unreachable.includes(2));
});

Deno.test("RaftLinks.setMembers: links of former members, and of former keys, end both ways", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const [linksA, linksB] = await openAll(stack, [a, b]);
  assert(linksA && linksB);
  linksA.send(2, heartbeat(1, 2, 1));
  linksB.send(1, heartbeat(2, 1, 1));
  await soon("both", () => rounds(a).length === 1 && rounds(b).length === 1);
  linksA.setMembers([{ ...b.describe(), publicKey: new Member(2).describe().publicKey }]);
  await soon("the end", () => linksA.stats().inboundOpenCount === 0 && linksB.stats().inboundOpenCount === 0);
  assert.deepEqual(linksA.stats().outbound, []);
  linksA.setMembers([]);
  linksA.send(2, heartbeat(1, 2, 2));
  assert.equal(a.unreachable.length, 0, "not within the turn");
  await soon("the node to be told", () => a.unreachable.length === 1);
});

Deno.test("RaftLinks.open: listens on several addresses; a taken one is an error and closes the others", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const listen = [{ host: "::1", port: 0 }, loopback(0)];
  const linksA = stack.use(await RaftLinks.open({ ...a.parts(), listen }));
  linksA.setMembers([b.describe()]);
  assert.deepEqual(linksA.addresses.map(({ host }) => host), ["::1", "127.0.0.1"]);
  for (const address of linksA.addresses) {
    const connection = await b.dial(a.describe([address]));
    assert(typeof connection !== "string", String(connection));
    connection[Symbol.dispose]();
    await connection.closed;
  }
  const taken = linksA.addresses[1];
  assert(taken);
  await assert.rejects(RaftLinks.open({ ...b.parts(), listen: [loopback(0), taken] }), /in use/i);
});
