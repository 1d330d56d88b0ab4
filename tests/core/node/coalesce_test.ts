import assert from "node:assert/strict";
import { coalesce, isNotice, JOINED_APPEND_BYTES_MAX, JOINED_APPEND_ENTRIES_MAX } from "../../../core/node/coalesce.ts";
import type { Append, AppendAck, Heartbeat, Message } from "../../../core/raft/message.ts";
import { APPEND_THREAD } from "../../../core/raft/message.ts";

function append(to: number, prevIndex: number, count: number, commit = 0, bytes = 1, term = 3): Append {
  const entries = Array.from({ length: count }, (_, i) => ({
    term,
    index: prevIndex + 1 + i,
    type: "normal" as const,
    data: new Uint8Array(bytes),
  }));
  return { kind: "append", from: 1, to, term, prevIndex, prevTerm: term, entries, commit };
}

function ack(to: number, index: number, term = 3): AppendAck {
  return { kind: "append-ack", from: 1, to, term, index };
}

Deno.test("coalesce: appends that follow each other become one, of each member's own", () => {
  const joined = coalesce([append(2, 10, 2, 9), append(3, 10, 2, 9), append(2, 12, 1, 10), append(2, 13, 0, 12)]);
  assert.deepEqual(joined, [{ ...append(2, 10, 3), commit: 12 }, append(3, 10, 2, 9)]);
});

Deno.test("coalesce: what does not follow stays as it is", () => {
  for (
    const second of [append(2, 11, 1), append(2, 13, 1), append(2, 10, 2), { ...append(2, 12, 1), prevTerm: 2 }, {
      ...append(2, 12, 1),
      term: 4,
    }]
  ) {
    const messages = [append(2, 10, 2), second];
    assert.deepEqual(coalesce(messages), messages);
  }
});

Deno.test("coalesce: another message in between keeps its place", () => {
  const heartbeat: Heartbeat = { kind: "heartbeat", from: 1, to: 2, term: 3, commit: 1, round: 1 };
  const messages: Message[] = [append(2, 10, 1), heartbeat, append(2, 11, 1), append(2, 12, 1)];
  assert.deepEqual(coalesce(messages), [append(2, 10, 1), heartbeat, append(2, 11, 2)]);
});

Deno.test("coalesce: the highest acknowledgement of a term is left", () => {
  assert.deepEqual(coalesce([ack(2, 5), ack(2, 9), ack(2, 7), ack(3, 1), ack(2, 8, 4)]), [
    ack(2, 9),
    ack(3, 1),
    ack(2, 8, 4),
  ]);
});

Deno.test("coalesce: limits of bytes and entries", () => {
  const half = JOINED_APPEND_BYTES_MAX / 2;
  assert.equal(coalesce([append(2, 0, 1, 0, half), append(2, 1, 1, 0, half)]).length, 1);
  assert.equal(coalesce([append(2, 0, 1, 0, half), append(2, 1, 1, 0, half + 1)]).length, 2);
  assert.equal(
    coalesce([append(2, 0, JOINED_APPEND_ENTRIES_MAX - 1), append(2, JOINED_APPEND_ENTRIES_MAX - 1, 1)]).length,
    1,
  );
  assert.equal(coalesce([append(2, 0, JOINED_APPEND_ENTRIES_MAX), append(2, JOINED_APPEND_ENTRIES_MAX, 1)]).length, 2);
});

Deno.test("coalesce: what a member tells itself is nobody else's", () => {
  const own: Message = {
    kind: "storage-append-response",
    from: APPEND_THREAD,
    to: 1,
    term: 1,
    lastIndex: 1,
    lastTerm: 1,
    snapshot: undefined,
  };
  assert.deepEqual(coalesce([own]), []);
});

Deno.test("isNotice: an append without entries, and nothing else", () => {
  assert.equal(isNotice(append(2, 10, 0, 9)), true);
  assert.equal(isNotice(append(2, 10, 1, 9)), false);
  assert.equal(isNotice(ack(2, 10)), false);
});
