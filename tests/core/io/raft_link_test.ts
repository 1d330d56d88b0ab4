/**
 * Links over the loopback interface: exchange, restart, strangers, limits, better addresses.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import net from "node:net";
import { RaftLinks } from "../../../core/io/raft_link.ts";
import { FrameType } from "../../../core/io/raft_link_frame.ts";
import { GREETING_BYTES } from "../../../core/io/raft_link_hello.ts";
import {
  HALF_OPEN_MAX,
  INBOUND_MAX,
  INBOUND_PER_MEMBER_MAX,
  QUEUE_MESSAGES_MAX,
} from "../../../core/io/raft_link_limits.ts";
import { encodeMessage, SNAPSHOT_MESSAGE_BYTES_MAX } from "../../../core/raft/codec.ts";
import type { PeerMessage } from "../../../core/raft/message.ts";
import { FAST, heartbeat, loopback, Member, rounds, soon } from "./raft_link_lab.ts";

/** Opens links for all of `members` and introduces them to each other. */
async function openAll(stack: AsyncDisposableStack, members: readonly Member[]): Promise<RaftLinks[]> {
  const links: RaftLinks[] = [];
  for (const member of members) links.push(stack.use(await member.open()));
  for (const one of links) one.setMembers(members.map((member) => member.describe()));
  return links;
}

/** A snapshot message from member 1 to member 2. */
function snapshotOf(dataBytes: number): PeerMessage {
  const confState = { voters: [1, 2], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const data = new Uint8Array(dataBytes).map((_, i) => i * 31);
  return { kind: "snapshot", from: 1, to: 2, term: 4, snapshot: { meta: { index: 9, term: 3, confState }, data } };
}

/** A plain connection to `port`, closed with the stack. */
async function connectRaw(stack: AsyncDisposableStack, port: number) {
  const socket = net.connect(loopback(port));
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let receivedBytes = 0;
  const state = { socket, closed, isClosed: false, received: () => receivedBytes };
  socket.on("error", () => {});
  socket.on("data", (bytes: Uint8Array) => receivedBytes += bytes.length);
  socket.on("close", () => {
    state.isClosed = true;
    resolve();
  });
  stack.defer(async () => {
    socket.destroy();
    await closed;
  });
  await new Promise<void>((resolve) => socket.on("connect", () => resolve()));
  return state;
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

Deno.test("RaftLinks: who is not a member, or not the one it says, is refused and counted", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, stranger] = [new Member(1), new Member(2), new Member(2)];
  const linksA = stack.use(await a.open());
  linksA.setMembers([b.describe()]);
  const cases: [Member, Parameters<Member["dial"]>, string][] = [
    [new Member(9), [a.describe()], "unknown-member"],
    [stranger, [a.describe()], "bad-mac"],
    [b, [a.describe(), { meshId: "mesh-2" }], "wrong-mesh"],
    [b, [{ ...a.describe(), raftId: 7 }], "wrong-addressee"],
    // The dialer means somebody else, who would know its key.
    [b, [{ ...a.describe(), publicKey: stranger.describe().publicKey }], "bad-mac"],
  ];
  const counts: Record<string, number> = {};
  for (const [dialer, args, reason] of cases) {
    assert.equal(await dialer.dial(...args), "connection-lost");
    counts[reason] = (counts[reason] ?? 0) + 1;
    await soon(reason, () => linksA.stats().drops[reason as "bad-mac"] === counts[reason]);
  }
  assert.deepEqual(linksA.stats().drops, counts);
  assert.deepEqual(a.received, []);
  assert.equal(a.log.count("raft link dropped"), 1, "one line for all of one host");
  const connection = await b.dial(a.describe());
  assert(typeof connection !== "string", "the right one comes in");
  connection[Symbol.dispose]();
  await connection.closed;
});

Deno.test("RaftLinks: an acceptor that does not hold the member's key gets no message", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, impostor] = [new Member(1), new Member(2), new Member(2)];
  const linksA = stack.use(await a.open());
  // It knows everything about the mesh but the private key.
  const fake = stack.use(await impostor.open());
  fake.setMembers([a.describe()]);
  linksA.setMembers([{ ...b.describe(), addresses: [loopback(impostor.port)] }]);
  linksA.send(2, heartbeat(1, 2, 1));
  await soon("the refusal", () => (fake.stats().drops["bad-mac"] ?? 0) > 0);
  assert.deepEqual(impostor.received, []);

  // One that pretends to be convinced cannot send the welcome.
  const liar = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.write(new Uint8Array([...new TextEncoder().encode("WEFTRAFT"), 1, 0, ...new Uint8Array(32)]));
    socket.on("data", () => socket.write(new Uint8Array(32)));
  });
  await new Promise<void>((resolve) => liar.listen({ ...loopback(0) }, resolve));
  stack.defer(() => new Promise<void>((resolve) => void liar.close(() => resolve())));
  const address = liar.address();
  assert(typeof address === "object" && address);
  assert.equal(await a.dial({ ...b.describe(), addresses: [loopback(address.port)] }), "bad-mac");
});

Deno.test("RaftLinks: bytes that are no handshake, or none at all, end the connection", async () => {
  await using stack = new AsyncDisposableStack();
  const a = new Member(1);
  const linksA = stack.use(await a.open({ timings: { ...FAST, handshakeTimeoutMs: 100 } }));
  const silent = await connectRaw(stack, a.port);
  await soon("the greeting", () => silent.received() === GREETING_BYTES);
  await silent.closed;
  assert.equal(linksA.stats().drops["handshake-timeout"], 1);
  const hostile: [Uint8Array, string][] = [
    [new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), "handshake-malformed"],
    [Uint8Array.of(2, 0, 0, 0, 1, 0), "handshake-malformed"],
    [Uint8Array.of(2, 0, 0, 0, 9, 0), "wrong-version"],
  ];
  for (const [bytes, reason] of hostile) {
    const before = linksA.stats().drops[reason as "bad-mac"] ?? 0;
    const socket = await connectRaw(stack, a.port);
    socket.socket.write(bytes);
    await socket.closed;
    assert.equal(linksA.stats().drops[reason as "bad-mac"], before + 1, reason);
  }
  assert.equal(linksA.stats().inboundHalfOpenCount, 0);
});

Deno.test("RaftLinks: a member that breaks the rules of frames or messages loses its connection", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = [new Member(1), new Member(2), new Member(3)];
  const linksA = stack.use(await a.open());
  linksA.setMembers([b.describe(), c.describe()]);
  const broken: [number, Uint8Array, string][] = [
    [99, new Uint8Array(), "frame-malformed"],
    [FrameType.message, new Uint8Array(), "message-truncated"],
    [FrameType.message, Uint8Array.of(200, ...new Uint8Array(24)), "message-unknown-kind"],
    [FrameType.message, encodeMessage(heartbeat(3, 1, 1)), "wrong-sender"],
    [FrameType.message, encodeMessage(heartbeat(2, 3, 1)), "wrong-addressee"],
    [FrameType.snapshotPart, new Uint8Array(10), "frame-malformed"],
    [FrameType.snapshotWhole, new Uint8Array(10), "message-truncated"],
  ];
  const counts: Record<string, number> = {};
  for (const [type, bytes, reason] of broken) {
    const connection = await b.dial(a.describe());
    assert(typeof connection !== "string");
    connection.write([{ type, bytes }]);
    await connection.closed;
    connection[Symbol.dispose]();
    counts[reason] = (counts[reason] ?? 0) + 1;
    assert.deepEqual(linksA.stats().drops, counts);
  }
  assert.deepEqual(a.received, []);
});

Deno.test("RaftLinks: a snapshot that starts gives up the one before it", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(2), new Member(1)];
  const linksA = stack.use(await a.open());
  linksA.setMembers([b.describe()]);
  const connection = await b.dial(a.describe());
  assert(typeof connection !== "string");
  const message = snapshotOf(100);
  const bytes = encodeMessage(message);
  connection.write([
    { type: FrameType.snapshotFirstPart, bytes: new Uint8Array(50) },
    { type: FrameType.snapshotWhole, bytes },
    { type: FrameType.snapshotFirstPart, bytes: new Uint8Array(50) },
    { type: FrameType.snapshotFirstPart, bytes: bytes.subarray(0, 20) },
    { type: FrameType.snapshotPart, bytes: bytes.subarray(20, 30) },
    { type: FrameType.snapshotLastPart, bytes: bytes.subarray(30) },
  ]);
  await soon("both", () => a.received.length === 2);
  assert.deepEqual(a.received, [{ from: 1, message }, { from: 1, message }]);
  connection[Symbol.dispose]();
  await connection.closed;
});

Deno.test("RaftLinks: a question may be passed on in another member's name", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = [new Member(1), new Member(2), new Member(3)];
  const linksA = stack.use(await a.open());
  linksA.setMembers([b.describe(), c.describe()]);
  const connection = await b.dial(a.describe());
  assert(typeof connection !== "string");
  const question: PeerMessage = { kind: "read-index", from: 3, to: 1, term: 0, context: Uint8Array.of(1) };
  connection.write([{ type: FrameType.message, bytes: encodeMessage(question) }]);
  await soon("the question", () => a.received.length === 1);
  assert.deepEqual(a.received, [{ from: 2, message: question }]);
  connection.write([{ type: FrameType.message, bytes: encodeMessage({ ...question, from: 9 }) }]);
  await connection.closed;
  assert.equal(linksA.stats().drops["wrong-sender"], 1);
  connection[Symbol.dispose]();
});

Deno.test("HALF_OPEN_MAX: so many strangers may wait, one more closes the oldest", async () => {
  await using stack = new AsyncDisposableStack();
  const a = new Member(1);
  const linksA = stack.use(await a.open({ timings: { ...FAST, handshakeTimeoutMs: 60_000 } }));
  const strangers: Awaited<ReturnType<typeof connectRaw>>[] = [];
  for (let i = 0; i < HALF_OPEN_MAX; i++) strangers.push(await connectRaw(stack, a.port));
  await soon("all of them", () => strangers.every(({ received }) => received() === GREETING_BYTES));
  assert.equal(linksA.stats().inboundHalfOpenCount, HALF_OPEN_MAX);
  const oneMore = await connectRaw(stack, a.port);
  await strangers[0]?.closed;
  await soon("the newest", () => oneMore.received() === GREETING_BYTES);
  assert.deepEqual(strangers.map(({ isClosed }) => isClosed), [true, ...strangers.slice(1).map(() => false)]);
  assert.deepEqual(linksA.stats().drops, { "too-many-connections": 1 });
});

Deno.test("INBOUND_MAX and INBOUND_PER_MEMBER_MAX: one more is closed, or closes the member's oldest", async () => {
  await using stack = new AsyncDisposableStack();
  const a = new Member(1);
  const linksA = stack.use(await a.open({ timings: { ...FAST, idleMaxMs: 60_000 } }));
  const members = Array.from({ length: INBOUND_MAX / INBOUND_PER_MEMBER_MAX }, (_, i) => new Member(i + 2));
  linksA.setMembers(members.map((member) => member.describe()));
  const dial = async (member: Member) => {
    const connection = await member.dial(a.describe());
    assert(typeof connection !== "string", String(connection));
    stack.defer(() => {
      connection[Symbol.dispose]();
      return connection.closed;
    });
    return connection;
  };
  const [first] = members;
  assert(first);
  const oldest = await dial(first);
  for (let i = 1; i < INBOUND_PER_MEMBER_MAX; i++) await dial(first);
  assert.equal(oldest.isClosed, false);
  await dial(first);
  await oldest.closed;
  assert.deepEqual(linksA.stats().drops, { replaced: 1 });

  for (const member of members.slice(1)) {
    for (let i = 0; i < INBOUND_PER_MEMBER_MAX; i++) await dial(member);
  }
  assert.equal(linksA.stats().inboundOpenCount, INBOUND_MAX);
  const oneMore = await connectRaw(stack, a.port);
  await oneMore.closed;
  assert.equal(oneMore.received(), 0);
  assert.deepEqual(linksA.stats().drops, { replaced: 1, "too-many-connections": 1 });
});

Deno.test("QUEUE_MESSAGES_MAX: a member that does not read costs no more than the queue, and is told of", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open({ timings: { ...FAST, silenceMaxMs: 60_000 } }));
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
  const linksA = stack.use(await a.open());
  const linksB = stack.use(await b.open());
  linksB.setMembers([a.describe()]);
  await using tap = await openTap(b.port);
  linksA.setMembers([b.describe([loopback(tap.port)])]);
  linksA.send(2, heartbeat(1, 2, 1));
  await soon("the first message", () => rounds(b).includes(1));
  tap.pause();
  await soon("the silence to be noticed", () => (linksA.stats().drops["silent"] ?? 0) > 0);
  await soon("the node to be told", () => a.unreachable.includes(2));
  tap.resume();
  await soon("a new connection", () => {
    linksA.send(2, heartbeat(1, 2, 2));
    return rounds(b).includes(2);
  });
});

Deno.test("RaftLinks: a link without traffic stays, thanks to pings; without them it is closed as idle", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open());
  const linksB = stack.use(await b.open({ timings: { ...FAST, idleMaxMs: 200 } }));
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

/** A relay to `target` that can stop carrying bytes, and stop altogether. */
async function openTap(target: number, port = 0) {
  const sockets = new Set<net.Socket>();
  let isPaused = false;
  const server = net.createServer((near) => {
    const far = net.connect(loopback(target));
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("data", (bytes: Uint8Array) => void to.write(bytes));
      from.on("end", () => to.end());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      if (isPaused) from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen({ ...loopback(port) }, resolve));
  const address = server.address();
  assert(typeof address === "object" && address);
  const stop = async () => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    const gone = [...sockets].map((socket) => new Promise<void>((resolve) => void socket.on("close", () => resolve())));
    for (const socket of sockets) socket.destroy();
    await Promise.all([closed, ...gone]);
  };
  let isStopped = false;
  return {
    port: address.port,
    stop: () => {
      isStopped = true;
      return stop();
    },
    pause: () => {
      isPaused = true;
      for (const socket of sockets) socket.pause();
    },
    resume: () => {
      isPaused = false;
      for (const socket of sockets) socket.resume();
    },
    [Symbol.asyncDispose]: () => isStopped ? Promise.resolve() : stop(),
  };
}
