import assert from "node:assert/strict";
import { RESERVE_AHEAD_MS, TIMESTAMP_FILE_NAME, TimestampReserve } from "../../../core/node/timestamp_reserve.ts";
import { compareTai64n, tai64n, TAI64N_BYTES } from "../../../core/time/tai64n.ts";
import { TimestampSource } from "../../../core/wireguard/timestamp_source.ts";
import { ManualClock } from "../../twins/manual_clock.ts";
import { MemoryDisk } from "../../twins/memory_disk.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
const DIRECTORY = "/data";
const FILE = `${DIRECTORY}/${TIMESTAMP_FILE_NAME}`;

/** A machine that starts again and again with the same disk. */
class Machine {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog();
  disk: MemoryDisk;

  constructor(seed = 1) {
    this.disk = new MemoryDisk(new SeededRandom(seed));
  }

  async start(): Promise<TimestampReserve> {
    await this.disk.makeDirectory(DIRECTORY);
    return await TimestampReserve.open(this.disk, DIRECTORY, this.clock, this.log);
  }
}

Deno.test("TimestampReserve: a new machine goes by its clock, for an hour without writing", async () => {
  const machine = new Machine();
  const reserve = await machine.start();
  const { floor, ceiling } = await reserve.next();
  assert.deepEqual(floor, new Uint8Array(TAI64N_BYTES));
  assert.deepEqual(ceiling, tai64n(machine.clock.wallMs() + RESERVE_AHEAD_MS));
  const calls = machine.disk.callsCount;
  machine.clock.advance(29 * MINUTE_MS);
  assert.equal(await reserve.renew(), undefined);
  assert.equal(machine.disk.callsCount, calls);
  machine.clock.advance(2 * MINUTE_MS);
  assert.deepEqual(await reserve.renew(), tai64n(machine.clock.wallMs() + RESERVE_AHEAD_MS));
  assert.deepEqual(machine.disk.files().map(({ path }) => path), [FILE]);
  assert.deepEqual(machine.log.lines, []);
});

Deno.test("TimestampReserve: after a restart with the clock a year back, labels are later than all before", async () => {
  const machine = new Machine();
  const before = await (await machine.start()).next();
  const source = new TimestampSource(before.floor, before.ceiling);
  machine.clock.advance(10 * MINUTE_MS);
  const last = source.next(machine.clock.wallMs()).slice();

  machine.disk = machine.disk.restart();
  machine.clock.setWall(machine.clock.wallMs() - 365 * DAY_MS);
  const after = await (await machine.start()).next();
  assert.ok(compareTai64n(after.floor, last) > 0);
  assert.ok(compareTai64n(new TimestampSource(after.floor, after.ceiling).next(machine.clock.wallMs()), last) > 0);
  assert.match(JSON.stringify(machine.log.lines), /clock is behind/);
});

Deno.test("TimestampReserve: restarts with a stopped clock do not run ahead by hours", async () => {
  const machine = new Machine();
  await (await machine.start()).next();
  let last: Uint8Array = new Uint8Array(TAI64N_BYTES);
  for (let i = 0; i < 100; i++) {
    machine.disk = machine.disk.restart();
    const { floor } = await (await machine.start()).next();
    assert.ok(compareTai64n(floor, last) > 0);
    last = floor;
  }
  assert.ok(compareTai64n(last, tai64n(machine.clock.wallMs() + RESERVE_AHEAD_MS + 200_000)) < 0);
});

Deno.test("TimestampReserve: a clock that is set forward is followed once that is on disk", async () => {
  const machine = new Machine();
  machine.clock.setWall(0);
  const reserve = await machine.start();
  const range = await reserve.next();
  const source = new TimestampSource(range.floor, range.ceiling);
  machine.clock.setWall(Date.UTC(2026, 0, 1));
  assert.ok(compareTai64n(source.next(machine.clock.wallMs()), range.ceiling) < 0);
  const ceiling = await reserve.renew();
  assert.ok(ceiling);
  source.raiseCeiling(ceiling);
  assert.deepEqual(source.next(machine.clock.wallMs()), tai64n(machine.clock.wallMs()));
});

Deno.test("TimestampReserve: a damaged file is reported, and the clock counts", async () => {
  for (const content of ["", "nonsense", "00".repeat(12), "4".repeat(23), "4".repeat(25)]) {
    const machine = new Machine();
    await machine.disk.makeDirectory(DIRECTORY);
    await (await machine.disk.open(FILE, "create")).write(new TextEncoder().encode(content), 0);
    const { floor } = await (await machine.start()).next();
    assert.deepEqual(floor, new Uint8Array(TAI64N_BYTES), content);
    assert.match(machine.log.lines[0]?.message ?? "", /damaged/, content);
  }
});

Deno.test("TimestampReserve: a disk that fails is reported once, and ranges stay apart", async () => {
  const machine = new Machine();
  const reserve = await machine.start();
  const first = await reserve.next();
  machine.disk.kill();
  const [second, third] = [await reserve.next(), await reserve.next()];
  assert.ok(compareTai64n(second.floor, first.ceiling) > 0);
  assert.ok(compareTai64n(third.floor, second.ceiling) > 0);
  machine.clock.advance(DAY_MS);
  assert.equal(await reserve.renew(), undefined);
  assert.deepEqual(machine.log.lines.map(({ message }) => message), ["cannot keep the time of the last handshake"]);
});

Deno.test("TimestampReserve: calls at once are done one after the other", async () => {
  const machine = new Machine();
  const reserve = await machine.start();
  const [first, , second] = await Promise.all([reserve.next(), reserve.renew(), reserve.next()]);
  assert.ok(compareTai64n(second.floor, first.ceiling) > 0);
  assert.deepEqual(machine.log.lines, []);
});

Deno.test("TimestampReserve: labels increase through power losses, dead workers and a clock that jumps", async () => {
  let labelCount = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(seed);
    const machine = new Machine(seed);
    let last: Uint8Array = new Uint8Array(TAI64N_BYTES);
    for (let life = 0; life < 6; life++) {
      if (random.oneIn(2)) machine.clock.setWall(random.below(4) * DAY_MS * 300);
      machine.disk.crashAfter(8 + random.below(40));
      let source: TimestampSource | undefined;
      try {
        const reserve = await machine.start();
        for (let i = 0; i < 40; i++) {
          if (!source || random.oneIn(10)) {
            const { floor, ceiling } = await reserve.next();
            source = new TimestampSource(floor, ceiling);
          }
          if (random.oneIn(6)) machine.clock.setWall(random.below(4) * DAY_MS * 300);
          machine.clock.advance(random.below(20 * MINUTE_MS));
          if (random.oneIn(3)) {
            const ceiling = await reserve.renew();
            if (ceiling) source.raiseCeiling(ceiling);
          }
          // With the power gone nothing is sent any more.
          if (machine.log.lines.some(({ message }) => message.startsWith("cannot"))) break;
          const label = source.next(machine.clock.wallMs()).slice();
          assert.ok(compareTai64n(label, last) > 0, `seed ${seed}, life ${life}, label ${i}`);
          last = label;
          labelCount++;
        }
      } catch (error) {
        assert.equal((error as Error).name, "PowerLossError");
      }
      machine.log.lines.length = 0;
      machine.disk = machine.disk.restart();
    }
  }
  assert.ok(labelCount > 3_000, `${labelCount}`);
});
