import assert from "node:assert/strict";
import { formatHostPort, type HostPort } from "../../../core/node/config.ts";
import { JOIN_REDIRECT_COUNT_MAX, JOIN_TIMEOUT_MS, type JoinCalls, joinMesh } from "../../../core/node/join.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { Log } from "../../../core/seams/log.ts";

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const A: HostPort = { host: "a", port: 1 };
const B: HostPort = { host: "b", port: 2 };

function calls(
  join: (server: string) => string,
  discover: (server: string) => HostPort[] = () => fail("unimplemented"),
): JoinCalls<string> & { readonly asked: string[] } {
  const asked: string[] = [];
  let nowMs = 0;
  return {
    asked,
    join: (server) => {
      asked.push(formatHostPort(server));
      return Promise.resolve().then(() => join(formatHostPort(server)));
    },
    discover: (server) => {
      asked.push(`discover ${formatHostPort(server)}`);
      return Promise.resolve().then(() => discover(formatHostPort(server)));
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

Deno.test("joinMesh: a server that discovers stands for the nodes it names, anew in each round", async () => {
  let round = 0;
  const world = calls(
    (server) => server === "c:3" ? "welcome" : fail("unavailable"),
    () => ++round === 1 ? [B] : [B, { host: "c", port: 3 }],
  );
  assert.equal(await joinMesh([{ ...A, discovers: true }], world), "welcome");
  assert.deepEqual(world.asked, ["discover a:1", "b:2", "discover a:1", "b:2", "c:3"]);
});

Deno.test("joinMesh: a discovered node that does not lead names the leader", async () => {
  const world = calls(
    (server) => server === "192.0.2.9:8443" ? "welcome" : fail("not-leader", "192.0.2.9:8443"),
    () => [B],
  );
  assert.equal(await joinMesh([{ ...A, discovers: true }], world), "welcome");
  assert.deepEqual(world.asked, ["discover a:1", "b:2", "192.0.2.9:8443"]);
});

Deno.test("joinMesh: what one server cannot do another may; if none can, it ends at once", async () => {
  const world = calls((server) => server === "b:2" ? "welcome" : fail("unimplemented"));
  assert.equal(await joinMesh([A, { ...A, discovers: true }, B], world), "welcome");
  assert.deepEqual(world.asked, ["a:1", "discover a:1", "b:2"]);
  const none = calls(() => fail("unimplemented"));
  await assert.rejects(joinMesh([A, { ...B, discovers: true }], none), (error) => {
    assert(error instanceof MeshError);
    assert.deepEqual([error.reason, error.message], ["unimplemented", "Cannot join by discover://b:2: unimplemented"]);
    assert.equal(error.hint, "Start that node with --feature peer-discovery, or leave out discover://.");
    return true;
  });
  assert.deepEqual(none.asked, ["a:1", "discover b:2"]);
  const mixed = calls((server) => server === "a:1" ? fail("unimplemented") : fail("unavailable"));
  await assert.rejects(joinMesh([A, B], mixed), { reason: "timeout" });
});

Deno.test("joinMesh: a mesh without nodes that others reach may have some later", async () => {
  let round = 0;
  const world = calls(() => "welcome", () => ++round < 3 ? fail("not-found") : [B]);
  assert.equal(await joinMesh([{ ...A, discovers: true }], world), "welcome");
  assert.equal(round, 3);
});
