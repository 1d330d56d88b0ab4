import assert from "node:assert/strict";
import { LATE_TICKS_MAX, RaftTicker, SOON_MS } from "../../../core/node/raft_ticker.ts";
import { confChange } from "../../../core/raft/conf_change.ts";
import { RAFT_DEFAULTS } from "../../../core/raft/config.ts";
import { RaftEngine } from "../../../core/raft/engine.ts";
import { MemoryStorage } from "../../../core/raft/memory_storage.ts";
import { isPeerMessage, type Message, type PeerMessage } from "../../../core/raft/message.ts";
import { ManualClock } from "../../twins/manual_clock.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const TICK_MS = 50;
const MEMBERS = [1, 2, 3, 4];

/** An alarm in the hands of a test. */
class TestAlarm implements Disposable {
  atMs = Infinity;
  /** How often it was set: each time costs. */
  armCount = 0;
  readonly onDue: () => void;

  constructor(onDue: () => void) {
    this.onDue = onDue;
  }

  arm(atMs: number): void {
    this.atMs = atMs;
    this.armCount++;
  }

  [Symbol.dispose](): void {
    this.atMs = Infinity;
  }
}

/** A loop that only counts. */
class CountingLoop {
  /** Ticks that were given. */
  count = 0;
  /** The tick, counted from the beginning, that does something. */
  actsAt = Infinity;

  tick(): void {
    this.count++;
  }

  ticksToAction(): number {
    return Math.max(this.actsAt - this.count, 1);
  }
}

function fixture(actsAt = Infinity) {
  const clock = new ManualClock();
  const alarms: TestAlarm[] = [];
  const makeAlarm = (onDue: () => void) => {
    const alarm = new TestAlarm(onDue);
    alarms.push(alarm);
    return alarm;
  };
  const ticker = new RaftTicker({ clock, tickMs: TICK_MS, makeAlarm });
  const loop = new CountingLoop();
  loop.actsAt = actsAt;
  ticker.begin(loop);
  const [alarm, soon] = alarms;
  assert.ok(alarm && soon);
  const startMs = clock.monotonicMs();
  const ring = () => {
    alarm.atMs = Infinity;
    alarm.onDue();
  };
  return { clock, alarm, soon, ticker, loop, ring, startMs };
}

Deno.test("RaftTicker: the timer is set for the tick that does something, and gives all before it", () => {
  const { clock, alarm, loop, ring, startMs } = fixture(10);
  assert.equal(alarm.atMs, startMs + 10 * TICK_MS);
  clock.advance(10 * TICK_MS + 3);
  loop.actsAt = 15;
  ring();
  assert.equal(loop.count, 10);
  assert.equal(alarm.atMs, startMs + 15 * TICK_MS, "time is not lost by ringing late");
});

Deno.test("RaftTicker: nothing to do for ever sets no timer; a sooner tick moves it, a later one does not", () => {
  const { alarm, ticker, loop, startMs } = fixture();
  assert.equal(alarm.atMs, Infinity);
  loop.actsAt = 8;
  ticker.rest();
  assert.equal(alarm.atMs, startMs + 8 * TICK_MS);
  loop.actsAt = 3;
  ticker.rest();
  assert.equal(alarm.atMs, startMs + 3 * TICK_MS);
  loop.actsAt = 30;
  ticker.rest();
  assert.equal(alarm.atMs, startMs + 3 * TICK_MS);
});

Deno.test("RaftTicker: a loop that rests after each tick sets no timer while ticks are given", () => {
  const { clock, alarm, ticker, loop, ring, startMs } = fixture(8);
  const tick = loop.tick.bind(loop);
  loop.tick = () => {
    tick();
    ticker.rest();
  };
  for (let beat = 1; beat <= 3; beat++) {
    clock.advance(5 * TICK_MS);
    ticker.catchUp();
    assert.equal(alarm.atMs, startMs + 8 * beat * TICK_MS);
    clock.advance(3 * TICK_MS);
    loop.actsAt += 8;
    ring();
    assert.equal(alarm.atMs, startMs + 8 * (beat + 1) * TICK_MS);
    assert.equal(alarm.armCount, beat + 1, "once for each that rang, and once at the beginning");
  }
});

Deno.test("RaftTicker.catchUp: gives what is due, each tick once", () => {
  const { clock, ticker, loop } = fixture(100);
  ticker.catchUp();
  assert.equal(loop.count, 0);
  clock.advance(TICK_MS * 2.5);
  ticker.catchUp();
  ticker.catchUp();
  assert.equal(loop.count, 2);
  clock.advance(TICK_MS * 0.5);
  ticker.catchUp();
  assert.equal(loop.count, 3);
});

Deno.test("RaftTicker: after a standstill nothing is done before others were heard", () => {
  const { clock, alarm, loop, ring } = fixture(20);
  clock.advance(TICK_MS * (20 + LATE_TICKS_MAX) + 1);
  assert.ok(loop.count === 0);
  clock.advance(30_000);
  ring();
  assert.equal(loop.count, 19, "all but the one that does something");
  assert.equal(alarm.atMs, clock.monotonicMs() + TICK_MS, "which comes a tick later");
});

Deno.test("RaftTicker: a late timer is no standstill", () => {
  const { clock, loop, ring } = fixture(20);
  clock.advance(TICK_MS * (20 + LATE_TICKS_MAX));
  ring();
  assert.equal(loop.count, 20 + LATE_TICKS_MAX);
});

Deno.test("RaftTicker: where every timer is late, what is to be done is put off once, not for ever", () => {
  const { clock, loop, ring } = fixture(20);
  clock.advance(TICK_MS * (20 + 2 * LATE_TICKS_MAX));
  ring();
  assert.equal(loop.count, 19);
  clock.advance(TICK_MS * (1 + 2 * LATE_TICKS_MAX));
  ring();
  assert.ok(loop.count >= 20, "done");
});

Deno.test("RaftTicker: disposed, it gives no tick", () => {
  const { clock, alarm, ticker, loop } = fixture(5);
  ticker[Symbol.dispose]();
  assert.equal(alarm.atMs, Infinity);
  clock.advance(1000);
  ticker.catchUp();
  ticker.rest();
  assert.equal(loop.count, 0);
});

/** When something happens, in which order it was planned, and what. */
interface Happening {
  readonly atMs: number;
  readonly what: () => void;
}

/** Four engines with messages between them, whose time is given tick by tick or by tickers. */
class Group {
  readonly clock = new ManualClock();
  /** Everything that was sent, with its time. */
  readonly trace: string[] = [];
  readonly engines: RaftEngine[] = [];
  /** How often any member woke up for time alone. */
  wakeCount = 0;
  readonly #random = new SeededRandom(77);
  readonly #happenings: Happening[] = [];
  readonly #storages: MemoryStorage[] = [];
  readonly #tickers: RaftTicker[] = [];
  readonly #alarms: TestAlarm[] = [];
  readonly #cut = new Set<number>();

  constructor(seed: number, isLazy: boolean) {
    const startMs = this.clock.monotonicMs();
    for (const id of MEMBERS) {
      const storage = new MemoryStorage();
      storage.setConfState({
        voters: [1, 2, 3],
        learners: [4],
        votersOutgoing: [],
        learnersNext: [],
        autoLeave: false,
      });
      const random = new SeededRandom(seed * 10 + id);
      const config = { ...RAFT_DEFAULTS, electionTicks: 30, heartbeatTicks: 10, id, random, appliedIndex: 0 };
      const engine = new RaftEngine(config, storage);
      this.#storages.push(storage);
      this.engines.push(engine);
      if (isLazy) this.#startTicker(engine);
      else this.#tickAt(startMs + TICK_MS, engine);
    }
  }

  at(atMs: number, what: () => void): void {
    this.#happenings.push({ atMs, what });
  }

  /** Something goes into a member. */
  act(id: number, what: (engine: RaftEngine) => void): void {
    const [engine, ticker] = [this.engines[id - 1], this.#tickers[id - 1]];
    assert.ok(engine);
    ticker?.catchUp();
    what(engine);
    this.#settle();
    ticker?.rest();
  }

  cut(id: number): void {
    this.#cut.add(id);
  }

  heal(): void {
    this.#cut.clear();
  }

  run(untilMs: number): void {
    while (true) {
      const nextMs = Math.min(...this.#happenings.map(({ atMs }) => atMs), ...this.#alarms.map(({ atMs }) => atMs));
      if (nextMs > untilMs) return;
      this.clock.advanceTo(nextMs);
      const index = this.#happenings.findIndex(({ atMs }) => atMs === nextMs);
      if (index >= 0) this.#happenings.splice(index, 1)[0]?.what();
      else this.#ring(nextMs);
    }
  }

  #startTicker(engine: RaftEngine): void {
    const makeAlarm = (onDue: () => void) => {
      const alarm = new TestAlarm(onDue);
      this.#alarms.push(alarm);
      return alarm;
    };
    const ticker = new RaftTicker({ clock: this.clock, tickMs: TICK_MS, makeAlarm });
    this.#tickers.push(ticker);
    ticker.begin({ tick: () => engine.tick(), ticksToAction: () => engine.ticksToAction() });
  }

  #ring(nowMs: number): void {
    const alarm = this.#alarms.find(({ atMs }) => atMs === nowMs);
    assert.ok(alarm);
    this.wakeCount++;
    alarm.atMs = Infinity;
    alarm.onDue();
    this.#settle();
    for (const ticker of this.#tickers) ticker.rest();
  }

  #tickAt(atMs: number, engine: RaftEngine): void {
    this.at(atMs, () => {
      this.wakeCount++;
      engine.tick();
      this.#settle();
      this.#tickAt(atMs + TICK_MS, engine);
    });
  }

  #settle(): void {
    for (const [i, engine] of this.engines.entries()) {
      const storage = this.#storages[i];
      while (storage && engine.hasReady()) {
        const ready = engine.ready();
        if (ready.hardState) storage.setHardState(ready.hardState);
        storage.append(ready.entries);
        for (const entry of ready.committedEntries) if (entry.type !== "normal") engine.applyConfChange(entry);
        for (const message of [...ready.messages, ...ready.responses]) if (isPeerMessage(message)) this.#send(message);
        engine.advance();
      }
    }
  }

  #send(message: PeerMessage): void {
    const nowMs = this.clock.monotonicMs();
    this.trace.push(`${nowMs} ${describe(message)}`);
    if (this.#cut.has(message.from) || this.#cut.has(message.to)) return;
    // Never at the time of a tick, where the order would be anybody's guess.
    const delayMs = 1.25 + this.#random.below(40);
    this.at(nowMs + delayMs, () => this.act(message.to, (engine) => engine.step(message)));
  }
}

function describe({ kind, from, to, term }: Message): string {
  return `${kind} ${from}>${to} in ${term}`;
}

/** Silence, a dead leader, proposals, a transfer, a joint change: three minutes. */
function story(seed: number, isLazy: boolean): Group {
  const group = new Group(seed, isLazy);
  const startMs = group.clock.monotonicMs();
  const leader = () => group.engines.find((engine) => engine.status().role === "leader")?.status().id ?? 1;
  const at = (ms: number, what: () => void) => group.at(startMs + ms + 0.625, what);
  at(20_000, () => group.act(leader(), (engine) => engine.propose(new Uint8Array(3))));
  at(31_000, () => group.cut(leader()));
  at(60_000, () => group.heal());
  at(80_000, () => group.act(leader(), (engine) => engine.transferLeader(leader() % 3 + 1)));
  at(100_000, () => {
    const steps = [{ operation: "add-voter", id: 4 }, { operation: "add-learner", id: leader() % 3 + 1 }] as const;
    group.act(leader(), (engine) => engine.proposeConfChange(confChange([...steps])));
  });
  at(130_000, () => group.cut(leader()));
  group.run(startMs + 180_000);
  return group;
}

for (const seed of [1, 2, 3, 4, 5]) {
  Deno.test(`RaftTicker: a group sends what it sends with every tick in time, seed ${seed}`, () => {
    const [eager, lazy] = [story(seed, false), story(seed, true)];
    assert.deepEqual(lazy.trace, eager.trace);
    assert.ok(eager.trace.length > 1_000 && eager.trace.some((line) => line.includes("vote")));
    assert.ok(lazy.wakeCount < eager.wakeCount / 5, `${lazy.wakeCount} of ${eager.wakeCount}`);
  });
}

Deno.test("RaftTicker.soon: calls once for all that asked, and not after the end", () => {
  const { soon, ticker, startMs } = fixture();
  let count = 0;
  for (let i = 0; i < 3; i++) ticker.soon(() => count++);
  assert.deepEqual([soon.atMs, soon.armCount], [startMs + SOON_MS, 1]);
  soon.onDue();
  assert.equal(count, 1);
  soon.onDue();
  assert.equal(count, 1, "nobody has asked since");
  ticker.soon(() => count++);
  ticker[Symbol.dispose]();
  assert.equal(soon.atMs, Infinity);
  soon.onDue();
  assert.equal(count, 1);
});
