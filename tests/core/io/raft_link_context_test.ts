/**
 * Complaints that do not flood the log, and losses that are told once.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { COMPLAINT_INTERVAL_MS, COMPLAINTS_MAX, LinkContext } from "../../../core/io/raft_link_context.ts";
import { Member } from "./raft_link_lab.ts";

/** A context whose clock the test sets. */
function contextAt() {
  const member = new Member(1);
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs, wallMs: () => 0 };
  const context = new LinkContext(member.parts({ clock }));
  return { context, clock, member, linesCount: () => member.log.count("raft link dropped") };
}

Deno.test("LinkContext.complain: one line for each in a minute, and everything is counted", () => {
  const { context, clock, member, linesCount } = contextAt();
  for (let i = 0; i < 5; i++) context.complain(2, "silent", { peer: 2 });
  context.complain(3, "bad-mac", { peer: 3 });
  assert.equal(linesCount(), 2);
  assert.deepEqual(member.log.lines[0]?.fields, { reason: "silent", peer: 2 });
  clock.nowMs = COMPLAINT_INTERVAL_MS - 1;
  context.complain(2, "silent", {});
  assert.equal(linesCount(), 2);
  clock.nowMs = COMPLAINT_INTERVAL_MS;
  context.complain(2, "silent", {});
  assert.equal(linesCount(), 3);
  assert.deepEqual([...context.drops], [["silent", 7], ["bad-mac", 1]]);
});

Deno.test("COMPLAINTS_MAX: so many strangers get a line, one more does not, a member does", () => {
  const { context, linesCount } = contextAt();
  for (let i = 0; i < COMPLAINTS_MAX; i++) context.complain(`10.0.0.${i}`, "handshake-malformed", {});
  assert.equal(linesCount(), COMPLAINTS_MAX);
  context.complain("10.9.9.9", "handshake-malformed", {});
  assert.equal(linesCount(), COMPLAINTS_MAX);
  context.complain(2, "silent", {});
  assert.equal(linesCount(), COMPLAINTS_MAX + 1);
});

Deno.test("LinkContext.unreachable: told after the turn, once for each member", async () => {
  const { context, member } = contextAt();
  for (const raftId of [2, 3, 2]) context.unreachable(raftId);
  assert.deepEqual(member.unreachable, []);
  await Promise.resolve();
  assert.deepEqual(member.unreachable, [2, 3]);
});
