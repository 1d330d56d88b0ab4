/**
 * Raft messages as bytes: round trip of every kind, limits, and hostile bytes.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { InvariantError } from "../../../core/assert.ts";
import {
  CONF_STATE_MEMBERS_MAX,
  decodeMessage,
  encodeMessage,
  MESSAGE_BYTES_MAX,
  MESSAGE_ENTRIES_MAX,
  messageBytes,
  READ_CONTEXT_BYTES_MAX,
} from "../../../core/raft/codec.ts";
import type { PeerMessage } from "../../../core/raft/message.ts";

const number = fc.maxSafeNat();
const envelope = { from: number, to: number, term: number };
const commit = fc.record({ index: number, term: number }, { noNullPrototype: true });
const data = fc.uint8Array({ maxLength: 40 });
const type = fc.constantFrom("normal" as const, "conf-change" as const, "conf-change-v2" as const);
const members = fc.uniqueArray(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 2 }), { maxLength: 5 })
  .map((ids) => ids.sort((a, b) => a - b));

/** A kind with its fields; records of the generator get a usual prototype. */
function message<Fields>(fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> }): fc.Arbitrary<Fields> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<Fields>;
}

const kind = fc.constant;
const BY_KIND: { readonly [Kind in PeerMessage["kind"]]: fc.Arbitrary<PeerMessage & { kind: Kind }> } = {
  "propose": message({
    ...envelope,
    kind: kind("propose" as const),
    term: fc.constant(0 as const),
    entries: fc.array(message({ type, data }), { maxLength: 4 }),
  }),
  "append": message({
    ...envelope,
    kind: kind("append" as const),
    prevIndex: number,
    prevTerm: number,
    entries: fc.array(message({ term: number, index: number, type, data }), { maxLength: 4 }),
    commit: number,
  }),
  "append-ack": message({ ...envelope, kind: kind("append-ack" as const), index: number }),
  "append-reject": message({
    ...envelope,
    kind: kind("append-reject" as const),
    index: number,
    hintIndex: number,
    hintTerm: number,
  }),
  "vote": message({
    ...envelope,
    kind: kind("vote" as const),
    lastIndex: number,
    lastTerm: number,
    transfer: fc.boolean(),
  }),
  "pre-vote": message({
    ...envelope,
    kind: kind("pre-vote" as const),
    lastIndex: number,
    lastTerm: number,
    transfer: fc.boolean(),
  }),
  "vote-response": fc.oneof(
    message({ ...envelope, kind: kind("vote-response" as const), granted: fc.boolean() }),
    message({ ...envelope, kind: kind("vote-response" as const), granted: fc.boolean(), commit }),
  ),
  "pre-vote-response": fc.oneof(
    message({ ...envelope, kind: kind("pre-vote-response" as const), granted: fc.boolean() }),
    message({ ...envelope, kind: kind("pre-vote-response" as const), granted: fc.boolean(), commit }),
  ),
  "snapshot": message({
    ...envelope,
    kind: kind("snapshot" as const),
    snapshot: message({
      meta: message({
        index: number,
        term: number,
        confState: message({
          voters: members,
          learners: members,
          votersOutgoing: members,
          learnersNext: members,
          autoLeave: fc.boolean(),
        }),
      }),
      data,
    }),
  }),
  "heartbeat": message({ ...envelope, kind: kind("heartbeat" as const), commit: number, round: number }),
  "heartbeat-response": message({ ...envelope, kind: kind("heartbeat-response" as const), round: number }),
  "read-index": message({
    ...envelope,
    kind: kind("read-index" as const),
    term: fc.constant(0 as const),
    context: data,
  }),
  "read-index-response": message({
    ...envelope,
    kind: kind("read-index-response" as const),
    index: number,
    context: data,
  }),
  "transfer-leader": message({ ...envelope, kind: kind("transfer-leader" as const), transferee: number }),
  "timeout-now": message({ ...envelope, kind: kind("timeout-now" as const) }),
};

const anyMessage: fc.Arbitrary<PeerMessage> = fc.oneof(...Object.values(BY_KIND));

for (const [name, arbitrary] of Object.entries(BY_KIND)) {
  Deno.test(`decodeMessage: reads what encodeMessage wrote: ${name}`, () => {
    fc.assert(fc.property(arbitrary, (m: PeerMessage) => {
      const bytes = encodeMessage(m);
      assert.equal(bytes.length, messageBytes(m));
      assert.deepEqual(decodeMessage(bytes), m);
    }));
  });
}

Deno.test("decodeMessage: a message cut anywhere is refused", () => {
  fc.assert(fc.property(anyMessage, fc.nat(), (m, position) => {
    const bytes = encodeMessage(m);
    assert.equal(decodeMessage(bytes.subarray(0, position % bytes.length)), "message-truncated");
  }));
});

Deno.test("decodeMessage: bytes behind the end are refused", () => {
  fc.assert(fc.property(anyMessage, (m) => {
    const bytes = encodeMessage(m);
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    assert.equal(decodeMessage(longer), "message-trailing-bytes");
  }));
});

Deno.test("decodeMessage: never throws, and what it accepts is what it would write", () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    // A known kind in front finds more of the code.
    fc.tuple(fc.integer({ min: 1, max: 16 }), fc.uint8Array({ maxLength: 200 })).map(([kind, rest]) =>
      Uint8Array.of(kind, ...rest)
    ),
    fc.tuple(anyMessage, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })).map(
      ([m, changes]) => {
        const bytes = encodeMessage(m);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      },
    ),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      const decoded = decodeMessage(bytes);
      if (typeof decoded !== "string") assert.deepEqual(encodeMessage(decoded), bytes);
    }),
    { numRuns: 3000 },
  );
});

const ENVELOPE = { from: 1, to: 2, term: 3 };

/** `m` with the four bytes of its list's or byte string's length, at `offset`, replaced. */
function withCount(m: PeerMessage, offset: number, count: number): Uint8Array {
  const bytes = encodeMessage(m);
  new DataView(bytes.buffer).setUint32(offset, count, true);
  return bytes;
}

Deno.test("decodeMessage: kinds, flags, entry types, members and numbers out of range are told", () => {
  const bytes = encodeMessage({ ...ENVELOPE, kind: "vote-response", granted: true });
  for (const [at, value, reason] of [[0, 0, "unknown-kind"], [0, 16, "unknown-kind"], [25, 2, "bad-value"]] as const) {
    const changed = bytes.slice();
    changed[at] = value;
    assert.equal(decodeMessage(changed), `message-${reason}`);
  }
  const large = bytes.slice();
  large[24] = 1;
  assert.equal(decodeMessage(large), "message-bad-value");
  const propose = encodeMessage({
    ...ENVELOPE,
    term: 0,
    kind: "propose",
    entries: [{ type: "normal", data: new Uint8Array() }],
  });
  propose[29] = 3;
  assert.equal(decodeMessage(propose), "message-bad-value");
  propose[29] = 0;
  propose[17] = 1;
  assert.equal(decodeMessage(propose), "message-bad-value", "a proposal belongs to no term");
  const confState = { voters: [2, 1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const snapshot = { meta: { index: 1, term: 1, confState }, data: new Uint8Array() };
  assert.equal(decodeMessage(encodeMessage({ ...ENVELOPE, kind: "snapshot", snapshot })), "message-bad-value");
});

Deno.test("MESSAGE_ENTRIES_MAX: so many entries pass, one more does not", () => {
  const entries = Array.from({ length: MESSAGE_ENTRIES_MAX }, () => ({
    type: "normal" as const,
    data: new Uint8Array(),
  }));
  const m = { ...ENVELOPE, term: 0, kind: "propose", entries } as const;
  assert.deepEqual(decodeMessage(encodeMessage(m)), m);
  const oneMore = { ...m, entries: [...entries, { type: "normal" as const, data: new Uint8Array() }] };
  assert.throws(() => encodeMessage(oneMore), InvariantError);
  assert.equal(decodeMessage(withCount(m, 25, MESSAGE_ENTRIES_MAX + 1)), "message-too-many-items");
});

Deno.test("CONF_STATE_MEMBERS_MAX: so many members pass, one more does not", () => {
  const voters = Array.from({ length: CONF_STATE_MEMBERS_MAX }, (_, i) => i + 1);
  const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const m = {
    ...ENVELOPE,
    kind: "snapshot",
    snapshot: { meta: { index: 1, term: 1, confState }, data: new Uint8Array() },
  } as const;
  assert.deepEqual(decodeMessage(encodeMessage(m)), m);
  assert.equal(decodeMessage(withCount(m, 41, CONF_STATE_MEMBERS_MAX + 1)), "message-too-many-items");
  confState.voters.push(CONF_STATE_MEMBERS_MAX + 1);
  assert.throws(() => encodeMessage(m), InvariantError);
});

Deno.test("READ_CONTEXT_BYTES_MAX: so long a context passes, a longer one does not", () => {
  const m = {
    ...ENVELOPE,
    term: 0,
    kind: "read-index",
    context: new Uint8Array(READ_CONTEXT_BYTES_MAX),
  } as const;
  assert.deepEqual(decodeMessage(encodeMessage(m)), m);
  const longer = { ...m, context: new Uint8Array(READ_CONTEXT_BYTES_MAX + 1) };
  assert.throws(() => encodeMessage(longer), InvariantError);
  const bytes = new Uint8Array(25 + 4 + READ_CONTEXT_BYTES_MAX + 1);
  bytes.set(encodeMessage(m));
  new DataView(bytes.buffer).setUint32(25, READ_CONTEXT_BYTES_MAX + 1, true);
  assert.equal(decodeMessage(bytes), "message-too-large");
});

Deno.test("MESSAGE_BYTES_MAX: a message of that size passes, a larger one only if it is a snapshot", () => {
  const entry = { term: 1, index: 1, type: "normal", data: new Uint8Array(MESSAGE_BYTES_MAX - 25 - 28 - 21) } as const;
  const m = { ...ENVELOPE, kind: "append", prevIndex: 0, prevTerm: 0, entries: [entry], commit: 0 } as const;
  const bytes = encodeMessage(m);
  assert.equal(bytes.length, MESSAGE_BYTES_MAX);
  assert.notEqual(typeof decodeMessage(bytes), "string");
  const larger = { ...m, entries: [{ ...entry, data: new Uint8Array(entry.data.length + 1) }] };
  assert.equal(decodeMessage(encodeMessage(larger)), "message-too-large");
  const confState = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const snapshot = { meta: { index: 1, term: 1, confState }, data: new Uint8Array(MESSAGE_BYTES_MAX) };
  assert.notEqual(typeof decodeMessage(encodeMessage({ ...ENVELOPE, kind: "snapshot", snapshot })), "string");
});
