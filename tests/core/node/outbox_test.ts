import assert from "node:assert/strict";
import { Outbox } from "../../../core/node/outbox.ts";
import type { Append, PeerMessage } from "../../../core/raft/message.ts";

function append(to: number, prevIndex: number, count: number, commit: number): Append {
  const entry = (index: number) => ({ term: 3, index, type: "normal" as const, data: new Uint8Array(1) });
  const entries = Array.from({ length: count }, (_, i) => entry(prevIndex + 1 + i));
  return { kind: "append", from: 1, to, term: 3, prevIndex, prevTerm: 3, entries, commit };
}

/** An outbox whose moment is over when the test says so, and what came out of it. */
class Paper {
  readonly sent: PeerMessage[] = [];
  readonly outbox: Outbox;
  #due: (() => void) | undefined;

  constructor() {
    const soon = (call: () => void) => void (this.#due ??= call);
    this.outbox = new Outbox((message) => this.sent.push(message), { soon });
  }

  momentPasses(): void {
    const due = this.#due;
    this.#due = undefined;
    due?.();
  }

  /** As the loop does: a turn with writes of callers, or without. */
  turn(hasWrites: boolean, ...messages: PeerMessage[]): PeerMessage[] {
    if (hasWrites) this.outbox.writing();
    this.outbox.send(messages);
    return this.sent.splice(0);
  }
}

const [ONE, ITS_COMMIT] = [append(2, 10, 1, 10), append(2, 11, 0, 11)];
const [TWO, ITS_COMMIT_TOO] = [append(2, 11, 1, 11), append(2, 12, 0, 12)];

Deno.test("Outbox: the commit of a write alone goes out at once", () => {
  const paper = new Paper();
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(paper.turn(true, ONE), [ONE]);
    assert.deepEqual(paper.turn(false, ITS_COMMIT), [ITS_COMMIT]);
    paper.momentPasses();
  }
});

Deno.test("Outbox: while writes follow each other, entries take the commit of those before along", () => {
  const paper = new Paper();
  paper.turn(true, ONE);
  paper.turn(false, ITS_COMMIT);
  assert.deepEqual(paper.turn(true, TWO), [TWO]);
  assert.deepEqual(paper.turn(false, ITS_COMMIT_TOO), []);
  assert.deepEqual(paper.turn(true, append(2, 12, 2, 12)), [append(2, 12, 2, 12)]);
  assert.deepEqual(paper.turn(false, append(2, 14, 0, 14)), []);
  paper.momentPasses();
  assert.deepEqual(paper.sent, [append(2, 14, 0, 14)], "and when they end, it goes out by itself");
});

Deno.test("Outbox: after a pause the next commit goes out at once again", () => {
  const paper = new Paper();
  paper.turn(true, ONE);
  paper.turn(false, ITS_COMMIT);
  paper.turn(true, TWO);
  paper.turn(false, ITS_COMMIT_TOO);
  paper.momentPasses();
  paper.sent.length = 0;
  paper.turn(true, append(2, 12, 1, 12));
  assert.deepEqual(paper.turn(false, append(2, 13, 0, 13)), [append(2, 13, 0, 13)]);
});

Deno.test("Outbox: another message for the same member does not overtake what waits", () => {
  const paper = new Paper();
  paper.turn(true, ONE);
  paper.turn(false, ITS_COMMIT);
  paper.turn(true, TWO);
  assert.deepEqual(paper.turn(false, ITS_COMMIT_TOO), []);
  const heartbeat: PeerMessage = { kind: "heartbeat", from: 1, to: 2, term: 3, commit: 12, round: 1 };
  assert.deepEqual(paper.turn(false, heartbeat), [ITS_COMMIT_TOO, heartbeat]);
});

Deno.test("Outbox: without time nothing waits, and after the end nothing is sent", () => {
  const sent: PeerMessage[] = [];
  const outbox = new Outbox((message) => sent.push(message));
  outbox.send([ITS_COMMIT]);
  outbox.writing();
  outbox.send([ITS_COMMIT_TOO]);
  assert.deepEqual(sent, [ITS_COMMIT, ITS_COMMIT_TOO]);
  const paper = new Paper();
  paper.turn(true, ONE);
  paper.turn(false, ITS_COMMIT);
  paper.turn(true, TWO);
  paper.turn(false, ITS_COMMIT_TOO);
  paper.outbox.close();
  paper.momentPasses();
  assert.deepEqual(paper.sent, []);
});
