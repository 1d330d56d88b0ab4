/**
 * The control thread's handle on the data plane: starts the worker, tells it about peers, asks how it is, and replaces
 * it when it dies.
 *
 * The handle remembers the peers, so a new worker gets them all at birth. What dies with a worker are sessions, which
 * peers renew by handshake, endpoints learned from roaming peers, and counters.
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import { delay } from "../io/alarm.ts";
import { workerUrl } from "../io/assets.ts";
import { systemClock } from "../io/clock.ts";
import { PollingThread } from "../io/polling_thread.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import { MeshError } from "../plugin/errors.ts";
import type { Log } from "../seams/log.ts";
import type { HostDevice } from "./host_device.ts";
import type { ControlMessage, TunnelPeer, WorkerMessage, WorkerStart, WorkerStatus } from "./messages.ts";
import { parseEndpoint, parsePeer } from "./tunnel_peer.ts";

/** A worker that has not ended so long after it was asked to is ended by force. */
export const STOP_GRACE_MS = 500;
/** A worker that has not answered by then is busy or dead. */
export const STATUS_TIMEOUT_MS = 2_000;
/** Wait before the first replacement; doubled for each one that dies young. */
export const RESTART_DELAY_MIN_MS = 100;
/** Wait at most this long. */
export const RESTART_DELAY_MAX_MS = 10_000;
/** A worker that lived this long did not die young. */
export const HEALTHY_AFTER_MS = 60_000;

/** Hands out TAI64N labels for handshakes, 12 bytes each, that no worker before has used, in this process or an earlier. */
export interface TimestampRanges {
  /** The labels behind `floor`; up to `ceiling` the worker may follow the clock. */
  next(): Promise<{ readonly floor: Uint8Array; readonly ceiling: Uint8Array }>;
}

/** What a data plane runs on. */
export interface DataPlaneOptions {
  /** Stays open until after the data plane was disposed. */
  readonly device: Pick<HostDevice, "interfaceName" | "mtu" | "listenPort" | "descriptors" | "libc">;
  readonly privateKey: PrivateKey;
  readonly log: Log;
  /** Begins in silence, until {@linkcode DataPlane.resume}. */
  readonly isPaused?: boolean;
  /**
   * Without it, handshakes of a first worker follow the clock, and those of its successors are later than what it was last
   * asked about.
   */
  readonly timestamps?: TimestampRanges;
  /** The worker's module; where it lies beside this program unless told otherwise. */
  readonly workerUrl?: URL;
}

/** State of a running data plane. */
export interface DeviceStatus extends WorkerStatus {
  readonly listenPort: number;
  /** How often the worker was replaced. */
  readonly restartCount: number;
}

/** A running data plane. */
export interface DataPlane extends AsyncDisposable {
  /**
   * Adds a peer or changes its settings; sessions and learned endpoints stay.
   *
   * @throws {MeshError} `invalid-argument` if any part of `peer` is malformed; nothing changed then.
   */
  upsertPeer(peer: TunnelPeer): void;
  /** Removes a peer and its sessions; does nothing if there is none. */
  removePeer(publicKey: string): void;
  /**
   * Sends to `endpoint` from now on, whatever was learned of the peer's whereabouts.
   *
   * @throws {MeshError} `invalid-argument` if `endpoint` is malformed.
   */
  movePeer(publicKey: string, endpoint: string): void;
  /** Takes another key; all sessions end. Borrows it until the next one, or until the data plane is disposed. */
  setPrivateKey(privateKey: PrivateKey): void;
  /** Largest packet inside the tunnel, in bytes. */
  setMtu(mtu: number): void;
  /**
   * Addresses or routes of this host changed, or it slept: peers hear from it at once.
   *
   * @param hasMoved Its way out may be another one: own addresses that peers talk to are not stuck to.
   */
  underlayChanged(hasMoved: boolean): void;
  /** Handshakes may follow the clock up to this TAI64N label, 12 bytes, of the range that was handed out last. */
  raiseTimestampCeiling(ceiling: Uint8Array): void;
  /** Ends all sessions; neither device nor sockets are touched once a later {@linkcode DataPlane.status} answered. */
  pause(): void;
  /** Goes on. Sockets that were replaced under their descriptors meanwhile are noticed. */
  resume(): void;
  /** Makes the peers exactly these. Throws as `upsertPeer` does. */
  replacePeers(peers: readonly TunnelPeer[]): void;
  /**
   * What the worker knows now.
   *
   * @throws {MeshError} `timeout` if it does not answer, `unavailable` while it is being replaced.
   */
  status(): Promise<DeviceStatus>;
  /** Resolves when somebody deleted the interface: nothing will work any more. */
  readonly interfaceGone: Promise<void>;
}

/**
 * Starts the worker.
 *
 * @throws {Error} If the first worker dies before it is ready; whatever it said is the message.
 */
export async function startDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const supervisor = new Supervisor(options);
  await supervisor.start();
  return supervisor;
}

type Thread = PollingThread<ControlMessage, WorkerMessage>;

/** A started worker, and its first message. */
interface Running {
  readonly thread: Thread;
  readonly startedMs: number;
  readonly ready: Promise<void>;
}

/** A status request on its way. */
interface Question {
  readonly answer: PromiseWithResolvers<WorkerStatus>;
  readonly shared: Promise<DeviceStatus>;
}

class Supervisor implements DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #log: Log;
  readonly #peers = new Map<string, TunnelPeer>();
  readonly #stop = new AbortController();
  readonly #gone = Promise.withResolvers<void>();
  #privateKey: PrivateKey;
  #mtu: number;
  #isPaused: boolean;
  #isGone = false;
  #timestampFloor: Uint8Array | undefined;
  #timestampCeiling: Uint8Array | undefined;
  #running: Running | undefined;
  #supervising: Promise<void> = Promise.resolve();
  #restartCount = 0;
  readonly #questions = new Map<number, Question>();
  /** Shared by all who ask meanwhile, unless the worker was told something since: then the answer would be old. */
  #lastQuestion: Question | undefined;
  #askedCount = 0;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#privateKey = options.privateKey;
    this.#mtu = options.device.mtu;
    this.#isPaused = options.isPaused ?? false;
  }

  get interfaceGone(): Promise<void> {
    return this.#gone.promise;
  }

  async start(): Promise<void> {
    await this.#takeTimestamps();
    const running = this.#startWorker();
    this.#running = running;
    const failure = await Promise.race([running.ready, running.thread.ended.then((reason) => ({ reason }))]);
    if (failure) throw failure.reason ?? new Error("The data-plane worker ended before it was ready");
    this.#supervising = this.#supervise(running);
  }

  upsertPeer(peer: TunnelPeer): void {
    parsePeer(peer);
    this.#peers.set(peer.publicKey, peer);
    this.#tell({ kind: "upsert-peer", peer });
  }

  removePeer(publicKey: string): void {
    if (!this.#peers.delete(publicKey)) return;
    this.#tell({ kind: "remove-peer", publicKey });
  }

  movePeer(publicKey: string, endpoint: string): void {
    if (!parseEndpoint(endpoint)) {
      throw new MeshError("invalid-argument", `Cannot use endpoint "${endpoint}" of a peer`);
    }
    this.#tell({ kind: "move-peer", publicKey, endpoint });
  }

  setPrivateKey(privateKey: PrivateKey): void {
    this.#privateKey = privateKey;
    const secret = privateKey.reveal();
    this.#tell({ kind: "set-private-key", privateKey: secret });
    wipe(secret);
  }

  setMtu(mtu: number): void {
    this.#mtu = mtu;
    this.#tell({ kind: "set-mtu", mtu });
  }

  underlayChanged(hasMoved: boolean): void {
    this.#tell({ kind: "underlay-changed", hasMoved });
  }

  raiseTimestampCeiling(ceiling: Uint8Array): void {
    this.#timestampCeiling = ceiling;
    this.#tell({ kind: "raise-timestamp-ceiling", ceiling });
  }

  pause(): void {
    this.#isPaused = true;
    this.#tell({ kind: "pause" });
  }

  resume(): void {
    this.#isPaused = false;
    this.#tell({ kind: "resume" });
  }

  replacePeers(peers: readonly TunnelPeer[]): void {
    for (const peer of peers) parsePeer(peer);
    const wanted = new Set(peers.map((peer) => peer.publicKey));
    for (const publicKey of [...this.#peers.keys()]) if (!wanted.has(publicKey)) this.removePeer(publicKey);
    for (const peer of peers) this.upsertPeer(peer);
  }

  status(): Promise<DeviceStatus> {
    if (this.#lastQuestion) return this.#lastQuestion.shared;
    if (!this.#running) return Promise.reject(this.#unavailable());
    const id = ++this.#askedCount;
    const answer = Promise.withResolvers<WorkerStatus>();
    const shared = this.#withDeadline(answer.promise).finally(() => {
      this.#questions.delete(id);
      if (this.#lastQuestion === question) this.#lastQuestion = undefined;
    });
    const question = { answer, shared };
    this.#running.thread.post({ kind: "status", id });
    this.#questions.set(id, question);
    this.#lastQuestion = question;
    return shared;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#running?.thread.post({ kind: "stop" });
    await this.#running?.thread.join(STOP_GRACE_MS);
    await this.#supervising;
  }

  #tell(message: ControlMessage): void {
    this.#lastQuestion = undefined;
    this.#running?.thread.post(message);
  }

  #startWorker(): Running {
    const { device } = this.#options;
    const ready = Promise.withResolvers<void>();
    const start: WorkerStart = {
      interfaceName: device.interfaceName,
      mtu: this.#mtu,
      listenPort: device.listenPort,
      descriptors: device.descriptors,
      privateKey: this.#privateKey.reveal(),
      isPaused: this.#isPaused,
      timestampFloor: this.#timestampFloor,
      timestampCeiling: this.#timestampCeiling,
      peers: [...this.#peers.values()],
    };
    const url = this.#options.workerUrl ?? workerUrl();
    const thread: Thread = new PollingThread(
      device.libc,
      { url, name: "data-plane", start },
      (message) => this.#hear(message, ready.resolve),
    );
    start.privateKey.fill(0);
    return { thread, startedMs: systemClock.monotonicMs(), ready: ready.promise };
  }

  #hear(message: WorkerMessage, ready: () => void): void {
    switch (message.kind) {
      case "ready":
        this.#log.info("data plane ready", { crypto: message.cryptoSuite, peers: this.#peers.size });
        if (message.notRehearsed !== undefined) {
          this.#log.debug("first packets will be slower", { why: message.notRehearsed });
        }
        return ready();
      case "peer-refused":
        return this.#log.error("peer refused", { peer: message.publicKey, error: message.why });
      case "interface-gone":
        this.#isGone = true;
        return this.#gone.resolve();
      case "status":
        if (!this.#options.timestamps) this.#timestampFloor = message.status.lastTimestamp;
        return this.#questions.get(message.id)?.answer.resolve(message.status);
    }
  }

  async #supervise(first: Running): Promise<void> {
    let delayMs = RESTART_DELAY_MIN_MS;
    for (let running = first;;) {
      const failure = await running.thread.ended;
      this.#running = undefined;
      for (const { answer } of this.#questions.values()) answer.reject(this.#unavailable());
      if (this.#stop.signal.aborted || this.#isGone) return;
      if (systemClock.monotonicMs() - running.startedMs >= HEALTHY_AFTER_MS) delayMs = RESTART_DELAY_MIN_MS;
      this.#log.error("data plane died", { error: failure?.message ?? "ended by itself", restartInMs: delayMs });
      const isOver = await delay(delayMs, this.#stop.signal).then(() => false, () => true);
      if (isOver) return;
      delayMs = Math.min(delayMs * 2, RESTART_DELAY_MAX_MS);
      await this.#takeTimestamps();
      if (this.#stop.signal.aborted) return;
      this.#restartCount++;
      this.#running = running = this.#startWorker();
    }
  }

  async #takeTimestamps(): Promise<void> {
    const range = await this.#options.timestamps?.next();
    if (range === undefined) return;
    this.#timestampFloor = range.floor;
    this.#timestampCeiling = range.ceiling;
  }

  #unavailable(): MeshError {
    const why = this.#isGone ? "The interface was deleted" : "The data plane is being restarted";
    return new MeshError("unavailable", why);
  }

  async #withDeadline(answer: Promise<WorkerStatus>): Promise<DeviceStatus> {
    const answered = new AbortController();
    const late = delay(STATUS_TIMEOUT_MS, answered.signal).then(() => {
      throw new MeshError("timeout", `The data plane did not answer within ${STATUS_TIMEOUT_MS} ms`);
    });
    try {
      const status = await Promise.race([answer, late]);
      return { ...status, listenPort: this.#options.device.listenPort, restartCount: this.#restartCount };
    } finally {
      late.catch(() => {});
      answered.abort();
    }
  }
}
