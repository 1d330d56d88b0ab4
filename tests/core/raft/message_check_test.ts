import assert from "node:assert/strict";
import fc from "fast-check";
import { APPEND_THREAD, APPLY_THREAD, MEMBER_ID_MAX, type Message } from "../../../core/raft/message.ts";
import { checkMessage, isResponse, TERM_MAX } from "../../../core/raft/message_check.ts";
import type { Entry } from "../../../core/seams/log_store.ts";
import { confState, entriesOf, TestMember } from "./test_member.ts";

const ENVELOPE = { from: 2, to: 1, term: 5 };
const NO_BYTES = new Uint8Array(0);

function append(
  fields: { prevIndex?: number; prevTerm?: number; entries?: readonly Entry[]; commit?: number },
): Message {
  return { kind: "append", ...ENVELOPE, prevIndex: 3, prevTerm: 4, entries: [], commit: 0, ...fields };
}

Deno.test("checkMessage: entries follow their predecessor without gaps, in terms that do not fall or lie ahead", () => {
  assert.equal(checkMessage(append({ entries: entriesOf(4, [4, 5, 5]) }), 1), undefined);
  for (
    const bad of [
      append({ entries: entriesOf(5, [4]) }),
      append({ entries: entriesOf(3, [4]) }),
      append({ entries: [...entriesOf(4, [4]), ...entriesOf(6, [4])] }),
      append({ entries: entriesOf(4, [3]) }),
      append({ entries: entriesOf(4, [5, 4]) }),
      append({ entries: entriesOf(4, [6]) }),
      append({ prevTerm: 6 }),
      append({ prevIndex: -1 }),
      append({ commit: 0.5 }),
      append({ commit: NaN }),
    ]
  ) {
    assert.equal(checkMessage(bad, 1), "malformed");
  }
});

Deno.test("checkMessage: terms are within the limit, and there where they belong", () => {
  const heartbeat = { kind: "heartbeat", ...ENVELOPE, commit: 0, round: 0 } as const;
  assert.equal(checkMessage({ ...heartbeat, term: TERM_MAX }, 1), undefined);
  for (const term of [TERM_MAX + 1, 0, -1, 1.5, Infinity]) {
    assert.equal(checkMessage({ ...heartbeat, term }, 1), "malformed", `term ${term}`);
  }
});

Deno.test("checkMessage: who sends what", () => {
  const heartbeat = { kind: "heartbeat", ...ENVELOPE, commit: 0, round: 0 } as const;
  for (const from of [0, 1, MEMBER_ID_MAX + 1, APPEND_THREAD, -1]) {
    assert.equal(checkMessage({ ...heartbeat, from }, 1), "wrong-sender", `from ${from}`);
  }
  assert.equal(checkMessage({ ...heartbeat, to: 3 }, 1), "misaddressed");
  const ack = { kind: "append-ack", ...ENVELOPE, from: 1, index: 1 } as const;
  assert.equal(checkMessage(ack, 1), undefined, "a member's own");
  const applied = { kind: "storage-apply-response", to: 1, term: 0, entries: [] } as const;
  assert.equal(checkMessage({ ...applied, from: APPLY_THREAD }, 1), undefined);
  assert.equal(checkMessage({ ...applied, from: APPEND_THREAD }, 1), "wrong-sender");
  assert.equal(checkMessage({ ...applied, from: 2 }, 1), "wrong-sender");
});

Deno.test("checkMessage: a proposal holds something", () => {
  assert.equal(checkMessage({ kind: "propose", from: 2, to: 1, term: 0, entries: [] }, 1), "malformed");
});

Deno.test("isResponse: answers, not questions", () => {
  assert(
    isResponse("append-ack") && isResponse("pre-vote-response") && !isResponse("append") && !isResponse("propose"),
  );
});

const index = fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(-1, 0.5, NaN, Infinity, 2 ** 53, 2 ** 52));
const entry: fc.Arbitrary<Entry> = fc.record({
  term: index,
  index,
  type: fc.constantFrom("normal", "conf-change", "conf-change-v2"),
  data: fc.uint8Array({ maxLength: 12 }),
});
const snapshot = fc.record({
  meta: fc.record({
    index,
    term: index,
    confState: fc.record({ voters: fc.array(index), learners: fc.array(index) }).map((lists) => confState(lists)),
  }),
  data: fc.constant(NO_BYTES),
});
const envelope = { from: index, to: fc.constant(1), term: index };
const commit = fc.record({ term: index, index });
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant("propose" as const),
    ...envelope,
    term: fc.constant(0 as const),
    entries: fc.array(entry),
  }),
  fc.record({
    kind: fc.constant("append" as const),
    ...envelope,
    prevIndex: index,
    prevTerm: index,
    entries: fc.array(entry, { maxLength: 3 }),
    commit: index,
  }),
  fc.record({ kind: fc.constant("append-ack" as const), ...envelope, index }),
  fc.record({ kind: fc.constant("append-reject" as const), ...envelope, index, hintIndex: index, hintTerm: index }),
  fc.record({
    kind: fc.constantFrom("vote" as const, "pre-vote" as const),
    ...envelope,
    lastIndex: index,
    lastTerm: index,
    transfer: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom("vote-response" as const, "pre-vote-response" as const),
    ...envelope,
    granted: fc.boolean(),
    commit,
  }),
  fc.record({ kind: fc.constant("snapshot" as const), ...envelope, snapshot }),
  fc.record({ kind: fc.constant("heartbeat" as const), ...envelope, commit: index, round: index }),
  fc.record({ kind: fc.constant("heartbeat-response" as const), ...envelope, round: index }),
  fc.record({
    kind: fc.constant("read-index" as const),
    ...envelope,
    term: fc.constant(0 as const),
    context: fc.constant(NO_BYTES),
  }),
  fc.record({ kind: fc.constant("read-index-response" as const), ...envelope, index, context: fc.constant(NO_BYTES) }),
  fc.record({ kind: fc.constant("transfer-leader" as const), ...envelope, transferee: index }),
  fc.record({ kind: fc.constant("timeout-now" as const), ...envelope }),
);

Deno.test("RaftEngine.step: no sequence of messages from the network throws or breaks an invariant", () => {
  const action = fc.oneof(anyMessage, fc.constantFrom("tick" as const, "settle" as const, "campaign" as const));
  const setup = fc.record({
    voters: fc.constantFrom([1], [1, 2, 3]),
    preVote: fc.boolean(),
    checkQuorum: fc.boolean(),
  });
  fc.assert(
    fc.property(setup, fc.array(action, { maxLength: 60 }), ({ voters, ...config }, actions) => {
      const member = new TestMember({ voters, terms: [1, 1, 2], hardState: { commit: 2 }, config });
      for (const next of actions) {
        if (next === "tick") member.engine.tick();
        else if (next === "settle") member.settle();
        else if (next === "campaign") member.engine.campaign();
        else member.engine.step(next);
        member.engine.checkInvariants();
      }
      member.settle();
    }),
    { numRuns: 500 },
  );
});
