/**
 * What happens to a running listener when bytes on their way from a member are changed, cut, repeated or made up: nothing
 * wrong arrives, the reason is counted, and the next honest connection works.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import net from "node:net";
import type { RaftLinks } from "../../../core/io/raft_link.ts";
import type { OutgoingConnection } from "../../../core/io/raft_link_dial.ts";
import { FrameType } from "../../../core/io/raft_link_frame.ts";
import { FRAME_BYTES_MAX } from "../../../core/io/raft_link_limits.ts";
import { encodeMessage } from "../../../core/raft/codec.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { FAST, heartbeat, loopback, Member, rounds, soon } from "./raft_link_lab.ts";

const MESSAGES_COUNT = 20;
const ROUNDS_MIN = 20;
const ROUNDS_COUNT = 400;
const ROUNDS_MS_MAX = 5_000;
/** What a dialer sends before its first frame, about. */
const HELLO_BYTES = 120;

/** Changes what the dialer sends; the last one ends the connection after it. */
type Meddle = (bytes: Uint8Array, position: number) => { readonly bytes: Uint8Array; readonly ends: boolean };

const MEDDLING: Readonly<Record<string, (random: SeededRandom) => Meddle>> = {
  "flips a bit": (random) => (bytes, position) => {
    const changed = bytes.slice();
    changed[position] = (changed[position] ?? 0) ^ (1 << random.below(8));
    return { bytes: changed, ends: false };
  },
  "cuts": () => (bytes, position) => ({ bytes: bytes.subarray(0, position), ends: true }),
  "repeats": () => (bytes, position) => ({
    bytes: new Uint8Array([
      ...bytes.subarray(0, position),
      ...bytes.subarray(0, position),
      ...bytes.subarray(position),
    ]),
    ends: false,
  }),
  "leaves out": (random) => (bytes, position) => ({
    bytes: new Uint8Array([...bytes.subarray(0, position), ...bytes.subarray(position + 1 + random.below(40))]),
    ends: false,
  }),
  "adds garbage": (random) => (bytes, position) => {
    const garbage = new Uint8Array(1 + random.below(100));
    random.fill(garbage);
    return {
      bytes: new Uint8Array([...bytes.subarray(0, position), ...garbage, ...bytes.subarray(position)]),
      ends: false,
    };
  },
};

/** A relay to `target` that changes the byte at `position` of what the dialer sends, and around it. */
async function openMeddler(stack: AsyncDisposableStack, target: number) {
  const state: { position: number; meddle: Meddle } = { position: 0, meddle: (bytes) => ({ bytes, ends: false }) };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(loopback(target));
    let before = 0;
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    far.on("data", (bytes: Uint8Array) => void near.write(bytes));
    near.on("data", (bytes: Uint8Array) => {
      const at = state.position - before;
      before += bytes.length;
      if (at < 0 || at >= bytes.length) return void far.write(bytes);
      const changed = state.meddle(bytes, at);
      far.write(changed.bytes);
      if (changed.ends) far.end();
    });
  });
  await new Promise<void>((resolve) => server.listen({ ...loopback(0) }, resolve));
  stack.defer(async () => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const address = server.address();
  assert(typeof address === "object" && address);
  return Object.assign(state, { port: address.port });
}

function total(links: RaftLinks): number {
  return Object.values(links.stats().drops).reduce((sum, count) => sum + count, 0);
}

async function close(connection: OutgoingConnection): Promise<void> {
  connection[Symbol.dispose]();
  await connection.closed;
}

for (const [what, prepare] of Object.entries(MEDDLING)) {
  Deno.test(`RaftLinks: somebody on the way who ${what}: nothing wrong arrives, it is counted, the listener lives`, async () => {
    await using stack = new AsyncDisposableStack();
    const seed = 7;
    const random = new SeededRandom(seed);
    const [a, b] = [new Member(1), new Member(2)];
    // Short, because a hello or frame that lost its end is waited for in vain.
    const timings = { ...FAST, handshakeTimeoutMs: 1_000, idleMaxMs: 50 };
    const linksA = stack.use(await a.open({ timings }));
    linksA.setMembers([b.describe()]);
    const meddler = await openMeddler(stack, a.port);
    const frames = Array.from({ length: MESSAGES_COUNT }, (_, round) => ({
      type: FrameType.message,
      bytes: encodeMessage(heartbeat(2, 1, round)),
    }));
    const sentBytes = HELLO_BYTES + MESSAGES_COUNT * ((frames[0]?.bytes.length ?? 0) + 21);
    const endMs = performance.now() + ROUNDS_MS_MAX / Object.keys(MEDDLING).length;
    let playedCount = 0;
    while (playedCount < ROUNDS_MIN || (playedCount < ROUNDS_COUNT && performance.now() < endMs)) {
      playedCount++;
      a.received.length = 0;
      meddler.position = random.below(sentBytes);
      meddler.meddle = prepare(random);
      const why = `round ${playedCount}, seed ${seed}, byte ${meddler.position}`;
      const droppedBefore = total(linksA);
      const connection = await b.dial({ ...a.describe(), addresses: [loopback(meddler.port)] }, { timings });
      if (typeof connection !== "string") {
        connection.write(frames);
        await soon(`the end of ${why}`, () => connection.isClosed || rounds(a).length === MESSAGES_COUNT);
        await close(connection);
      }
      // Whatever arrives is what was sent, from the start, without a gap.
      assert.deepEqual(rounds(a), [...Array(rounds(a).length).keys()], why);
      assert.equal(a.received.length, rounds(a).length, why);
      await soon(
        `nobody left of ${why}`,
        () => linksA.stats().inboundOpenCount + linksA.stats().inboundHalfOpenCount === 0,
      );
      const isUntouched = rounds(a).length === MESSAGES_COUNT;
      const isCutBetween = what === "cuts";
      assert(isUntouched || isCutBetween || total(linksA) > droppedBefore, `${why}: not counted`);
    }
    a.received.length = 0;
    timings.idleMaxMs = FAST.idleMaxMs;
    const honest = await b.dial(a.describe());
    assert(typeof honest !== "string");
    honest.write(frames);
    await soon("all messages", () => rounds(a).length === MESSAGES_COUNT);
    await close(honest);
  });
}

Deno.test("FRAME_BYTES_MAX: a running listener refuses a longer frame by its length, and counts one that is cut", async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [new Member(1), new Member(2)];
  const linksA = stack.use(await a.open());
  linksA.setMembers([b.describe()]);
  const meddler = await openMeddler(stack, a.port);
  const target = { ...a.describe(), addresses: [loopback(meddler.port)] };
  const cases: [number, boolean, "frame-too-large" | "frame-truncated"][] = [
    [FRAME_BYTES_MAX + 1, false, "frame-too-large"],
    [FRAME_BYTES_MAX, true, "frame-truncated"],
  ];
  for (const [length, ends, reason] of cases) {
    meddler.position = Infinity;
    const connection = await b.dial(target);
    assert(typeof connection !== "string");
    meddler.position = NaN;
    const frame = { type: FrameType.ping, bytes: new Uint8Array(100) };
    const prefix = new Uint8Array(4);
    new DataView(prefix.buffer).setUint32(0, length, true);
    meddler.meddle = (bytes) => ({ bytes: new Uint8Array([...prefix, ...bytes.subarray(4)]), ends });
    connection.write([frame]);
    await connection.closed;
    connection[Symbol.dispose]();
    await soon(reason, () => linksA.stats().drops[reason] === 1);
  }
});
