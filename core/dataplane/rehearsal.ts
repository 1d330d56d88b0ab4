/**
 * A rehearsal of every packet's way through the program, before the first packet.
 *
 * The runtime interprets a function until it has been called some hundred times, and gives it to its best compiler after
 * some thousand. What that compiles knows only what has happened so far: when something happens for the first time, the
 * function is interpreted again. A tunnel that carries an echo request now and then gets there after hours, and each step
 * on the way is a packet that takes three times as long; so is each that comes while a compiler wants the processor.
 *
 * So two whole tunnels, made of the same parts as the real one (`wired_tunnel.ts`), talk to each other over the loopback
 * interface. Their devices are mirrors (`packet_mirror.ts`): what one writes, it reads again, so that a packet goes to and
 * fro by itself. First comes a little of everything that a tunnel meets: packets alone and in runs, both families inside
 * and outside, handshakes, keepalives, time that passes, messages, and what is not meant for a tunnel at all; then more of
 * it, and most of what comes alone.
 *
 * The real tunnel's keys, counters and descriptors have no part in it; what both use, one after the other, are the
 * memory that packets lie in and the libraries, which compiled code knows by their addresses. Time is ahead of
 * the clock while it lasts, so nobody waits; a number of turns bounds it. Where there is no loopback interface, packets
 * do not arrive, and it ends before it has begun.
 *
 * @module
 */
import { type Ahead, bootClock } from "../io/clock.ts";
import { RUNS_MAX, RUNS_OPEN_MAX } from "./coalescing.ts";
import type { PacketMemory } from "./packet_memory.ts";
import { ANSWER_MS, VOLLEYS } from "./path_prober.ts";
import { type RehearsalShape, writeRehearsalPacket } from "./rehearsal_packet.ts";
import { RehearsalPlayer, type Stage } from "./rehearsal_player.ts";
import { ACK, FIN, PSH, SYN } from "./transport_header.ts";
import { VIRTIO } from "./virtio_header.ts";

/** How it went. */
export interface Rehearsal {
  /** Of both packet loops together. */
  readonly turnCount: number;
  /** Why there was none, or only its beginning. */
  readonly whyNot?: string;
}

/** Packets are put together where the loop's are in a turn, which is over then; with room for a virtio header in front. */
const PACKET_START = 64;
/** Beyond what makes a packet one that comes alone. */
const LONE_STEP_MS = 2;
/** WireGuard's Rekey-After-Time and Keepalive-Timeout, and a little. */
const REKEY_STEP_MS = 121_000;
const KEEPALIVE_STEP_MS = 11_000;
/** Turns until a tunnel that has nothing to do any more counts as one that never will. */
const REST_TURNS_MAX = 16;

const ECHOES: readonly RehearsalShape[] = [
  { family: 4, protocol: "echo", payloadBytes: 56 },
  { family: 6, protocol: "echo", payloadBytes: 56 },
];
const ACKNOWLEDGMENT: RehearsalShape = { family: 4, protocol: "tcp", payloadBytes: 0, flags: ACK };
const LONE: readonly RehearsalShape[] = [
  { family: 6, protocol: "tcp", payloadBytes: 1300, flags: ACK },
  { family: 4, protocol: "tcp", payloadBytes: 0, flags: SYN },
  { family: 6, protocol: "tcp", payloadBytes: 0, flags: SYN },
  ACKNOWLEDGMENT,
  { family: 4, protocol: "tcp", payloadBytes: 600, flags: ACK | PSH },
  { family: 4, protocol: "tcp", payloadBytes: 20, flags: ACK | FIN },
  { family: 4, protocol: "udp", payloadBytes: 64 },
  { family: 6, protocol: "udp", payloadBytes: 1 },
];
/** Where the path is asked about. */
const LARGE: readonly RehearsalShape[] = [
  { family: 4, protocol: "tcp", payloadBytes: 1300, flags: ACK, sequence: 5 },
  { family: 6, protocol: "tcp", payloadBytes: 1300, flags: ACK },
];
/** Each of these lists is under way together. */
const RUNS: readonly (readonly RehearsalShape[])[] = [
  [{ family: 4, protocol: "tcp", payloadBytes: 65_000, flags: ACK, segmentBytes: 1368 }],
  [
    { family: 4, protocol: "tcp", payloadBytes: 20_000, flags: ACK | PSH, segmentBytes: 1368, sequence: 5 },
    ACKNOWLEDGMENT,
    { family: 6, protocol: "tcp", payloadBytes: 20_000, flags: ACK | FIN, segmentBytes: 1348 },
    { family: 4, protocol: "echo", payloadBytes: 56 },
  ],
  [{ family: 4, protocol: "udp", payloadBytes: 12_000, segmentBytes: 1200 }],
  // More than the device is given at once.
  Array.from({ length: RUNS_MAX + 1 }, (): RehearsalShape => ({ family: 4, protocol: "echo", payloadBytes: 56 })),
  Array.from({ length: RUNS_OPEN_MAX + 1 }, () => ACKNOWLEDGMENT),
  Array.from({ length: 16 }, (): RehearsalShape => ({ family: 4, protocol: "udp", payloadBytes: 64 })),
];

/** First byte and length of datagrams: too short, to nobody's session, handshakes of nobody, no type at all. */
const NONSENSE: readonly (readonly [type: number, length: number])[] = [
  ...[[4, 3], [4, 32], [4, 96]] as const,
  ...[[1, 148], [2, 92], [3, 64], [9, 40]] as const,
];
const NONSENSE_PACKET_BYTES = 64;

/** What one pair of tunnels goes through. */
interface Scene {
  /** To and fro, of echo requests in each family. */
  readonly echoRounds: number;
  /** … of other packets that come alone, … */
  readonly loneRounds: number;
  /** … and of those that do not. */
  readonly runRounds: number;
}

/**
 * The runtime keeps no record of the first calls of a function, and takes for granted what no second object of a class has
 * done differently: so what happens to new tunnels happens twice.
 */
const SCENES: readonly Scene[] = [
  { echoRounds: 20, loneRounds: 1, runRounds: 2 },
  { echoRounds: 400, loneRounds: 20, runRounds: 2 },
];

/** See the module. @throws {Error} Only if something is wrong with the program. */
export function rehearse(stage: Stage): Rehearsal {
  let turnCount = 0;
  for (const scene of SCENES) {
    using stack = new DisposableStack();
    let play: Play;
    try {
      play = stack.use(new Play(stage));
    } catch (error) {
      if (error instanceof Error && error.name === "InvariantError") throw error;
      // No descriptors, no permission, no address: whatever it is, the real tunnel can do without.
      return { turnCount, whyNot: String(error) };
    }
    const whyNot = play.meet();
    if (whyNot === undefined) play.perform(scene);
    turnCount += play.turnCount;
    if (whyNot !== undefined) return { turnCount, whyNot };
  }
  return { turnCount };
}

/** Both tunnels, and the time they live in. */
class Play implements Disposable {
  turnCount = 0;
  readonly #ahead: Ahead = { ms: 0 };
  readonly #stack: DisposableStack;
  readonly #memory: PacketMemory;
  readonly #left: RehearsalPlayer;
  readonly #right: RehearsalPlayer;

  constructor(stage: Stage) {
    using stack = new DisposableStack();
    const clock = bootClock(stage.libc, this.#ahead);
    this.#memory = stage.memory;
    this.#left = stack.use(new RehearsalPlayer(stage, clock));
    this.#right = stack.use(new RehearsalPlayer(stage, clock));
    this.#stack = stack.move();
  }

  /** The first handshake. Returns why there was none. */
  meet(): string | undefined {
    const [left, right] = [this.#left, this.#right];
    // Without a peer nothing is ever due.
    this.#turn(left, right);
    left.hear(right.introduction());
    right.hear(left.introduction());
    this.#put(ECHOES.slice(0, 1), left);
    for (let i = 0; i < REST_TURNS_MAX && !right.hasPacket; i++) this.#turn(left, right);
    return right.hasPacket ? undefined : "nothing arrives on the loopback interface";
  }

  perform({ echoRounds, loneRounds, runRounds }: Scene): void {
    this.#rest();
    for (const family of this.#left.families) {
      this.#left.hear(this.#right.whereabouts(family));
      this.#right.hear(this.#left.whereabouts(family));
      this.#turn(this.#left, this.#right);
      this.#strangers(family);
      for (const shape of LONE) this.#alone(shape, loneRounds);
      for (const shapes of RUNS) this.#together(shapes, runRounds);
      for (const shape of ECHOES) this.#alone(shape, echoRounds);
      this.#passTime();
    }
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  /** A packet goes to the right and comes back, as one that an echo request and its answer are. */
  #alone(shape: RehearsalShape, rounds: number): void {
    this.#put([shape], this.#left);
    for (let i = 0; i < rounds; i++) {
      this.#ahead.ms += LONE_STEP_MS;
      this.#turn(this.#left, this.#right, this.#left);
    }
    this.#rest();
  }

  /** Many packets go to the right and come back. */
  #together(shapes: readonly RehearsalShape[], rounds: number): void {
    this.#put(shapes, this.#left);
    for (let i = 0; i < rounds; i++) this.#turn(this.#left, this.#right, this.#right, this.#left);
    this.#rest();
  }

  /** What anybody may send, and a device that hands over nonsense. */
  #strangers(family: 4 | 6): void {
    const { bytes } = this.#memory;
    for (const [type, length] of NONSENSE) {
      bytes.fill(0, PACKET_START, PACKET_START + length);
      bytes[PACKET_START] = type;
      this.#right.sendTo(this.#left, family, bytes, PACKET_START, length);
      this.#turn(this.#left);
    }
    bytes.fill(0, PACKET_START - VIRTIO.bytes, PACKET_START + NONSENSE_PACKET_BYTES);
    this.#left.reflect(bytes, PACKET_START - VIRTIO.bytes, VIRTIO.bytes + NONSENSE_PACKET_BYTES);
    this.#rest();
  }

  /** Keepalives, new sessions, probes of the path; and what the control thread asks meanwhile. */
  #passTime(): void {
    const [left, right] = [this.#left, this.#right];
    for (const stepMs of [KEEPALIVE_STEP_MS, REKEY_STEP_MS]) {
      this.#ahead.ms += stepMs;
      left.hear({ kind: "status", id: 1 });
      right.hear({ kind: "underlay-changed", hasMoved: false });
      this.#turn(left, right, left, right);
      this.#put(LARGE, left);
      this.#turn(left, right, left, right);
      right.answerEchoes();
      this.#turn(right, left);
      this.#rest();
      for (let i = 0; i < VOLLEYS; i++) {
        this.#ahead.ms += ANSWER_MS;
        this.#turn(left, right, right, left);
      }
      this.#rest();
    }
  }

  #put(shapes: readonly RehearsalShape[], into: RehearsalPlayer): void {
    for (const shape of shapes) {
      const length = writeRehearsalPacket(this.#memory, PACKET_START, shape);
      into.reflect(this.#memory.bytes, PACKET_START - VIRTIO.bytes, length + VIRTIO.bytes);
    }
  }

  #turn(...players: readonly RehearsalPlayer[]): void {
    for (const player of players) player.turn();
    this.turnCount += players.length;
  }

  /** Takes away what goes to and fro, until nothing does. */
  #rest(): void {
    for (let i = 0; i < REST_TURNS_MAX; i++) {
      this.#left.clearMirror();
      this.#right.clearMirror();
      if (!this.#left.isBusy && !this.#right.isBusy) return;
      this.#turn(this.#left, this.#right);
    }
  }
}
