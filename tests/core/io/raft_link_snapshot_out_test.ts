import { strict as assert } from "node:assert";
import { FrameType } from "../../../core/io/raft_link_frame.ts";
import {
  SNAPSHOT_OFFERS_MAX,
  SNAPSHOT_PART_BYTES,
  SNAPSHOT_SLOW_MS,
  SNAPSHOT_WINDOW_BYTES_FIRST,
  SNAPSHOT_WINDOW_BYTES_MAX,
} from "../../../core/io/raft_link_limits.ts";
import { decodeOffer, decodePart } from "../../../core/io/raft_link_snapshot.ts";
import { OutgoingSnapshot, snapshotDigest } from "../../../core/io/raft_link_snapshot_out.ts";
import { decodeMessage } from "../../../core/raft/codec.ts";
import { snapshotOf } from "./raft_link_lab.ts";

const digest = new Uint8Array(32).fill(5);

function outgoing(dataBytes: number): OutgoingSnapshot {
  const snapshot = new OutgoingSnapshot(snapshotOf(dataBytes));
  snapshot.digest = digest;
  return snapshot;
}

/** Takes parts until none may be sent. Returns where the last one ends. */
function takeAll(snapshot: OutgoingSnapshot, nowMs: number): number {
  let end = -1;
  for (let frame = snapshot.nextFrame(nowMs); frame; frame = snapshot.nextFrame(nowMs)) {
    const part = decodePart(frame.bytes);
    assert(part && frame.type === FrameType.snapshotPart);
    assert(end < 0 || part.offset === end, "parts follow each other");
    end = part.offset + part.bytes.length;
  }
  return end;
}

Deno.test("snapshotDigest: is SHA-256, also of more than a piece, and computed once", async () => {
  const data = new Uint8Array(3_000_000).fill(9);
  const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  assert.deepEqual(new Uint8Array(await snapshotDigest(data)), expected);
  assert.equal(await snapshotDigest(data), await snapshotDigest(data));
});

Deno.test("OutgoingSnapshot: the offer names digest, size and message; parts follow the answer", () => {
  const snapshot = outgoing(10);
  const offer = decodeOffer(snapshot.nextFrame(0)?.bytes ?? new Uint8Array());
  assert(offer);
  assert.deepEqual([offer.digest, offer.dataBytes], [digest, 10]);
  assert.deepEqual(decodeMessage(offer.head), snapshotOf(0));
  assert.equal(snapshot.nextFrame(0), undefined);
  assert(!snapshot.receiverHas({ digest: new Uint8Array(32), bytes: 0 }, 0), "another snapshot's answer");
  assert(!snapshot.receiverHas({ digest, bytes: 11 }, 0), "more than there is");
  assert(snapshot.receiverHas({ digest, bytes: 4 }, 0));
  const part = decodePart(snapshot.nextFrame(0)?.bytes ?? new Uint8Array());
  assert.deepEqual(part, { offset: 4, bytes: snapshotOf(10).snapshot.data.subarray(4) });
  assert(!snapshot.receiverHas({ digest, bytes: 3 }, 0), "what is there stays there");
  assert(!snapshot.isDone);
  assert(snapshot.receiverHas({ digest, bytes: 10 }, 0));
  assert(snapshot.isDone && snapshot.leftBytes === 0);
});

Deno.test("SNAPSHOT_WINDOW_BYTES_MAX: the window grows with quick answers, and shrinks with slow ones", () => {
  const snapshot = outgoing(10 * SNAPSHOT_WINDOW_BYTES_MAX);
  snapshot.nextFrame(0);
  snapshot.receiverHas({ digest, bytes: 0 }, 0);
  let has = 0;
  const windows: number[] = [];
  const round = (nowMs: number, tookMs: number) => {
    const end = takeAll(snapshot, nowMs);
    windows.push(end - has);
    has = end;
    snapshot.receiverHas({ digest, bytes: has }, nowMs + tookMs);
  };
  for (let i = 0; i < 6; i++) round(i * 1_000, 1);
  const first = SNAPSHOT_WINDOW_BYTES_FIRST;
  assert.deepEqual(windows, [1, 2, 4, 8, 16, 16].map((times) => times * first));
  assert.equal(windows.at(-1), SNAPSHOT_WINDOW_BYTES_MAX);
  windows.length = 0;
  for (let i = 6; i < 15; i++) round(i * 1_000, SNAPSHOT_SLOW_MS + 1);
  assert.equal(windows.at(-1), SNAPSHOT_PART_BYTES);
});

Deno.test("SNAPSHOT_OFFERS_MAX: without answers it is offered again, so often; an answer that moves starts anew", () => {
  const snapshot = outgoing(10 * SNAPSHOT_PART_BYTES);
  let nowMs = 0;
  const offerAgain = () => {
    assert.equal(snapshot.nextFrame(nowMs)?.type, FrameType.snapshotOffer);
    assert(snapshot.nudge(nowMs + 99, 100), "not yet");
    return snapshot.nudge(nowMs += 100, 100);
  };
  for (let i = 1; i < SNAPSHOT_OFFERS_MAX; i++) assert(offerAgain());
  assert(!offerAgain());
  snapshot.nextFrame(nowMs);
  snapshot.receiverHas({ digest, bytes: 0 }, nowMs);
  snapshot.receiverHas({ digest, bytes: SNAPSHOT_PART_BYTES }, nowMs);
  assert(snapshot.nudge(nowMs += 100, 100));
  assert.equal(snapshot.nextFrame(nowMs)?.type, FrameType.snapshotOffer);
});
