import assert from "node:assert/strict";
import { Replay } from "../../../plugins/leader_proxy/replay.ts";

const A = Uint8Array.of(1, 2);
const B = Uint8Array.of(3);

async function* streamOf(...items: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* items;
}

Deno.test("Replay: from the first request on, as often as wanted", async () => {
  const replay = new Replay(streamOf(A, B));
  for (let i = 0; i < 2; i++) assert.deepEqual(await Array.fromAsync(replay.open()), [A, B]);
  assert(replay.canOpen);
});

Deno.test("Replay: a reader that waits gives way to the next one, which gets what comes", async () => {
  const gate = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield A;
    await gate.promise;
    yield B;
  }
  const replay = new Replay(slow());
  const first = replay.open()[Symbol.asyncIterator]();
  assert.deepEqual(await first.next(), { done: false, value: A });
  const waiting = first.next();
  const second = Array.fromAsync(replay.open());
  gate.resolve();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.deepEqual(await second, [A, B]);
});

Deno.test("Replay: keeps so many bytes, and nothing beyond or once released", async () => {
  const bytesMax = A.length + B.length;
  const kept = new Replay(streamOf(A, B), bytesMax);
  await Array.fromAsync(kept.open());
  assert(kept.canOpen);
  const beyond = new Replay(streamOf(A, B, B), bytesMax);
  assert.deepEqual(await Array.fromAsync(beyond.open()), [A, B, B]);
  assert(!beyond.canOpen);
  const released = new Replay(streamOf(A, B));
  released.release();
  assert.deepEqual(await Array.fromAsync(released.open()), [A, B]);
  assert(!released.canOpen);
});

Deno.test("Replay: knows when the first request is there, and passes on what the source throws", async () => {
  const replay = new Replay(streamOf(A));
  await replay.begun();
  await replay.begun();
  assert.deepEqual(await Array.fromAsync(replay.open()), [A]);
  await new Replay(streamOf()).begun();
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield A;
    throw new RangeError("no more");
  }
  await assert.rejects(Array.fromAsync(new Replay(broken()).open()), RangeError);
});
