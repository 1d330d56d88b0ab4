import { strict as assert } from "node:assert";
import { CONTACT_COUNT_MAX, LeaderContact } from "../../../core/node/leader_contact.ts";
import type { ConfState } from "../../../core/seams/log_store.ts";
import { ManualClock } from "../../twins/manual_clock.ts";

const SELF = 1;

function membership(voters: readonly number[], votersOutgoing: readonly number[] = []): ConfState {
  return { voters, votersOutgoing, learners: [], learnersNext: [], autoLeave: false };
}

const FOLLOWER = { id: SELF, role: "follower", membership: membership([1, 2, 3]) } as const;
const LEADER = { ...FOLLOWER, role: "leader" } as const;

function replica() {
  const clock = new ManualClock();
  const state = { applied: 0 };
  const contact = new LeaderContact(clock, () => state.applied);
  const heartbeat = (commit: number) =>
    contact.heard({ kind: "heartbeat", from: 2, to: SELF, term: 1, commit, round: 1 });
  const answer = (from: number) => contact.heard({ kind: "heartbeat-response", from, to: SELF, term: 1, round: 1 });
  return { clock, state, contact, heartbeat, answer };
}

Deno.test("LeaderContact: a follower counts from what it heard of its leader", () => {
  const { clock, contact, heartbeat } = replica();
  assert.equal(contact.silenceMs(FOLLOWER), Infinity);
  heartbeat(0);
  clock.advance(700);
  assert.equal(contact.silenceMs(FOLLOWER), 700);
  contact.heard({ kind: "append", from: 2, to: SELF, term: 1, prevIndex: 0, prevTerm: 0, entries: [], commit: 0 });
  assert.equal(contact.silenceMs(FOLLOWER), 0);
  clock.advance(50);
  contact.heard({ kind: "read-index", from: 3, to: SELF, term: 0, context: new Uint8Array() });
  assert.equal(contact.silenceMs(FOLLOWER), 50, "what followers ask is no sign of a leader");
});

Deno.test("LeaderContact: a leader counts from what a majority answered, also after it stepped down", () => {
  const { clock, contact, answer } = replica();
  assert.equal(contact.silenceMs(LEADER), Infinity);
  answer(2);
  assert.equal(contact.silenceMs(LEADER), 0, "two of three");
  clock.advance(300);
  answer(3);
  clock.advance(100);
  assert.equal(contact.silenceMs(LEADER), 100);
  assert.equal(contact.silenceMs({ ...LEADER, membership: membership([1, 2, 3, 4, 5]) }), 400, "three of five");
  assert.equal(contact.silenceMs({ ...LEADER, membership: membership([1, 3], [1, 2]) }), 400, "both of two halves");
  assert.equal(contact.silenceMs(FOLLOWER), 100);
});

Deno.test("LeaderContact: a leader alone is always in touch, a follower alone never was", () => {
  const { contact, answer } = replica();
  const alone = membership([SELF]);
  assert.equal(contact.silenceMs({ ...LEADER, membership: alone }), 0);
  assert.equal(contact.silenceMs({ ...FOLLOWER, membership: alone }), Infinity);
  answer(9);
  assert.equal(contact.silenceMs({ ...FOLLOWER, membership: alone }), Infinity);
});

Deno.test("LeaderContact: a replica lags since it was told of what it has not applied", () => {
  const { clock, state, contact, heartbeat } = replica();
  assert.equal(contact.lagMs(FOLLOWER), 0);
  heartbeat(0);
  clock.advance(100);
  heartbeat(5);
  clock.advance(100);
  heartbeat(9);
  clock.advance(50);
  assert.equal(contact.lagMs(FOLLOWER), 250, "nothing of it is applied");
  state.applied = 5;
  assert.equal(contact.lagMs(FOLLOWER), 150, "what was told until then is applied");
  heartbeat(12);
  state.applied = 12;
  assert.equal(contact.lagMs(FOLLOWER), 0);
  heartbeat(13);
  assert.equal(contact.lagMs(LEADER), 0, "a leader tells itself");
});

Deno.test("LeaderContact: under steady load the lag stays what an entry takes", () => {
  const { clock, state, contact, heartbeat } = replica();
  for (let index = 1; index <= 1_000; index++) {
    state.applied = index - 3;
    heartbeat(index);
    clock.advance(10);
    if (index > 10) assert(contact.lagMs(FOLLOWER) <= 80, `${contact.lagMs(FOLLOWER)} ms at ${index}`);
  }
});

Deno.test("LeaderContact: one more member than the limit is forgotten, the one that was silent for longest", () => {
  const { clock, contact, answer } = replica();
  for (let id = 2; id < CONTACT_COUNT_MAX + 2; id++) answer(id);
  answer(2);
  clock.advance(10);
  assert.equal(contact.silenceMs({ ...LEADER, membership: membership([1, 3]) }), 10);
  answer(5_000);
  assert.equal(contact.silenceMs({ ...LEADER, membership: membership([1, 3]) }), Infinity);
  assert.equal(contact.silenceMs({ ...LEADER, membership: membership([1, 2]) }), 10);
});
