import assert from "node:assert/strict";
import { World, type WorldNode } from "./world.ts";

const NODES = 4;
const HOURS = 2;
const HOUR_MS = 3_600_000;
const SEEDS = [1, 2, 3];

/** One thing that happens to the mesh. */
type Happening = (world: World) => void;

function pick(world: World): WorldNode {
  return world.nodes[world.random.below(world.nodes.length)]!;
}

/** Two different nodes. */
function pickTwo(world: World): [WorldNode, WorldNode] {
  const first = pick(world);
  const others = world.nodes.filter((node) => node !== first);
  return [first, others[world.random.below(others.length)]!];
}

let port = 20_000;

const HAPPENINGS: readonly Happening[] = [
  (world) => {
    const [from, to] = pickTwo(world);
    for (let i = world.random.below(20); i >= 0; i--) from.say(`${world.random.u32()} from ${from.ip}`, to);
  },
  (world) => {
    const [from, to] = pickTwo(world);
    from.say(`${world.random.u32()} from ${from.ip}`, to);
    to.say(`${world.random.u32()} from ${to.ip}`, from);
  },
  (world) => pick(world).moveTo(`192.0.2.${1 + world.random.below(250)}:${port++}`),
  (world) => {
    const lossFraction = world.random.below(4) / 10;
    world.link.weather = {
      lossFraction,
      duplicateFraction: 0.1,
      delayMinMs: 1,
      delayMaxMs: 1 + world.random.below(2000),
    };
  },
  (world) => {
    const [a, b] = pickTwo(world);
    world.link.passes = (from, to) => ![`${from}`, `${to}`].every((name) => name === a.address || name === b.address);
  },
  (world) => void (world.link.passes = () => true),
  (world) => world.clock.setWall(world.clock.now.wallMs + (world.random.below(7) - 3) * HOUR_MS),
  (world) => {
    const node = pick(world);
    world.restart(node, { timestampFloor: node.engine.lastTimestamp });
  },
  (world) => {
    const [node, other] = pickTwo(world);
    node.addPeer(other, { persistentKeepaliveMs: world.random.below(3) * 10_000 });
  },
  (world) => {
    const [node, other] = pickTwo(world);
    node.engine.removePeer(other.publicKey);
    node.addPeer(other);
  },
  (world) => pick(world).engine.reportLoad(world.clock.now),
];

/** Texts delivered to a node: each was sent to it by the peer whose packet it was, and none came twice. */
function checkDeliveries(world: World): void {
  for (const node of world.nodes) {
    const distinct = new Set(node.received);
    assert.equal(distinct.size, node.received.length, "nothing is delivered twice");
    for (const [i, text] of node.received.entries()) {
      const sender = world.nodes.find(({ ip }) => text.endsWith(`from ${ip}`));
      assert.equal(String(node.packets[i]!.peer.publicKey), sender && String(sender.publicKey));
    }
  }
}

for (const seed of SEEDS) {
  Deno.test(`Engine: simulated mesh, ${NODES} nodes, ${HOURS} h, seed ${seed}`, () => {
    const world = new World(seed);
    for (let i = 0; i < NODES; i++) world.addNode();
    for (const node of world.nodes) {
      for (const other of world.nodes) if (other !== node) node.addPeer(other);
    }
    const endMs = world.clock.now.nowMs + HOURS * HOUR_MS;
    while (world.clock.now.nowMs < endMs) {
      HAPPENINGS[world.random.below(HAPPENINGS.length)]!(world);
      world.run(world.random.oneIn(10) ? world.random.below(400_000) : world.random.below(20_000));
      checkDeliveries(world);
    }

    // Liveness: once the weather is calm and everybody knows where everybody is, everybody is heard.
    world.link.weather = { lossFraction: 0, duplicateFraction: 0, delayMinMs: 10, delayMaxMs: 10 };
    world.link.passes = () => true;
    for (const node of world.nodes) {
      for (const other of world.nodes) if (other !== node) node.addPeer(other);
    }
    for (const from of world.nodes) {
      for (const to of world.nodes) {
        if (from === to) continue;
        const before = to.received.length;
        world.runUntil(() => {
          from.say(`${world.random.u32()} from ${from.ip}`, to);
          return to.received.length > before;
        }, 30_000);
      }
    }
    checkDeliveries(world);
  });
}

Deno.test("Engine: the same seed gives the same run, byte for byte", () => {
  const trace = () => {
    port = 20_000;
    const world = new World(7);
    for (let i = 0; i < 3; i++) world.addNode();
    for (const node of world.nodes) {
      for (const other of world.nodes) if (other !== node) node.addPeer(other);
    }
    for (let i = 0; i < 60; i++) {
      HAPPENINGS[world.random.below(HAPPENINGS.length)]!(world);
      world.run(world.random.below(20_000));
    }
    return world.nodes.flatMap(({ sent }) => sent.map(({ atMs, bytes, to }) => `${atMs} ${to} ${bytes.toHex()}`));
  };
  assert.deepEqual(trace(), trace());
});
