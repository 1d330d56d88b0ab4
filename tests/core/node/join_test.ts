import assert from "node:assert/strict";
import { formatHostPort, type HostPort } from "../../../core/node/config.ts";
import { JOIN_REDIRECT_COUNT_MAX, JOIN_TIMEOUT_MS, type JoinCalls, joinMesh } from "../../../core/node/join.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { Log } from "../../../core/seams/log.ts";

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const A: HostPort = { host: "a", port: 1 };
const B: HostPort = { host: "b", port: 2 };

function calls(join: (server: string) => string): JoinCalls<string> & { readonly asked: string[] } {
  const asked: string[] = [];
  let nowMs = 0;
  return {
    asked,
    join: (server) => {
      asked.push(formatHostPort(server));
      return Promise.resolve().then(() => join(formatHostPort(server)));
    },
    nowMs: () => nowMs,
    wait: (delayMs) => {
      nowMs += delayMs;
      return Promise.resolve();
    },
    log: quiet,
  };
}

function fail(reason: ConstructorParameters<typeof MeshError>[0], leaderAddress?: string): never {
  throw new MeshError(reason, reason, leaderAddress === undefined ? {} : { leaderAddress });
}

Deno.test("joinMesh: tries servers in turn and returns the first answer", async () => {
  const world = calls((server) => server === "b:2" ? "welcome" : fail("unavailable"));
  assert.equal(await joinMesh([A, B], world), "welcome");
  assert.deepEqual(world.asked, ["a:1", "b:2"]);
});

Deno.test("joinMesh: follows the leader hint, but not in circles", async () => {
  const world = calls((server) => server === "192.0.2.9:8443" ? "welcome" : fail("not-leader", "192.0.2.9:8443"));
  assert.equal(await joinMesh([A], world), "welcome");
  assert.deepEqual(world.asked, ["a:1", "192.0.2.9:8443"]);
  const circle = calls(() => fail("not-leader", "a:1"));
  await assert.rejects(joinMesh([A], circle), /no server accepted/);
  assert.equal(circle.asked.length % (JOIN_REDIRECT_COUNT_MAX + 1), 0);
});

Deno.test("joinMesh: answers that will not change end it at once", async () => {
  for (const reason of ["invalid-argument", "already-exists", "permission-denied", "exhausted"] as const) {
    const world = calls(() => fail(reason));
    await assert.rejects(joinMesh([A, B], world), { reason });
    assert.equal(world.asked.length, 1, reason);
  }
});

Deno.test("joinMesh: gives up after its time and says what each server said", async () => {
  const world = calls(() => fail("unavailable"));
  await assert.rejects(joinMesh([A, B], world), (error) => {
    assert(error instanceof MeshError);
    assert.equal(error.reason, "timeout");
    assert.match(error.message, /a:1: unavailable; b:2: unavailable/);
    return true;
  });
  assert(world.nowMs() <= JOIN_TIMEOUT_MS);
  assert(world.asked.length > 10);
});
