import assert from "node:assert/strict";
import fc from "fast-check";
import { compareTai64n, tai64n } from "../../../core/time/tai64n.ts";
import { TimestampSource } from "../../../core/wireguard/timestamp_source.ts";

Deno.test("TimestampSource.next: every label is later than all before, wherever the clock goes", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: -1e6, max: 1e13 }), { minLength: 2 }), (clock) => {
    const source = new TimestampSource();
    let last = source.last;
    for (const wallMs of clock) {
      const label = source.next(wallMs).slice();
      assert.ok(compareTai64n(label, last) > 0);
      last = label;
    }
    assert.deepEqual(source.last, last);
  }));
});

Deno.test("TimestampSource.next: follows the clock, rounded down to 16.8 ms", () => {
  const source = new TimestampSource();
  assert.deepEqual(source.next(1_704_067_200_010), tai64n(1_704_067_200_000));
  assert.deepEqual(source.next(1_704_067_201_000), tai64n(1_704_067_201_000));
});

Deno.test("TimestampSource: a floor from before a restart holds while the clock is behind it", () => {
  const before = new TimestampSource();
  before.next(Date.UTC(2030, 0, 1));
  const after = new TimestampSource(before.last);
  assert.ok(compareTai64n(after.next(0), before.last) > 0);
  assert.ok(compareTai64n(after.next(Date.UTC(2024, 0, 1)), before.last) > 0);
  assert.deepEqual(after.next(Date.UTC(2031, 0, 1)), tai64n(Date.UTC(2031, 0, 1)));
});

Deno.test("TimestampSource: copies its floor, and gives out copies of the last label", () => {
  const floor = tai64n(1000);
  const source = new TimestampSource(floor);
  floor.fill(0xff);
  source.last.fill(0xff);
  assert.deepEqual(source.last, tai64n(1000));
  assert.throws(() => new TimestampSource(new Uint8Array(11)));
});

Deno.test("TimestampSource: does not follow the clock beyond its ceiling until that is raised", () => {
  const floor = tai64n(1_000);
  const ceiling = tai64n(60_000);
  const source = new TimestampSource(floor, ceiling);
  const [followed, last] = [source.next(50_000).slice(), source.next(70_000).slice()];
  assert.deepEqual(followed, tai64n(50_000, 2 ** 24));
  assert.ok(compareTai64n(last, followed) > 0 && compareTai64n(last, ceiling) < 0);
  ceiling.set(tai64n(80_000));
  assert.ok(compareTai64n(source.next(70_000), tai64n(60_000)) < 0, "copies its ceiling");
  source.raiseCeiling(ceiling);
  assert.deepEqual(source.next(70_000), tai64n(70_000, 2 ** 24));
});

Deno.test("TimestampSource: passes its ceiling by no more than it has to", () => {
  const source = new TimestampSource(tai64n(60_000), tai64n(60_000));
  for (let i = 0; i < 1_000; i++) source.next(1e12);
  const label = source.last;
  assert.ok(compareTai64n(label, tai64n(60_000)) > 0 && compareTai64n(label, tai64n(60_001)) < 0);
});
