import { strict as assert } from "node:assert";
import { allocateLoopMemory } from "../../../core/dataplane/packet_loop.ts";
import { writeRehearsalPacket } from "../../../core/dataplane/rehearsal_packet.ts";
import { RehearsalPlayer } from "../../../core/dataplane/rehearsal_player.ts";
import { VIRTIO } from "../../../core/dataplane/virtio_header.ts";
import { bootClock } from "../../../core/io/clock.ts";
import { openCryptoSuite } from "../../../core/io/crypto_suite.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";

const START = 64;
const TURNS_MAX = 100;

/** Two players that know each other, and what they share. */
class Pair implements Disposable {
  readonly libc = Libc.open();
  readonly memory = allocateLoopMemory();
  readonly left: RehearsalPlayer;
  readonly right: RehearsalPlayer;
  readonly #stack = new DisposableStack();

  constructor() {
    const libc = this.#stack.use(this.libc);
    const stage = { libc, suite: this.#stack.use(openCryptoSuite()), memory: this.memory };
    const clock = bootClock(libc);
    this.left = this.#stack.use(new RehearsalPlayer(stage, clock));
    this.right = this.#stack.use(new RehearsalPlayer(stage, clock));
    this.left.hear(this.right.introduction());
    this.right.hear(this.left.introduction());
  }

  putEcho(into: RehearsalPlayer): void {
    const length = writeRehearsalPacket(this.memory, START, { family: 4, protocol: "echo", payloadBytes: 8 });
    into.reflect(this.memory.bytes, START - VIRTIO.bytes, length + VIRTIO.bytes);
  }

  turnUntil(condition: () => boolean): void {
    for (let i = 0; i < TURNS_MAX && !condition(); i++) [this.left, this.right].forEach((player) => player.turn());
    assert.ok(condition(), "it comes to pass");
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

Deno.test("RehearsalPlayer: a packet goes to and fro by itself, also to another address", () => {
  using pair = new Pair();
  const { left, right } = pair;
  for (const family of left.families) {
    left.hear(right.whereabouts(family));
    right.hear(left.whereabouts(family));
    pair.putEcho(left);
    for (let i = 0; i < 3; i++) {
      pair.turnUntil(() => right.hasPacket);
      pair.turnUntil(() => left.hasPacket);
    }
    left.clearMirror();
    right.clearMirror();
    assert.ok(!left.hasPacket && !right.hasPacket);
    pair.turnUntil(() => !left.isBusy && !right.isBusy);
  }
});

Deno.test("RehearsalPlayer.answerEchoes: what came out of the tunnel goes back as an answer", () => {
  using pair = new Pair();
  const { left, right } = pair;
  pair.putEcho(left);
  pair.turnUntil(() => right.hasPacket);
  right.answerEchoes();
  assert.ok(right.hasPacket, "it is still one packet on its way");
  pair.turnUntil(() => left.hasPacket);
});

Deno.test("RehearsalPlayer.turn: does not wait when there is nothing to do", () => {
  using pair = new Pair();
  const startMs = performance.now();
  for (let i = 0; i < 10; i++) pair.left.turn();
  assert.ok(performance.now() - startMs < 5_000, "the next keepalive is 25 s away");
});

Deno.test("RehearsalPlayer.sendTo: what is not meant for a tunnel does no harm", () => {
  using pair = new Pair();
  for (const family of pair.left.families) {
    pair.right.sendTo(pair.left, family, new Uint8Array(148).fill(1), 0, 148);
    pair.turnUntil(() => !pair.left.isBusy);
  }
});
