import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { SNAPSHOT_DONE_MS, SNAPSHOT_KEEP_MS } from "../../../core/io/raft_link_limits.ts";
import { encodeOffer, encodePart } from "../../../core/io/raft_link_snapshot.ts";
import { type IncomingSnapshot, SnapshotInbox } from "../../../core/io/raft_link_snapshot_in.ts";
import { encodeMessage, SNAPSHOT_MESSAGE_BYTES_MAX } from "../../../core/raft/codec.ts";
import type { InstallSnapshot } from "../../../core/raft/message.ts";
import { snapshotOf } from "./raft_link_lab.ts";

const MESSAGE = snapshotOf(10);

function digestOf(message: InstallSnapshot): Uint8Array {
  return new Uint8Array(createHash("sha256").update(message.snapshot.data).digest());
}

function offerOf(message: InstallSnapshot, dataBytes = message.snapshot.data.length): Uint8Array {
  const head = encodeMessage({ ...message, snapshot: { ...message.snapshot, data: new Uint8Array() } });
  return encodeOffer({ digest: digestOf(message), dataBytes, head });
}

function partOf(message: InstallSnapshot, offset: number, end?: number): Uint8Array {
  return encodePart({ offset, bytes: message.snapshot.data.subarray(offset, end) });
}

/** Offers, and expects to be told of `haveBytes`. */
function begin(inbox: SnapshotInbox, message: InstallSnapshot, haveBytes: number, nowMs = 0): IncomingSnapshot {
  const taken = inbox.offer(message.from, offerOf(message), nowMs);
  assert(typeof taken !== "string", String(taken));
  assert.deepEqual(taken.progress.have, { digest: digestOf(message), bytes: haveBytes });
  assert.equal(taken.progress.message, undefined);
  return taken.incoming;
}

function have(inbox: SnapshotInbox, incoming: IncomingSnapshot, part: Uint8Array, nowMs = 0): number | undefined {
  const progress = inbox.part(incoming, part, nowMs);
  assert(typeof progress !== "string", String(progress));
  return progress.have?.bytes;
}

Deno.test("SnapshotInbox: parts make the message; those that are here or too early change nothing", () => {
  const inbox = new SnapshotInbox();
  const incoming = begin(inbox, MESSAGE, 0);
  assert.equal(have(inbox, incoming, partOf(MESSAGE, 0, 4)), 4);
  assert.equal(have(inbox, incoming, partOf(MESSAGE, 0, 4)), 4);
  assert.equal(have(inbox, incoming, partOf(MESSAGE, 5)), 4);
  const last = inbox.part(incoming, partOf(MESSAGE, 4), 0);
  assert.deepEqual(last, { have: { digest: digestOf(MESSAGE), bytes: 10 }, message: MESSAGE });
  assert.equal(inbox.bytes, 0);
  assert.equal(have(inbox, incoming, partOf(MESSAGE, 0, 4)), undefined);
});

Deno.test("SnapshotInbox: the same data go on behind what is here, also for another leader", () => {
  const inbox = new SnapshotInbox();
  const before = begin(inbox, MESSAGE, 0);
  have(inbox, before, partOf(MESSAGE, 0, 7));
  const later: InstallSnapshot = { ...MESSAGE, from: 3, term: MESSAGE.term + 1 };
  const incoming = begin(inbox, later, 7);
  const last = inbox.part(incoming, partOf(later, 7), 0);
  assert.deepEqual(last, { have: { digest: digestOf(later), bytes: 10 }, message: later });
});

Deno.test("SnapshotInbox: other data start anew, an older term is not listened to", () => {
  const inbox = new SnapshotInbox();
  const before = begin(inbox, MESSAGE, 0);
  have(inbox, before, partOf(MESSAGE, 0, 7));
  const meta = { ...MESSAGE.snapshot.meta, index: 10 };
  const newer: InstallSnapshot = { ...MESSAGE, snapshot: { ...MESSAGE.snapshot, meta } };
  const incoming = begin(inbox, newer, 0);
  assert.equal(have(inbox, before, partOf(MESSAGE, 7)), undefined, "given up");
  assert.equal(have(inbox, incoming, partOf(newer, 0, 1)), 1);
  const old = inbox.offer(1, offerOf({ ...snapshotOf(20), term: 3 }), 0);
  assert(typeof old !== "string");
  assert.deepEqual(old.progress, { have: undefined, message: undefined });
  assert.equal(have(inbox, old.incoming, partOf(MESSAGE, 0)), undefined);
  assert.equal(have(inbox, incoming, partOf(newer, 1, 2)), 2);
});

Deno.test("SnapshotInbox: what is not what was offered is refused", () => {
  const inbox = new SnapshotInbox();
  assert.equal(inbox.offer(1, new Uint8Array(39), 0), "frame-malformed");
  assert.equal(inbox.offer(2, offerOf(MESSAGE), 0), "wrong-sender");
  const cut = offerOf(MESSAGE);
  assert.equal(inbox.offer(1, cut.subarray(0, cut.length - 1), 0), "message-truncated");
  const vote = encodeMessage({ kind: "timeout-now", from: 1, to: 2, term: 1 });
  const digest = digestOf(MESSAGE);
  assert.equal(inbox.offer(1, encodeOffer({ digest, dataBytes: 1, head: vote }), 0), "frame-malformed");
  assert.equal(
    inbox.offer(1, encodeOffer({ digest, dataBytes: 1, head: encodeMessage(MESSAGE) }), 0),
    "frame-malformed",
  );
  const incoming = begin(inbox, MESSAGE, 0);
  assert.equal(inbox.part(incoming, new Uint8Array(7), 0), "frame-malformed");
  assert.equal(inbox.part(incoming, encodePart({ offset: 4, bytes: new Uint8Array(7) }), 0), "message-too-large");
  assert.equal(inbox.part(incoming, encodePart({ offset: 0, bytes: new Uint8Array(10) }), 0), "snapshot-corrupt");
  assert.equal(inbox.bytes, 0);
  begin(inbox, MESSAGE, 0);
});

Deno.test("SNAPSHOT_MESSAGE_BYTES_MAX: data of that size with their message are taken, one byte more is refused", () => {
  const inbox = new SnapshotInbox();
  const headBytes = encodeMessage(snapshotOf(0)).length;
  const largest = SNAPSHOT_MESSAGE_BYTES_MAX - headBytes;
  assert.equal(inbox.offer(1, offerOf(MESSAGE, largest + 1), 0), "message-too-large");
  assert.equal(typeof inbox.offer(1, offerOf(MESSAGE, largest), 0), "object");
  assert.equal(inbox.bytes, largest);
});

Deno.test("SNAPSHOT_KEEP_MS: what is not continued goes", () => {
  const inbox = new SnapshotInbox();
  assert.equal(inbox.deadlineMs, Infinity);
  have(inbox, begin(inbox, MESSAGE, 0, 5), partOf(MESSAGE, 0, 1), 7);
  assert.equal(inbox.deadlineMs, 7 + SNAPSHOT_KEEP_MS);
  inbox.expire(7 + SNAPSHOT_KEEP_MS - 1);
  assert.equal(inbox.bytes, 10);
  inbox.expire(7 + SNAPSHOT_KEEP_MS);
  assert.deepEqual([inbox.bytes, inbox.deadlineMs], [0, Infinity]);
});

Deno.test("SNAPSHOT_DONE_MS: what has arrived is not taken again from the same leader for a while", () => {
  const inbox = new SnapshotInbox();
  inbox.part(begin(inbox, MESSAGE, 0), partOf(MESSAGE, 0), 0);
  begin(inbox, MESSAGE, 10, SNAPSHOT_DONE_MS - 1);
  begin(inbox, { ...MESSAGE, term: MESSAGE.term + 1 }, 0, SNAPSHOT_DONE_MS - 1);
  const again = new SnapshotInbox();
  again.part(begin(again, MESSAGE, 0), partOf(MESSAGE, 0), 0);
  begin(again, MESSAGE, 0, SNAPSHOT_DONE_MS);
});

Deno.test("SnapshotInbox: never throws, whatever comes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(offerOf(MESSAGE), partOf(MESSAGE, 0, 4), partOf(MESSAGE, 4)),
  );
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), bytes, fc.nat(200), fc.nat(255))), (frames) => {
    const inbox = new SnapshotInbox();
    let incoming: IncomingSnapshot | undefined;
    for (const [isOffer, frame, position, byte] of frames) {
      const changed = frame.slice();
      // A large buffer for every changed size would only be slow.
      if (position < changed.length && (position < 32 || position >= 40)) changed[position] = byte;
      if (isOffer) {
        const taken = inbox.offer(1, changed, 0);
        if (typeof taken !== "string") incoming = taken.incoming;
      } else if (incoming) inbox.part(incoming, changed, 0);
    }
  }));
});
