import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { type DataPlane, type DataPlaneOptions, startDataPlane } from "../../../core/dataplane/data_plane.ts";
import type { TunnelPeer } from "../../../core/dataplane/messages.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { openUdpSockets } from "../../../core/io/udp_socket_linux.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { tai64n } from "../../../core/time/tai64n.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { CRASHING_WORKER, CrashOnDemand } from "./crash_on_demand.ts";
import { FakeDevice } from "./fake_device.ts";
import { ipPacket, payloadOf } from "./ip_packet.ts";

const DEADLINE_MS = 10_000;

/** One node of a test: a device, a key and a running data plane. */
interface Node extends AsyncDisposable {
  readonly fake: FakeDevice;
  readonly plane: DataPlane;
  readonly publicKey: string;
  readonly log: MemoryLog;
}

async function startNode(options: Partial<DataPlaneOptions> = {}): Promise<Node> {
  await using stack = new AsyncDisposableStack();
  const fake = stack.use(new FakeDevice());
  const privateKey = PrivateKey.generate(systemRandom);
  const log = new MemoryLog();
  const plane = stack.use(await startDataPlane({ device: fake.device, privateKey, log, ...options }));
  const owned = stack.move();
  return {
    fake,
    plane,
    publicKey: String(privateKey.publicKey(nobleSuite.x25519)),
    log,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

function peerOf(node: Node, part: Partial<TunnelPeer> = {}): TunnelPeer {
  return {
    publicKey: node.publicKey,
    endpoints: [node.fake.endpoint],
    allowedIps: [],
    persistentKeepaliveMs: 0,
    ...part,
  };
}

/** Makes two nodes peers, 10.0.0.1 and 10.0.0.2; only the left knows where the right is. */
function introduce(left: Node, right: Node): void {
  left.plane.upsertPeer(peerOf(right, { allowedIps: ["10.0.0.2/32"] }));
  right.plane.upsertPeer(peerOf(left, { allowedIps: ["10.0.0.1/32"], endpoints: [] }));
}

/** Sends one packet from the left to the right node and waits for it. */
function send(left: Node, right: Node, text: string): string {
  left.fake.route(ipPacket("10.0.0.1", "10.0.0.2", text));
  return payloadOf(right.fake.take() ?? new Uint8Array(0));
}

Deno.test("startDataPlane: two workers carry packets both ways over real sockets", async () => {
  await using left = await startNode();
  await using right = await startNode();
  introduce(left, right);
  assert.equal(send(left, right, "hello"), "hello");
  right.fake.route(ipPacket("10.0.0.2", "10.0.0.1", "and back"));
  assert.equal(payloadOf(left.fake.take() ?? new Uint8Array(0)), "and back");
  assert.equal(left.log.count("data plane ready"), 1);
  const slower = left.log.lines.find((line) => line.message === "first packets will be slower");
  assert.equal(slower?.fields["why"], "the device has no offloads");
});

Deno.test("DataPlane.status: has peers with endpoints and bytes, port and counters", async () => {
  await using left = await startNode();
  await using right = await startNode();
  introduce(left, right);
  send(left, right, "hello");
  const status = await right.plane.status();
  assert.equal(status.listenPort, right.fake.device.listenPort);
  assert.equal(status.restartCount, 0);
  const [peer, ...others] = status.peers;
  assert.ok(peer && others.length === 0);
  assert.equal(peer.publicKey, left.publicKey);
  assert.equal(peer.endpoint, left.fake.endpoint, "learned from the handshake");
  assert.deepEqual(peer.allowedIps, ["10.0.0.1/32"]);
  assert.equal(peer.sessionState, "established");
  assert.ok(Math.abs((peer.lastHandshakeWallMs ?? 0) - Date.now()) < 60_000);
  assert.ok(peer.rxBytes > 148 && peer.txBytes >= 92, "at least the handshake");
  assert.equal(status.drops["not-wireguard"], 0);
  assert.ok(status.lastTimestamp.every((byte) => byte === 0), "it began no handshake");
  assert.ok((await left.plane.status()).lastTimestamp.some((byte) => byte !== 0));
});

Deno.test("DataPlane.status: questions asked meanwhile share one answer", async () => {
  await using node = await startNode();
  const [one, two] = await Promise.all([node.plane.status(), node.plane.status()]);
  assert.equal(one, two);
  assert.notEqual(await node.plane.status(), one);
});

Deno.test("DataPlane.status: an answer is newer than what the worker was told before the question", async () => {
  await using node = await startNode();
  await using other = await startNode();
  const before = node.plane.status();
  node.plane.upsertPeer(peerOf(other));
  const after = node.plane.status();
  assert.deepEqual((await before).peers, []);
  assert.equal((await after).peers.length, 1);
});

Deno.test("DataPlane.pause: no packet passes, also after a restart; resume brings everything back", async () => {
  using crash = new CrashOnDemand();
  await using left = await startNode({ workerUrl: CRASHING_WORKER, isPaused: true });
  await using right = await startNode();
  introduce(left, right);
  left.fake.route(ipPacket("10.0.0.1", "10.0.0.2", "waits in the device"));
  crash.demand();
  await left.plane.status().catch(() => {});
  await eventually("the replacement", () => left.log.count("data plane ready") === 2, DEADLINE_MS);
  assert.equal((await left.plane.status()).peers[0]?.txBytes, 0);
  left.plane.resume();
  assert.equal(payloadOf(right.fake.take() ?? new Uint8Array(0)), "waits in the device");
  left.plane.pause();
  const paused = await left.plane.status();
  assert.equal(paused.peers[0]?.sessionState, "none");
  right.fake.route(ipPacket("10.0.0.2", "10.0.0.1", "to nobody"));
  left.fake.route(ipPacket("10.0.0.1", "10.0.0.2", "later"));
  assert.deepEqual((await left.plane.status()).peers, paused.peers);
  // Two handshakes within a few milliseconds would be taken for a flood.
  right.plane.replacePeers([]);
  introduce(left, right);
  await right.plane.status();
  left.plane.resume();
  assert.equal(payloadOf(right.fake.take() ?? new Uint8Array(0)), "later");
});

Deno.test("DataPlane.setPrivateKey: holds at once, and for the workers that follow", async () => {
  using crash = new CrashOnDemand();
  await using left = await startNode({ workerUrl: CRASHING_WORKER });
  await using right = await startNode();
  introduce(left, right);
  assert.equal(send(left, right, "old name"), "old name");
  using privateKey = PrivateKey.generate(systemRandom);
  left.plane.setPrivateKey(privateKey);
  const renamed: Node = { ...left, publicKey: String(privateKey.publicKey(nobleSuite.x25519)) };
  right.plane.replacePeers([peerOf(renamed, { allowedIps: ["10.0.0.1/32"], endpoints: [] })]);
  await right.plane.status();
  assert.equal(send(left, right, "new name"), "new name");
  crash.demand();
  await left.plane.status().catch(() => {});
  await eventually("the replacement", () => left.log.count("data plane ready") === 2, DEADLINE_MS);
  assert.equal(send(left, right, "still the new name"), "still the new name");
});

Deno.test("DataPlane.movePeer: the operator's word is newer than what was learned", async () => {
  await using left = await startNode();
  await using right = await startNode();
  introduce(left, right);
  assert.equal(send(left, right, "hello"), "hello");
  left.plane.movePeer(right.publicKey, "192.0.2.1:9");
  assert.equal((await left.plane.status()).peers[0]?.endpoint, "192.0.2.1:9");
  assert.throws(() => left.plane.movePeer(right.publicKey, "nowhere"), { reason: "invalid-argument" });
});

Deno.test("DataPlane: peers are removed and replaced", async () => {
  await using node = await startNode();
  const keys = Array.from({ length: 3 }, () => String(PrivateKey.generate(systemRandom).publicKey(nobleSuite.x25519)));
  const peers = keys.map((publicKey): TunnelPeer => ({
    publicKey,
    endpoints: [],
    allowedIps: [],
    persistentKeepaliveMs: 0,
  }));
  const present = async () => (await node.plane.status()).peers.map((peer) => peer.publicKey);
  node.plane.replacePeers(peers.slice(0, 2));
  assert.deepEqual(await present(), keys.slice(0, 2));
  node.plane.removePeer(keys[0] ?? "");
  node.plane.removePeer("nobody");
  assert.deepEqual(await present(), keys.slice(1, 2));
  node.plane.replacePeers(peers.slice(2));
  assert.deepEqual(await present(), keys.slice(2));
});

Deno.test("DataPlane: a malformed peer is refused and nothing changes", async () => {
  await using node = await startNode();
  const good: TunnelPeer = {
    publicKey: `${"A".repeat(42)}E=`,
    endpoints: [],
    allowedIps: [],
    persistentKeepaliveMs: 0,
  };
  node.plane.upsertPeer(good);
  const bad = { ...good, publicKey: `${"B".repeat(42)}E=`, allowedIps: ["everything"] };
  assert.throws(() => node.plane.upsertPeer(bad), { reason: "invalid-argument" });
  assert.throws(() => node.plane.replacePeers([bad]), { reason: "invalid-argument" });
  assert.deepEqual((await node.plane.status()).peers.map((peer) => peer.publicKey), [good.publicKey]);
});

Deno.test("DataPlane: a peer that the engine refuses is logged and harms nobody", async () => {
  await using node = await startNode();
  node.plane.upsertPeer(peerOf(node));
  assert.deepEqual((await node.plane.status()).peers, []);
  assert.equal(node.log.count("peer refused"), 1);
});

Deno.test("DataPlane: garbage on the port is counted and answered by nothing", async () => {
  await using node = await startNode();
  await using other = await startNode();
  using sockets = openUdpSockets(node.fake.device.libc, 0);
  const to = Endpoint.parse(node.fake.endpoint);
  assert.ok(to);
  for (const bytes of [[0], [9, 9, 9, 9], [1, 0, 0, 0], [4, 0, 0, 0, ...new Array(60).fill(7)]]) {
    sockets.ipv4.send(Uint8Array.from(bytes), 0, bytes.length, to);
  }
  await eventually("the counters", async () => {
    const { drops } = await node.plane.status();
    return drops["not-wireguard"] === 2 && drops["wrong-length"] === 1 && drops["unknown-receiver"] === 1;
  }, DEADLINE_MS);
  introduce(other, node);
  assert.equal(send(other, node, "still here"), "still here");
});

Deno.test("DataPlane: a worker that dies is replaced, knows all peers, and packets flow again", async () => {
  using crash = new CrashOnDemand();
  await using left = await startNode({ workerUrl: CRASHING_WORKER });
  await using right = await startNode();
  introduce(left, right);
  assert.equal(send(left, right, "before"), "before");

  for (let crashCount = 1; crashCount <= 2; crashCount++) {
    crash.demand();
    // The worker answers and dies in one turn, so this may fail either way.
    await left.plane.status().catch(() => {});
    await eventually("the replacement", () => left.log.count("data plane ready") === crashCount + 1, DEADLINE_MS);
    const status = await left.plane.status();
    assert.equal(status.restartCount, crashCount);
    assert.equal(status.listenPort, left.fake.device.listenPort);
    assert.deepEqual(status.peers.map((peer) => peer.publicKey), [right.publicKey]);
    assert.equal(send(left, right, `after ${crashCount}`), `after ${crashCount}`);
  }
  const deaths = left.log.lines.filter((line) => line.message === "data plane died");
  assert.deepEqual(deaths.map((line) => line.fields.error), ["Error: crashed as told", "Error: crashed as told"]);
  assert.deepEqual(deaths.map((line) => line.fields.restartInMs), [100, 200], "never a tight loop");
});

Deno.test("DataPlane: every worker has handshake times of its own", async () => {
  using crash = new CrashOnDemand();
  const floors = [tai64n(1e12), tai64n(2e12)];
  const timestamps = {
    next: () => Promise.resolve({ floor: floors.shift() ?? tai64n(0), ceiling: tai64n(3e12) }),
  };
  await using node = await startNode({ workerUrl: CRASHING_WORKER, timestamps });
  assert.deepEqual((await node.plane.status()).lastTimestamp, tai64n(1e12));
  node.plane.raiseTimestampCeiling(tai64n(4e12));
  crash.demand();
  await node.plane.status().catch(() => {});
  await eventually("the replacement", () => node.log.count("data plane ready") === 2, DEADLINE_MS);
  assert.deepEqual((await node.plane.status()).lastTimestamp, tai64n(2e12));
});

Deno.test("DataPlane: can be stopped while its worker is being replaced, and says so when asked", async () => {
  using crash = new CrashOnDemand();
  await using node = await startNode({ workerUrl: CRASHING_WORKER });
  crash.demand();
  await node.plane.status().catch(() => {});
  await eventually("the death", () => node.log.count("data plane died") === 1, DEADLINE_MS);
  await assert.rejects(node.plane.status(), { name: "MeshError", reason: "unavailable" });
  node.plane.removePeer("nobody");
});

Deno.test("DataPlane: stops within a second, and is deaf afterwards", async () => {
  const node = await startNode();
  const startMs = performance.now();
  await node[Symbol.asyncDispose]();
  assert.ok(performance.now() - startMs < 1_000);
  await assert.rejects(node.plane.status(), { reason: "unavailable" });
});

Deno.test("startDataPlane: a worker that cannot start is an error, not a loop", async () => {
  using fake = new FakeDevice();
  const started = startDataPlane({
    device: fake.device,
    privateKey: PrivateKey.generate(systemRandom),
    log: new MemoryLog(),
    workerUrl: new URL("data:text/javascript,throw new Error('no such thing')"),
  });
  await assert.rejects(started, /no such thing/);
});

Deno.test("DataPlane.underlayChanged: peers hear from this node without being asked", async () => {
  await using left = await startNode();
  await using right = await startNode();
  introduce(left, right);
  send(left, right, "hello");
  const receivedBytes = async () => (await right.plane.status()).peers[0]?.rxBytes ?? 0;
  const before = await receivedBytes();
  left.plane.underlayChanged(true);
  await eventually("an empty packet", async () => await receivedBytes() === before + 32, DEADLINE_MS);
});
