/**
 * Frames: sealed and opened in whatever pieces they come, and what is done to forged ones.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { type Frame, frameBytes, FrameOpener, FrameSealer, ReceiveBuffer } from "../../../core/io/raft_link_frame.ts";
import { FRAME_BYTES_MAX, type LinkDropReason } from "../../../core/io/raft_link_limits.ts";
import { FrameMemory } from "../../../core/io/raft_link_memory.ts";

const KEY = new Uint8Array(32).fill(3);

function pair(): { sealer: FrameSealer; opener: FrameOpener } {
  const memory = new FrameMemory();
  return {
    sealer: new FrameSealer(nobleSuite.aeadKey(KEY), memory),
    opener: new FrameOpener(nobleSuite.aeadKey(KEY), memory),
  };
}

/** All frames in `wire` until there is no more, or the first problem. */
function openAll(opener: FrameOpener, buffer: ReceiveBuffer): { frames: Frame[]; problem: LinkDropReason | undefined } {
  const frames: Frame[] = [];
  for (;;) {
    const frame = opener.next(buffer);
    if (frame === undefined || typeof frame === "string") return { frames, problem: frame };
    frames.push(frame);
  }
}

const frame = fc.record({ type: fc.nat(255), bytes: fc.uint8Array({ maxLength: 60 }) });

Deno.test("FrameOpener: opens what FrameSealer sealed, however it is cut", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
      const { sealer, opener } = pair();
      const wire = sealer.seal(frames);
      assert.equal(wire.length, frames.reduce((sum, frame) => sum + frameBytes(frame), 0));
      const buffer = new ReceiveBuffer();
      const opened: Frame[] = [];
      let offset = 0;
      for (let i = 0; offset < wire.length; i++) {
        const end = offset + (cuts[i] ?? wire.length);
        buffer.push(wire.subarray(offset, end));
        offset = end;
        const { frames, problem } = openAll(opener, buffer);
        assert.equal(problem, undefined);
        opened.push(...frames);
      }
      assert.deepEqual(opened, structuredClone(frames));
      assert.equal(buffer.length, 0);
    }),
  );
});

Deno.test("FrameOpener: a changed, repeated, missing or moved frame does not open", () => {
  const frames = [1, 2, 3].map((type) => ({ type, bytes: Uint8Array.of(type) }));
  const wires = () => {
    const { sealer, opener } = pair();
    return { opener, sealed: frames.map((frame) => sealer.seal([frame])) };
  };
  const attempt = (change: (sealed: Uint8Array[]) => (Uint8Array | undefined)[]) => {
    const { opener, sealed } = wires();
    const buffer = new ReceiveBuffer();
    for (const wire of change(sealed)) if (wire) buffer.push(wire);
    const { frames, problem } = openAll(opener, buffer);
    return [frames.length, problem];
  };
  assert.deepEqual(attempt((sealed) => sealed), [3, undefined]);
  assert.deepEqual(attempt(([a, b, c]) => [a, a, b, c]), [1, "frame-forged"]);
  assert.deepEqual(attempt(([a, , c]) => [a, c]), [1, "frame-forged"]);
  assert.deepEqual(attempt(([a, b, c]) => [b, a, c]), [0, "frame-forged"]);
  assert.deepEqual(
    attempt(([a, b, c]) => {
      if (b) b[5] = (b[5] ?? 0) ^ 1;
      return [a, b, c];
    }),
    [1, "frame-forged"],
  );
});

Deno.test("FRAME_BYTES_MAX: a longer frame is refused by its length, before its bytes come", () => {
  const { opener } = pair();
  const prefix = new Uint8Array(4);
  const buffer = new ReceiveBuffer();
  new DataView(prefix.buffer).setUint32(0, FRAME_BYTES_MAX, true);
  buffer.push(prefix.slice());
  assert.equal(opener.next(buffer), undefined);
  const longer = new ReceiveBuffer();
  new DataView(prefix.buffer).setUint32(0, FRAME_BYTES_MAX + 1, true);
  longer.push(prefix);
  assert.equal(opener.next(longer), "frame-too-large");
});

Deno.test("FrameOpener: a frame without room for a type is malformed", () => {
  for (const length of [0, 16]) {
    const { opener } = pair();
    const buffer = new ReceiveBuffer();
    buffer.push(Uint8Array.of(length, 0, 0, 0, ...new Uint8Array(length)));
    assert.equal(opener.next(buffer), "frame-malformed");
  }
});

Deno.test("ReceiveBuffer.take: gives bytes in order as fresh ones, or nothing", () => {
  const buffer = new ReceiveBuffer();
  const first = Uint8Array.of(1, 2, 3);
  buffer.push(first);
  buffer.push(Uint8Array.of(4));
  buffer.push(Uint8Array.of(5, 6));
  assert.equal(buffer.take(7), undefined);
  const taken = buffer.take(5);
  first.fill(0xaa);
  assert.deepEqual(taken, Uint8Array.of(1, 2, 3, 4, 5));
  assert.deepEqual(buffer.take(1), Uint8Array.of(6));
  assert.deepEqual(buffer.take(0), new Uint8Array());
  assert.equal(buffer.length, 0);
});

Deno.test("ReceiveBuffer.takeBlock: a length in any number of pieces, empty ones among them", () => {
  const wire = Uint8Array.of(3, 0, 0, 0, 7, 8, 9, 0, 0, 0, 0, 1, 0, 0, 0, 5);
  for (let size = 1; size <= wire.length; size++) {
    const buffer = new ReceiveBuffer();
    const blocks: Uint8Array[] = [];
    for (let at = 0; at < wire.length; at += size) {
      buffer.push(new Uint8Array());
      buffer.push(wire.slice(at, at + size));
      buffer.push(new Uint8Array());
      for (let block = buffer.takeBlock(3); block; block = buffer.takeBlock(3)) blocks.push(block);
    }
    assert.deepEqual(blocks, [Uint8Array.of(7, 8, 9), new Uint8Array(), Uint8Array.of(5)]);
    assert.equal(buffer.length, 0);
  }
  const longer = new ReceiveBuffer();
  longer.push(Uint8Array.of(0, 0, 0, 0x80));
  assert.equal(longer.takeBlock(0x7fff_ffff), false);
});
