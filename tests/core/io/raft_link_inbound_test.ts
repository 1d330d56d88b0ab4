/**
 * Who and what an acceptor lets in: strangers, impostors, members that break the rules, and too many of each.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import net from "node:net";
import { openCryptoSuite } from "../../../core/io/crypto_suite.ts";
import { NodeAuthenticator } from "../../../core/io/raft_link_authenticator.ts";
import { HANDSHAKE_BYTES_MAX } from "../../../core/io/raft_link_dial.ts";
import { FrameType } from "../../../core/io/raft_link_frame.ts";
import { GREETING_BYTES } from "../../../core/io/raft_link_hello.ts";
import {
  HALF_OPEN_MAX,
  HELLO_BYTES_MAX,
  INBOUND_MAX,
  INBOUND_PER_MEMBER_MAX,
  LINK_VERSION,
  type LinkDropReason,
} from "../../../core/io/raft_link_limits.ts";
import { encodeOffer, encodePart } from "../../../core/io/raft_link_snapshot.ts";
import { CONF_STATE_MEMBERS_MAX, encodeMessage } from "../../../core/raft/codec.ts";
import type { PeerMessage } from "../../../core/raft/message.ts";
import {
  connectRaw,
  FAST,
  heartbeat,
  loopback,
  Member,
  type RawConnection,
  snapshotOf,
  soon,
} from "./raft_link_lab.ts";

Deno.test("RaftLinks: who is not a member, or not the one it says, is refused and counted", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, stranger] = [new Member(1), new Member(2), new Member(2)];
  const linksA = stack.use(await a.open());
  linksA.setMembers([b.describe()]);
  const cases: [Member, Parameters<Member["dial"]>, LinkDropReason][] = [
    [new Member(9), [a.describe()], "unknown-member"],
    [stranger, [a.describe()], "bad-mac"],
    [b, [a.describe(), { meshId: "mesh-2" }], "wrong-mesh"],
    [b, [{ ...a.describe(), raftId: 7 }], "wrong-addressee"],
    // The dialer means somebody else, who would know its key.
    [b, [{ ...a.describe(), publicKey: stranger.describe().publicKey }], "bad-mac"],
  ];
  const counts: Partial<Record<LinkDropReason, number>> = {};
  for (const [dialer, args, reason] of cases) {
    assert.equal(await dialer.dial(...args), "connection-lost");
    counts[reason] = (counts[reason] ?? 0) + 1;
    await soon(reason, () => linksA.stats().drops[reason] === counts[reason]);
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
    socket.write(new Uint8Array([...new TextEncoder().encode("WEFTRAFT"), LINK_VERSION, 0, ...new Uint8Array(32)]));
    socket.on("data", () => socket.write(new Uint8Array(32)));
  });
  await new Promise<void>((resolve) => liar.listen({ ...loopback(0) }, resolve));
  stack.defer(() => new Promise<void>((resolve) => void liar.close(() => resolve())));
  const address = liar.address();
  assert(typeof address === "object" && address);
  assert.equal(await a.dial({ ...b.describe(), addresses: [loopback(address.port)] }), "bad-mac");
});

/** A length as it stands in front of a block. */
function lengthOf(bytes: number): Uint8Array {
  const prefix = new Uint8Array(4);
  new DataView(prefix.buffer).setUint32(0, bytes, true);
  return prefix;
}

Deno.test("RaftLinks: an acceptor that says nothing, or too much, is given up by the dialer", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const answers: Uint8Array[] = [new Uint8Array(), new Uint8Array(HANDSHAKE_BYTES_MAX + 1)];
  const acceptor = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.write(answers.shift() ?? new Uint8Array());
  });
  await new Promise<void>((resolve) => acceptor.listen({ ...loopback(0) }, resolve));
  stack.defer(() => new Promise<void>((resolve) => void acceptor.close(() => resolve())));
  const address = acceptor.address();
  assert(typeof address === "object" && address);
  const there = { ...b.describe(), addresses: [loopback(address.port)] };
  assert.equal(await a.dial(there, { timings: { ...FAST, handshakeTimeoutMs: 50 } }), "handshake-timeout");
  assert.equal(await a.dial(there), "handshake-malformed");
});

Deno.test("RaftLinks: bytes that are no handshake, or none at all, end the connection", async () => {
  await using stack = new AsyncDisposableStack();
  const a = new Member(1);
  const linksA = stack.use(await a.open({ timings: { ...FAST, handshakeTimeoutMs: 100 } }));
  const silent = await connectRaw(stack, a.port);
  await soon("the greeting", () => silent.received() === GREETING_BYTES);
  await silent.closed;
  assert.equal(linksA.stats().drops["handshake-timeout"], 1);
  const hostile: [Uint8Array, LinkDropReason][] = [
    [new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), "handshake-malformed"],
    [Uint8Array.of(2, 0, 0, 0, LINK_VERSION, 0), "handshake-malformed"],
    [Uint8Array.of(2, 0, 0, 0, 9, 0), "wrong-version"],
    [lengthOf(HELLO_BYTES_MAX + 1), "handshake-malformed"],
    [new Uint8Array([...lengthOf(HELLO_BYTES_MAX), ...new Uint8Array(HELLO_BYTES_MAX)]), "wrong-version"],
  ];
  for (const [bytes, reason] of hostile) {
    const before = linksA.stats().drops[reason] ?? 0;
    const socket = await connectRaw(stack, a.port);
    socket.socket.write(bytes);
    await socket.closed;
    assert.equal(linksA.stats().drops[reason], before + 1, reason);
  }
  assert.equal(linksA.stats().inboundHalfOpenCount, 0);
});

Deno.test("RaftLinks: a member that breaks the rules of frames or messages loses its connection", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = [new Member(1), new Member(2), new Member(3)];
  const linksA = stack.use(await a.open());
  linksA.setMembers([b.describe(), c.describe()]);
  const broken: [number, Uint8Array, LinkDropReason][] = [
    [99, new Uint8Array(), "frame-malformed"],
    [FrameType.message, new Uint8Array(), "message-truncated"],
    [FrameType.message, Uint8Array.of(200, ...new Uint8Array(24)), "message-unknown-kind"],
    [FrameType.message, encodeMessage(heartbeat(3, 1, 1)), "wrong-sender"],
    [FrameType.message, encodeMessage(heartbeat(2, 3, 1)), "wrong-addressee"],
    [FrameType.snapshotPart, new Uint8Array(10), "frame-malformed"],
    [FrameType.snapshotOffer, new Uint8Array(10), "frame-malformed"],
    [FrameType.snapshotHave, new Uint8Array(41), "frame-malformed"],
  ];
  const counts: Partial<Record<LinkDropReason, number>> = {};
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

Deno.test("RaftLinks: a snapshot whose parts are not what was offered ends the connection, and nothing arrives", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(2), new Member(1)];
  const linksA = stack.use(await a.open());
  linksA.setMembers([b.describe()]);
  const connection = await b.dial(a.describe());
  assert(typeof connection !== "string");
  const head = encodeMessage(snapshotOf(0));
  connection.write([
    { type: FrameType.snapshotOffer, bytes: encodeOffer({ digest: new Uint8Array(32), dataBytes: 4, head }) },
    { type: FrameType.snapshotPart, bytes: encodePart({ offset: 0, bytes: new Uint8Array(4) }) },
  ]);
  await connection.closed;
  assert.equal(linksA.stats().drops["snapshot-corrupt"], 1);
  assert.deepEqual(a.received, []);
  connection[Symbol.dispose]();
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
  const strangers: RawConnection[] = [];
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
  const suite = stack.use(openCryptoSuite());
  const a = new Member(1);
  const authenticator = stack.use(new NodeAuthenticator(suite, a.key));
  const timings = { ...FAST, handshakeTimeoutMs: 30_000, idleMaxMs: 60_000 };
  const linksA = stack.use(await a.open({ authenticator, timings }));
  const members = Array.from({ length: CONF_STATE_MEMBERS_MAX }, (_, i) => new Member(i + 2));
  const acceptor = a.describe();
  linksA.setMembers(members.map((member) => ({
    raftId: member.raftId,
    publicKey: member.key.publicKey(suite.x25519),
    addresses: [],
  })));
  const dial = async (member: Member) => {
    using own = new NodeAuthenticator(suite, member.key);
    const connection = await member.dial(acceptor, { authenticator: own, timings });
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

  const waiting = members.slice(1);
  const dialAll = async () => {
    for (let member = waiting.pop(); member; member = waiting.pop()) {
      for (let i = 0; i < INBOUND_PER_MEMBER_MAX; i++) await dial(member);
    }
  };
  await Promise.all(Array.from({ length: HALF_OPEN_MAX / 2 }, dialAll));
  assert.equal(linksA.stats().inboundOpenCount, INBOUND_MAX - HALF_OPEN_MAX);
  const strangers: RawConnection[] = [];
  for (let i = 0; i < HALF_OPEN_MAX; i++) strangers.push(await connectRaw(stack, a.port));
  await soon("the strangers", () => strangers.every(({ received }) => received() === GREETING_BYTES));
  const oneMore = await connectRaw(stack, a.port);
  await oneMore.closed;
  assert.equal(oneMore.received(), 0);
  assert.deepEqual(linksA.stats().drops, { replaced: 1, "too-many-connections": 1 });
});
