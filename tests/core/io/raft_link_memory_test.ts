import { strict as assert } from "node:assert";
import { FRAME_BUFFER_BYTES, FrameMemory, SHARED_PIECE_BYTES_MAX } from "../../../core/io/raft_link_memory.ts";

Deno.test("FrameMemory: no byte is given twice, and all are zero", () => {
  const memory = new FrameMemory();
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < 3000; i++) {
    const length = i * 7 % 300;
    const { buffer, offset } = memory.claim(length);
    const piece = buffer.subarray(offset, offset + length);
    assert(piece.length === length && piece.every((byte) => byte === 0));
    piece.fill(i % 255 + 1);
    pieces.push(piece);
  }
  for (const [i, piece] of pieces.entries()) assert(piece.every((byte) => byte === i % 255 + 1));
});

Deno.test("FrameMemory: small pieces share a buffer as long as they fit, larger ones have their own", () => {
  const memory = new FrameMemory();
  const { buffer } = memory.claim(1);
  assert.equal(buffer.length, FRAME_BUFFER_BYTES);
  assert.equal(memory.claim(SHARED_PIECE_BYTES_MAX).buffer, buffer);
  const own = memory.claim(SHARED_PIECE_BYTES_MAX + 1);
  assert.deepEqual([own.buffer.length, own.offset], [SHARED_PIECE_BYTES_MAX + 1, 0]);
  const next = Array.from({ length: 4 }, () => memory.claim(SHARED_PIECE_BYTES_MAX));
  assert.deepEqual(next.map((piece) => piece.buffer === buffer), [true, true, false, false]);
});
