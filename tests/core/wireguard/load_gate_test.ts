import assert from "node:assert/strict";
import { LoadGate } from "../../../core/wireguard/load_gate.ts";

Deno.test("LoadGate.count: one more than the limit within a second is load, for a second", () => {
  const gate = new LoadGate(3);
  for (let i = 0; i < 3; i++) gate.count(i);
  assert.equal(gate.isUnderLoad(3), false);
  gate.count(3);
  assert.ok(gate.isUnderLoad(3));
  assert.ok(gate.isUnderLoad(1002));
  assert.equal(gate.isUnderLoad(1003), false);
});

Deno.test("LoadGate.count: as many spread over two seconds are none", () => {
  const gate = new LoadGate(3);
  for (const atMs of [0, 1, 2, 1000, 1001, 1002]) gate.count(atMs);
  assert.equal(gate.isUnderLoad(1002), false);
});

Deno.test("LoadGate.count: load lasts as long as its cause", () => {
  const gate = new LoadGate(3);
  for (let atMs = 0; atMs < 5000; atMs += 100) gate.count(atMs);
  assert.ok(gate.isUnderLoad(5000));
  assert.equal(gate.isUnderLoad(6000), false);
});

Deno.test("LoadGate.report: the driver's word counts for a second", () => {
  const gate = new LoadGate(3);
  gate.report(10);
  assert.ok(gate.isUnderLoad(1009));
  assert.equal(gate.isUnderLoad(1010), false);
});
