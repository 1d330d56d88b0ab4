import assert from "node:assert/strict";
import {
  countFitting,
  entriesBytes,
  ENTRY_OVERHEAD_BYTES,
  entryBytes,
  payloadBytes,
} from "../../../core/raft/entry_size.ts";
import { entriesOf } from "./test_member.ts";

const entries = entriesOf(1, [1, 1, 1]);
const each = ENTRY_OVERHEAD_BYTES + 1;

Deno.test("entryBytes, entriesBytes, payloadBytes: payload with and without overhead", () => {
  assert.equal(entries.map(entryBytes).every((bytes) => bytes === each), true);
  assert.equal(entriesBytes(entries), 3 * each);
  assert.equal(payloadBytes(entries), 3);
});

Deno.test("countFitting: as many as fit, one at least, none of none", () => {
  assert.equal(countFitting(entries, 0, 3, 2 * each), 2);
  assert.equal(countFitting(entries, 0, 3, 2 * each - 1), 1);
  assert.equal(countFitting(entries, 0, 3, 0), 1);
  assert.equal(countFitting(entries, 1, 3, Infinity), 2);
  assert.equal(countFitting(entries, 0, 0, Infinity), 0);
  assert.equal(countFitting(entries, 3, 3, 0), 0);
});
