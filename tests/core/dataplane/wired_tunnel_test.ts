import { strict as assert } from "node:assert";
import type { ControlMessage, WorkerMessage, WorkerStart } from "../../../core/dataplane/messages.ts";
import { allocateLoopMemory } from "../../../core/dataplane/packet_loop.ts";
import { rehearse } from "../../../core/dataplane/rehearsal.ts";
import { type TunnelPort, wireTunnel } from "../../../core/dataplane/wired_tunnel.ts";
import { bootClock } from "../../../core/io/clock.ts";
import { openCryptoSuite } from "../../../core/io/crypto_suite.ts";
import { Eventfd } from "../../../core/io/eventfd.ts";
import { TunLinux } from "../../../core/io/tun_linux.ts";
import { FakeDevice } from "./fake_device.ts";
import { ipPacket, payloadOf } from "./ip_packet.ts";

const TURNS_MAX = 100;

/** A wired tunnel without a thread. */
class Lone implements Disposable {
  readonly heard: WorkerMessage[] = [];
  readonly start: WorkerStart;
  readonly tunnel: ReturnType<typeof wireTunnel>;
  readonly fake: FakeDevice;
  readonly #queue: ControlMessage[] = [];
  readonly #wake: Eventfd;
  readonly #stack = new DisposableStack();

  constructor(key: number, hasRehearsal = false) {
    this.fake = this.#stack.use(new FakeDevice());
    const { interfaceName, mtu, listenPort, descriptors, libc } = this.fake.device;
    this.#wake = this.#stack.use(Eventfd.open(libc));
    this.start = {
      ...{ interfaceName, mtu, listenPort, descriptors, peers: [] },
      ...{ timestampFloor: undefined, timestampCeiling: undefined },
      privateKey: new Uint8Array(32).fill(key),
    };
    const port: TunnelPort = {
      start: this.start,
      wakeFd: this.#wake.fd,
      takeAll: (handle) => {
        this.#wake.clear();
        this.#queue.splice(0).forEach(handle);
      },
      send: (message) => this.heard.push(message),
    };
    const suite = this.#stack.use(openCryptoSuite());
    const memory = allocateLoopMemory();
    if (hasRehearsal) assert.equal(rehearse({ libc, suite, memory }).whyNot, undefined);
    const device = TunLinux.lent(libc, descriptors.tun, interfaceName);
    this.tunnel = this.#stack.use(wireTunnel({ libc, clock: bootClock(libc), suite, memory, device, port }));
  }

  say(message: ControlMessage): void {
    this.#queue.push(message);
    this.#wake.wake();
    this.tunnel.loop.turn();
  }

  /** As JSON would have it. */
  status(): Extract<WorkerMessage, { kind: "status" }>["status"] {
    this.say({ kind: "status", id: 1 });
    const last = this.heard.at(-1);
    assert.ok(last?.kind === "status");
    return last.status;
  }

  /** A turn that does not wait. */
  turn(): void {
    this.#wake.wake();
    this.tunnel.loop.turn();
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** The public keys that belong to 32 bytes of 1 and of 2. */
async function publicKeyOf(key: number): Promise<string> {
  const { nobleSuite } = await import("../../../core/crypto/noble_suite.ts");
  return nobleSuite.x25519.publicKey(new Uint8Array(32).fill(key)).toBase64();
}

Deno.test("wireTunnel: takes the private key away, and the inbox hears", () => {
  using lone = new Lone(1);
  assert.deepEqual(lone.start.privateKey, new Uint8Array(32));
  assert.equal(lone.status().peers.length, 0);
  lone.say({ kind: "stop" });
  assert.ok(lone.tunnel.inbox.isStopping);
});

Deno.test("wireTunnel: after a rehearsal in the same memory nothing of it is left, and packets get through", async () => {
  using left = new Lone(1, true);
  using right = new Lone(2, true);
  for (const one of [left, right]) {
    const { drops, handshakes, peers } = one.status();
    assert.ok(Object.values(drops).every((count) => count === 0));
    assert.ok(Object.values(handshakes).every((count) => count === 0));
    assert.equal(peers.length, 0);
  }
  const keys = [await publicKeyOf(1), await publicKeyOf(2)];
  const peerOf = (publicKey: string, endpoint: string): ControlMessage => ({
    kind: "upsert-peer",
    peer: { publicKey, endpoints: [endpoint], allowedIps: ["10.0.0.0/24"], persistentKeepaliveMs: 0 },
  });
  left.say(peerOf(keys[1] ?? "", right.fake.endpoint));
  right.say(peerOf(keys[0] ?? "", left.fake.endpoint));
  left.fake.route(ipPacket("10.0.0.1", "10.0.0.2", "hello"));
  let packet: Uint8Array | undefined;
  for (let i = 0; i < TURNS_MAX && packet === undefined; i++) {
    left.turn();
    right.turn();
    packet = right.fake.take(1);
  }
  assert.ok(packet, "it arrives");
  assert.equal(payloadOf(packet), "hello");
});
