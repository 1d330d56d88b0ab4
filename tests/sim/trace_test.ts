import assert from "node:assert/strict";
import { Trace } from "./trace.ts";

Deno.test("Trace: the hash tells runs apart by time, member, kind and state", () => {
  const hash = (...events: readonly [number, number, string, readonly number[]][]) => {
    const trace = new Trace();
    for (const [atUs, member, what, state] of events) trace.add(atUs, member, what, undefined, state);
    return trace.hash;
  };
  const base = hash([1, 1, "tick", [0, 1]], [2, 1, "tick", [0, 2]]);
  assert.equal(base, hash([1, 1, "tick", [0, 1]], [2, 1, "tick", [0, 2]]));
  const others = [
    hash([1, 1, "tick", [0, 1]], [3, 1, "tick", [0, 2]]),
    hash([1, 1, "tick", [0, 1]], [2, 2, "tick", [0, 2]]),
    hash([1, 1, "tick", [0, 1]], [2, 1, "arrive", [0, 2]]),
    hash([1, 1, "tick", [0, 1]], [2, 1, "tick", [0, 3]]),
    hash([2, 1, "tick", [0, 2]], [1, 1, "tick", [0, 1]]),
  ];
  assert.equal(new Set([base, ...others]).size, 6);
});

Deno.test("Trace: keeps the last lines, in words", () => {
  const trace = new Trace(2);
  for (let i = 0; i < 5; i++) trace.add(i * 1000, i, "arrive", { kind: "append", entries: [1, 2, 3, 4, 5, 6] }, [3, i]);
  const lines = trace.lines();
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? "", /^4 4\.000ms #4 arrive \{"kind":"append","entries":\[1,2,3,"… 6"\]\} \[L term=4\]$/);
});
