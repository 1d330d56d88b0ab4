import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CONF_CHANGE_STEPS_MAX,
  type ConfChange,
  confChange,
  confChangeOf,
  decodeConfChange,
  encodeConfChange,
  LEAVE_JOINT,
  proposedConfChange,
} from "../../../core/raft/conf_change.ts";
import { MEMBER_ID_MAX } from "../../../core/raft/message.ts";

const PLAIN = { noNullPrototype: true };
const change: fc.Arbitrary<ConfChange> = fc.record({
  transition: fc.constantFrom("auto", "implicit", "explicit"),
  steps: fc.array(fc.record({
    operation: fc.constantFrom("add-voter", "add-learner", "remove", "update"),
    id: fc.integer({ min: 0, max: MEMBER_ID_MAX }),
  }, PLAIN)),
  context: fc.uint8Array({ maxLength: 20 }),
}, PLAIN);

Deno.test("decodeConfChange: gives back what encodeConfChange wrote", () => {
  fc.assert(fc.property(change, (before) => assert.deepEqual(decodeConfChange(encodeConfChange(before)), before)));
});

Deno.test("encodeConfChange: leaving a joint configuration takes no bytes, and no bytes mean leaving", () => {
  assert.equal(encodeConfChange(LEAVE_JOINT).length, 0);
  assert.deepEqual(decodeConfChange(new Uint8Array(0)), LEAVE_JOINT);
});

Deno.test("encodeConfChange: one step has this layout", () => {
  const data = encodeConfChange(confChange([{ operation: "remove", id: 258 }], "explicit"));
  assert.deepEqual([...data], [1, 2, 1, 2, 0, 0, 0, 0, 0, 0, 1, 2]);
});

Deno.test("encodeConfChange: one step more than the most is a bug of the caller", () => {
  const step = { operation: "remove", id: 1 } as const;
  const most = Array.from({ length: CONF_CHANGE_STEPS_MAX }, () => step);
  assert.equal(decodeConfChange(encodeConfChange(confChange(most)))?.steps.length, CONF_CHANGE_STEPS_MAX);
  assert.throws(() => encodeConfChange(confChange([...most, step])), { name: "InvariantError" });
});

Deno.test("decodeConfChange: any bytes give a change or nothing, never an exception", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
    const decoded = decodeConfChange(data);
    if (decoded !== undefined) assert.deepEqual(decodeConfChange(encodeConfChange(decoded)), decoded);
  }));
});

Deno.test("decodeConfChange: wrong version, transition, operation, id or length is nothing", () => {
  const good = [...encodeConfChange(confChange([{ operation: "remove", id: 1 }], "explicit"))];
  for (const [at, value] of [[0, 2], [1, 3], [2, 2], [3, 4], [4, 0x20]] as const) {
    const bad = Uint8Array.from(good);
    bad[at] = value;
    assert.equal(decodeConfChange(bad), undefined, `byte ${at}`);
  }
  for (let length = 1; length < good.length; length++) {
    assert.equal(decodeConfChange(Uint8Array.from(good.slice(0, length))), undefined, `${length} bytes`);
  }
});

Deno.test("proposedConfChange: the older type holds one step without transition", () => {
  const one = confChange([{ operation: "add-voter", id: 4 }]);
  assert.equal(proposedConfChange(one, "conf-change").type, "conf-change");
  const two = confChange([{ operation: "add-voter", id: 4 }, { operation: "remove", id: 1 }]);
  assert.throws(() => proposedConfChange(two, "conf-change"), { name: "InvariantError" });
});

Deno.test("confChangeOf: normal entries hold no change", () => {
  assert.equal(confChangeOf({ type: "normal", data: new Uint8Array(0) }), undefined);
  assert.deepEqual(confChangeOf({ type: "conf-change-v2", data: new Uint8Array(0) }), LEAVE_JOINT);
});
