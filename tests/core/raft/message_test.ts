import assert from "node:assert/strict";
import { APPEND_THREAD, APPLY_THREAD, isPeerMessage, MEMBER_ID_MAX, type Message } from "../../../core/raft/message.ts";

Deno.test("isPeerMessage: all but storage messages go over the network", () => {
  const envelope = { from: 1, to: 2, term: 1 };
  const timeout: Message = { kind: "timeout-now", ...envelope };
  const apply: Message = { kind: "storage-apply", ...envelope, term: 0, entries: [], responses: [] };
  const applied: Message = { kind: "storage-apply-response", ...envelope, term: 0, entries: [] };
  const append: Message = {
    kind: "storage-append",
    ...envelope,
    hardState: undefined,
    entries: [],
    snapshot: undefined,
    responses: [],
  };
  const appended: Message = {
    kind: "storage-append-response",
    ...envelope,
    lastIndex: 0,
    lastTerm: 0,
    snapshot: undefined,
  };
  assert.deepEqual([timeout, apply, applied, append, appended].map(isPeerMessage), [true, false, false, false, false]);
});

Deno.test("APPEND_THREAD, APPLY_THREAD: no member has these ids", () => {
  assert(APPLY_THREAD > MEMBER_ID_MAX && APPEND_THREAD > MEMBER_ID_MAX && APPEND_THREAD !== APPLY_THREAD);
});
