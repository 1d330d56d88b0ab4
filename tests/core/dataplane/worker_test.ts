import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { ControlMessage, WorkerMessage, WorkerStart } from "../../../core/dataplane/messages.ts";
import { PollingThread } from "../../../core/io/polling_thread.ts";
import { FakeDevice } from "./fake_device.ts";

const WORKER = new URL("../../../core/dataplane/worker.ts", import.meta.url);
const PEER = String(new Uint8Array(32).fill(9).toBase64());

function startOf(fake: FakeDevice, part: Partial<WorkerStart> = {}): WorkerStart {
  const { interfaceName, mtu, listenPort, descriptors } = fake.device;
  const peer = { publicKey: PEER, endpoints: [], allowedIps: ["10.0.0.2/32"], persistentKeepaliveMs: 0 };
  return {
    interfaceName,
    mtu,
    listenPort,
    descriptors,
    privateKey: new Uint8Array(32).fill(1),
    timestampFloor: undefined,
    timestampCeiling: undefined,
    peers: [peer],
    ...part,
  };
}

/** Runs a worker through `messages` and returns all it said. */
async function live(start: WorkerStart, fake: FakeDevice, messages: ControlMessage[]): Promise<WorkerMessage[]> {
  const heard: WorkerMessage[] = [];
  await using thread = new PollingThread<ControlMessage, WorkerMessage>(
    fake.device.libc,
    { url: WORKER, name: "worker", start },
    (message) => heard.push(message),
  );
  for (const message of messages) thread.post(message);
  const failure = await thread.ended;
  if (failure) throw failure;
  return heard;
}

Deno.test("worker: says when it is ready, knows its peers from the start, and ends when told", async () => {
  using fake = new FakeDevice();
  const heard = await live(startOf(fake), fake, [{ kind: "status", id: 1 }, { kind: "stop" }]);
  assert.deepEqual(heard.map((message) => message.kind), ["ready", "status"]);
  assert.ok(heard[1]?.kind === "status");
  assert.deepEqual(heard[1].status.peers.map((peer) => peer.publicKey), [PEER]);
});

Deno.test("worker: its timestamps are later than the floor it was given", async () => {
  using fake = new FakeDevice();
  const floor = Uint8Array.fromHex("400000007000000000000000");
  const heard = await live(startOf(fake, { timestampFloor: floor }), fake, [{ kind: "status", id: 1 }, {
    kind: "stop",
  }]);
  assert.ok(heard[1]?.kind === "status");
  assert.deepEqual(heard[1].status.lastTimestamp, floor);
});

Deno.test("worker: does not close what it was lent", async () => {
  using fake = new FakeDevice();
  await live(startOf(fake), fake, [{ kind: "stop" }]);
  const heard = await live(startOf(fake), fake, [{ kind: "stop" }]);
  assert.equal(heard.length, 1);
});

Deno.test("worker: its own key as a peer is refused and is not the end", async () => {
  using fake = new FakeDevice();
  const start = startOf(fake);
  const publicKey = nobleSuite.x25519.publicKey(start.privateKey).toBase64();
  const peers = [{ publicKey, endpoints: [], allowedIps: [], persistentKeepaliveMs: 0 }];
  const heard = await live({ ...start, peers }, fake, [{ kind: "stop" }]);
  assert.deepEqual(heard.map((message) => message.kind), ["peer-refused", "ready"]);
});
