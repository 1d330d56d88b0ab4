/** What strangers, and those who overhear, send to the port: nothing of it throws, is answered or delivered, and all of it is counted. */
import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { LOOP_DROP_REASONS } from "../../../core/dataplane/loop_drops.ts";
import { FIRST_SOCKET_INDEX, PacketLoop, TUN_INDEX } from "../../../core/dataplane/packet_loop.ts";
import { PathMtu } from "../../../core/dataplane/path_mtu.ts";
import { parsePeer } from "../../../core/dataplane/tunnel_peer.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { DROP_REASONS, type DropReason } from "../../../core/wireguard/drop_reason.ts";
import { Engine } from "../../../core/wireguard/engine.ts";
import type { EngineLimits } from "../../../core/wireguard/limits.ts";
import { MemoryTun } from "../../twins/memory_tun.ts";
import { type Datagram, MemoryNetwork, type MemoryUdpSocket } from "../../twins/memory_udp.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { forgedInitiation, withRightMac1 } from "../wireguard/forgery.ts";
import { LOW_ORDER_KEYS } from "../wireguard/parties.ts";
import { ipPacket, payloadOf } from "./ip_packet.ts";

const ATTACKER = "203.0.113.66:6666";
const LENGTH_MAX = 2_000;
/** A replay this far behind is outside of every window, and this far ahead was never sent. */
const REPLAY_DISTANCE = 8_192;
const [INITIATION, RESPONSE, TRANSPORT] = [1, 2, 4];
/** Datagrams that wait in a socket; more at once would be lost before they are looked at. */
const BATCH = 512;
const POINTS = LOW_ORDER_KEYS.map((hex) => Uint8Array.fromHex(hex));

/** A node with a packet loop on one socket. */
class Victim {
  readonly tun = new MemoryTun();
  readonly engine: Engine;
  readonly loop: PacketLoop;
  readonly socket: MemoryUdpSocket;

  constructor(world: HostileWorld, address: string) {
    const { random, network, time, limits } = world;
    this.socket = network.bind(address);
    this.engine = new Engine({ privateKey: PrivateKey.generate(random), suite: nobleSuite, random, mtu: 1420, limits });
    this.loop = new PacketLoop({
      engine: this.engine,
      tun: this.tun,
      sockets: [this.socket],
      paths: new PathMtu({ routeMtu: () => 1_500, toHost: () => {}, tunnelMtu: 1420 }),
      clock: { monotonicMs: () => time.nowMs, wallMs: () => 1.7e12 + time.nowMs },
      readiness: { wait: () => {}, isReady: (index) => this.#waitingAt(index) > 0 },
      onWake: () => {},
    });
  }

  /** Everything that was ever dropped. */
  get dropCount(): number {
    const engine = DROP_REASONS.reduce((sum, reason) => sum + this.engine.drops[reason], 0);
    return engine + LOOP_DROP_REASONS.reduce((sum, reason) => sum + this.loop.drops[reason], 0);
  }

  dropsBy(reason: DropReason): number {
    return this.engine.drops[reason];
  }

  settle(): void {
    do this.loop.turn(); while (this.tun.waitingCount + this.socket.waitingCount > 0);
  }

  #waitingAt(index: number): number {
    if (index === TUN_INDEX) return this.tun.waitingCount;
    return index === FIRST_SOCKET_INDEX ? this.socket.waitingCount : 0;
  }
}

/** Two nodes that talk, and an attacker who hears everything. */
class HostileWorld {
  readonly random = new SeededRandom(7);
  readonly network = new MemoryNetwork();
  readonly time = { nowMs: 1_000 };
  readonly limits: Partial<EngineLimits>;
  readonly attacker: MemoryUdpSocket;
  readonly left: Victim;
  readonly right: Victim;
  /** All datagrams that the two exchanged. */
  readonly overheard: Datagram[] = [];
  /** What either sent since {@linkcode listen}. */
  sentCount = 0;

  /** @param limits None on load unless given: cookies would be answers. */
  constructor(limits: Partial<EngineLimits> = { handshakesPerSecondMax: Infinity }) {
    this.limits = limits;
    this.attacker = this.network.bind(ATTACKER);
    this.left = new Victim(this, "192.0.2.1:51820");
    this.right = new Victim(this, "192.0.2.2:51820");
    this.network.fate = (datagram) => {
      if (String(datagram.from) !== ATTACKER) {
        this.sentCount++;
        this.overheard.push({ ...datagram, bytes: datagram.bytes.slice() });
      }
      return "deliver";
    };
    for (
      const [node, other, endpoint, ip] of [
        [this.left, this.right, "192.0.2.2:51820", "10.0.0.2/32"],
        [this.right, this.left, undefined, "10.0.0.1/32"],
      ] as const
    ) {
      const publicKey = String(other.engine.publicKey);
      const endpoints = endpoint === undefined ? [] : [endpoint];
      node.engine.upsertPeer(
        parsePeer({ publicKey, endpoints, allowedIps: [ip], persistentKeepaliveMs: 0 }),
        { nowMs: this.time.nowMs, wallMs: 1.7e12 },
      );
    }
  }

  /** A packet each way, so that there is a session and both have sent on it. */
  talk(text = "hello"): void {
    this.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", text));
    this.settle();
    this.right.tun.route(ipPacket("10.0.0.2", "10.0.0.1", text));
    this.settle();
  }

  /** The overheard messages of one type to a node. */
  overheardOf(type: number, to: Victim): Uint8Array[] {
    const name = String(to.socket.endpoint);
    return this.overheard.filter((one) => String(one.to) === name && one.bytes[0] === type).map(({ bytes }) => bytes);
  }

  /** Sends all `messages` to `victim`, and checks that nothing comes of them but counters. */
  assault(victim: Victim, messages: Iterable<Uint8Array>, what: string): number {
    const [drops, written, sent] = [victim.dropCount, victim.tun.written.length, this.sentCount];
    let count = 0;
    for (const message of messages) {
      this.attacker.send(message, 0, message.length, victim.socket.endpoint);
      // A datagram without bytes is nothing to the loop.
      if (message.length > 0) count++;
      if (count % BATCH === 0) victim.settle();
    }
    victim.settle();
    assert.equal(victim.dropCount - drops, count, `${what}: each is counted once`);
    assert.equal(victim.tun.written.length, written, `${what}: nothing is delivered`);
    assert.equal(this.sentCount, sent, `${what}: nothing is answered`);
    assert.equal(this.attacker.waitingCount, 0, `${what}: nothing is answered`);
    victim.engine.checkInvariants();
    return count;
  }

  /** Lets both do what they have to do. */
  settle(): void {
    do {
      this.left.settle();
      this.right.settle();
    } while (this.left.socket.waitingCount + this.right.socket.waitingCount > 0);
  }
}

function* everyFirstByteAtEveryLength(random: SeededRandom): Generator<Uint8Array> {
  const noise = new Uint8Array(LENGTH_MAX + 256);
  random.fill(noise);
  for (let first = 0; first < 256; first++) {
    for (let length = 0; length <= LENGTH_MAX; length++) {
      const message = noise.subarray(length & 0xff, (length & 0xff) + length);
      if (length === 0) {
        yield message;
        continue;
      }
      message[0] = first;
      message.fill(0, 1, 4);
      yield message;
    }
  }
}

function* damaged(message: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < message.length; length++) yield message.subarray(0, length);
  const longer = new Uint8Array(message.length + 16);
  longer.set(message);
  for (let length = message.length + 1; length <= longer.length; length++) yield longer.subarray(0, length);
  for (let bit = 0; bit < message.length * 8; bit++) {
    const changed = message.slice();
    changed[bit >>> 3]! ^= 1 << (bit & 7);
    yield changed;
  }
}

/** The message with other bytes at `at`. */
function replaced(message: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const copy = message.slice();
  copy.set(bytes, at);
  return copy;
}

Deno.test("hostile: every first byte at every length up to 2000", () => {
  const world = new HostileWorld();
  world.talk();
  const count = world.assault(world.right, everyFirstByteAtEveryLength(world.random), "noise");
  assert.equal(count, 256 * LENGTH_MAX);
  for (const reason of ["wrong-length", "mac1-invalid", "unknown-receiver"] as const) {
    assert.ok(world.right.dropsBy(reason) > 0, reason);
  }
  assert.ok(world.right.loop.drops["not-wireguard"] > 250 * LENGTH_MAX);
  world.talk("still there");
  assert.equal(payloadOf(world.right.tun.written.at(-1)!), "still there");
});

Deno.test("hostile: real messages cut, prolonged and with any bit changed", () => {
  const world = new HostileWorld();
  world.talk();
  const { left, right } = world;
  // mac2 counts under load only: with it changed, an initiation is a replay and a response waits for nothing.
  for (const [type, victim] of [[INITIATION, right], [RESPONSE, left], [TRANSPORT, right]] as const) {
    const [message] = world.overheardOf(type, victim);
    assert.ok(message, `type ${type}`);
    world.assault(victim, damaged(message), `type ${type}`);
    world.assault(victim, [message, message], `type ${type} again`);
  }
  assert.equal(String([...right.engine.peers()][0]?.endpoint), "192.0.2.1:51820", "the endpoint is where it was");
});

Deno.test("hostile: replays from before, in and behind the window, and counters from the future", () => {
  const world = new HostileWorld();
  world.talk();
  for (let i = 0; i <= REPLAY_DISTANCE; i++) {
    world.left.tun.route(ipPacket("10.0.0.1", "10.0.0.2", `${i}`));
    if (i % BATCH === 0) world.settle();
  }
  world.settle();
  const messages = world.overheardOf(TRANSPORT, world.right);
  assert.ok(messages.length > REPLAY_DISTANCE);
  const before = world.right.dropsBy("counter-replayed");
  world.assault(world.right, messages, "replays");
  assert.equal(world.right.dropsBy("counter-replayed") - before, messages.length);

  const [latest] = messages.slice(-1);
  assert.ok(latest);
  const counter = new DataView(latest.buffer, latest.byteOffset).getBigUint64(8, true);
  const ahead = [1n, 64n, 2_000n, BigInt(REPLAY_DISTANCE), 2n ** 32n, 2n ** 53n, 2n ** 64n - counter - 1n];
  world.assault(
    world.right,
    ahead.map((distance) => replaced(latest, 8, new Uint8Array(new BigUint64Array([counter + distance]).buffer))),
    "counters from the future",
  );
  world.talk("the window did not move");
  assert.equal(payloadOf(world.right.tun.written.at(-1)!), "the window did not move");
});

Deno.test("hostile: points of low order, with a right mac1", () => {
  const world = new HostileWorld();
  world.talk();
  const { left, right } = world;
  const [initiation, response] = [world.overheardOf(INITIATION, right)[0], world.overheardOf(RESPONSE, left)[0]];
  assert.ok(initiation && response);
  const asInitiator = POINTS.map((key) => withRightMac1(replaced(initiation, 8, key), right.engine.publicKey));
  world.assault(right, asInitiator, "ephemeral keys of initiations");
  assert.equal(right.dropsBy("low-order-key"), POINTS.length);
  const asResponder = POINTS.map((key) => withRightMac1(replaced(response, 12, key), left.engine.publicKey));
  world.assault(left, asResponder, "ephemeral keys of responses");
});

Deno.test("hostile: indexes that name nothing", () => {
  const world = new HostileWorld();
  world.talk();
  const [transport, response] = [
    world.overheardOf(TRANSPORT, world.right)[0],
    world.overheardOf(RESPONSE, world.left)[0],
  ];
  assert.ok(transport && response);
  const index = () => {
    const bytes = new Uint8Array(4);
    world.random.fill(bytes);
    return bytes;
  };
  const before = world.right.dropsBy("unknown-receiver");
  const guesses = Array.from({ length: 2_000 }, () => replaced(transport, 4, index()));
  world.assault(world.right, guesses, "transport");
  assert.equal(world.right.dropsBy("unknown-receiver") - before, guesses.length);
  const replies = Array.from(
    { length: 200 },
    () => replaced(new Uint8Array(64), 0, Uint8Array.of(3, 0, 0, 0, ...index())),
  );
  world.assault(world.right, replies, "cookie replies");
  const answers = Array.from(
    { length: 200 },
    () => withRightMac1(replaced(response, 8, index()), world.left.engine.publicKey),
  );
  world.assault(world.left, answers, "responses");
});

Deno.test("hostile: a flood of initiations with a right mac1 gets one shorter answer each, and only under load", () => {
  const world = new HostileWorld({});
  world.talk();
  const { right, attacker, network } = world;
  const forged = forgedInitiation(world.random, right.engine.publicKey);
  const answers: number[] = [];
  network.fate = ({ to, bytes }) => {
    if (String(to) === ATTACKER) answers.push(bytes.length);
    return "deliver";
  };
  const count = 400;
  for (let i = 0; i < count; i++) {
    attacker.send(forged, 0, forged.length, right.socket.endpoint);
    right.settle();
  }
  assert.equal(answers.length, right.dropsBy("under-load"));
  assert.ok(answers.length > 0 && answers.length < count);
  assert.ok(answers.every((bytes) => bytes < forged.length), "no more than was sent");
});
