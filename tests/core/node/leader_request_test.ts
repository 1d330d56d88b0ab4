import assert from "node:assert/strict";
import { Changes } from "../../../core/node/changes.ts";
import { askLeader, LEADERS_ASKED_MAX, type LeaderStatus, type LeaderView } from "../../../core/node/leader_request.ts";
import { MeshError, type MeshErrorReason } from "../../../core/plugin/errors.ts";

/** What a follower knows, as a test tells it. */
class View implements LeaderView<string> {
  readonly #changes = new Changes();
  readonly waitMs: number;
  waitingCount = 0;
  #leader = 0;
  #term = 1;
  #role: "leader" | "follower" = "follower";

  constructor(waitMs = 60_000) {
    this.waitMs = waitMs;
  }

  knows(leader: number, term: number, role: "leader" | "follower" = "follower"): void {
    [this.#leader, this.#term, this.#role] = [leader, term, role];
    this.#changes.notify();
  }

  status(): LeaderStatus {
    return { role: this.#role, leader: this.#leader, hardState: { term: this.#term, vote: 0, commit: 0 } };
  }

  leader(): string | undefined {
    return [undefined, "a", "b", "c"][this.#leader];
  }

  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    this.waitingCount++;
    await this.#changes.until(condition, signal).finally(() => this.waitingCount--);
  }
}

const open = new AbortController().signal;

function refusal(reason: MeshErrorReason): Promise<never> {
  return Promise.reject(new MeshError(reason, `It is ${reason}`));
}

function nobody(): Promise<never> {
  return refusal("no-leader");
}

Deno.test("askLeader: who leads answers here, and is not asked", async () => {
  const view = new View();
  view.knows(1, 2, "leader");
  assert.equal(await askLeader(view, { here: () => Promise.resolve("here"), there: nobody }, open), "here");
});

for (const reason of ["not-leader", "no-leader"] as const) {
  Deno.test(`askLeader: after a hand-over who led says ${reason}, and the new leader is asked once it is known`, async () => {
    const view = new View();
    view.knows(1, 2);
    const asked: string[] = [];
    const there = async (id: string) => {
      asked.push(id);
      if (id === "b") return "moved";
      // This node hears of the new leader only after it has been refused.
      queueMicrotask(() => view.knows(0, 3));
      queueMicrotask(() => view.knows(2, 3));
      return await refusal(reason);
    };
    assert.equal(await askLeader(view, { here: nobody, there }, open), "moved");
    assert.deepEqual(asked, ["a", "b"]);
  });
}

Deno.test("askLeader: who led and has won again is asked again", async () => {
  const view = new View();
  view.knows(1, 2);
  let askedCount = 0;
  const there = async () => {
    if (++askedCount === 2) return "again";
    queueMicrotask(() => view.knows(1, 2));
    queueMicrotask(() => view.knows(1, 4));
    return await refusal("not-leader");
  };
  assert.equal(await askLeader(view, { here: nobody, there }, open), "again");
});

Deno.test("askLeader: the lead that comes here meanwhile is used", async () => {
  const view = new View();
  view.knows(1, 2);
  const there = async () => {
    queueMicrotask(() => view.knows(3, 3, "leader"));
    return await refusal("not-leader");
  };
  assert.equal(await askLeader(view, { here: () => Promise.resolve("here"), there }, open), "here");
});

Deno.test("askLeader: nobody leads yet, and then somebody does", async () => {
  const view = new View();
  const answer = askLeader(view, { here: nobody, there: (id) => Promise.resolve(id) }, open);
  assert.equal(view.waitingCount, 1);
  view.knows(2, 2);
  assert.equal(await answer, "b");
});

Deno.test("askLeader: nobody leads in time, and this node says what to do about that", async () => {
  const view = new View(1);
  await assert.rejects(askLeader(view, { here: nobody, there: () => Promise.resolve("") }, open), {
    reason: "no-leader",
  });
});

Deno.test("askLeader: no news in time, and what was said last is the answer", async () => {
  const view = new View(1);
  view.knows(1, 2);
  await assert.rejects(askLeader(view, { here: nobody, there: () => refusal("not-leader") }, open), {
    reason: "not-leader",
  });
});

Deno.test("askLeader: a lead that moves on and on is followed so often", async () => {
  const view = new View();
  view.knows(1, 1);
  let askedCount = 0;
  const there = async () => {
    const term = ++askedCount + 1;
    queueMicrotask(() => view.knows(1 + term % 2, term));
    return await refusal("not-leader");
  };
  await assert.rejects(askLeader(view, { here: nobody, there }, open), { reason: "not-leader" });
  assert.equal(askedCount, LEADERS_ASKED_MAX);
});

Deno.test("askLeader: what may have been done is not asked for again", async () => {
  for (const reason of ["unavailable", "timeout", "invalid-argument"] as const) {
    const view = new View();
    view.knows(1, 2);
    let askedCount = 0;
    const there = () => {
      askedCount++;
      return refusal(reason);
    };
    await assert.rejects(askLeader(view, { here: nobody, there }, open), { reason });
    assert.equal(askedCount, 1);
  }
});

Deno.test("askLeader: a caller that leaves is not waited for", async () => {
  const view = new View();
  const leave = new AbortController();
  const answer = askLeader(view, { here: nobody, there: () => Promise.resolve("") }, leave.signal);
  leave.abort(new MeshError("unavailable", "Gone"));
  await assert.rejects(answer, { message: "Gone" });
  assert.equal(view.waitingCount, 0);
});
