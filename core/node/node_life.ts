/**
 * The life of a node after its parts were opened: it finds its place in a mesh, takes part in Raft, and keeps the host as the
 * replicated state says, until it leaves, is removed, or is stopped.
 *
 * @module
 */
import { Alarm } from "../io/alarm.ts";
import { MeshError } from "../plugin/errors.ts";
import { RaftEngine } from "../raft/engine.ts";
import type { MemoryStorage } from "../raft/memory_storage.ts";
import { BOOTSTRAP_RAFT_ID } from "../state/commands/bootstrap_mesh.ts";
import { leftBehind } from "../state/queries/left_behind.ts";
import { Announcer } from "./announcer.ts";
import { Changes } from "./changes.ts";
import { MeshControlBackend } from "./control_backend.ts";
import { withDeadline } from "./deadline.ts";
import { ImageDownload, type StateImage } from "./healthy_image.ts";
import { LeaderContact } from "./leader_contact.ts";
import { ensureMesh, Upgrades } from "./leader_duties.ts";
import type { LifeParts } from "./life_parts.ts";
import { declareNodeMetrics } from "./metrics_node.ts";
import { MeshNodeBackend } from "./node_backend.ts";
import { MeshOperations } from "./operations.ts";
import { LOOK_EVERY_MS, LookRhythm } from "./look_rhythm.ts";
import { waitForMesh } from "./mesh_arrival.ts";
import { type Place, randomUlaNetwork } from "./origin.ts";
import { PlaceFinder } from "./place_finder.ts";
import { programError } from "./program_error.ts";
import { type LoopChange, RaftLoop } from "./raft_loop.ts";
import { RaftTicker } from "./raft_ticker.ts";
import { ELECTION_MS, HEARTBEAT_MS, NODE_RAFT, RAFT_TICK_MS } from "./raft_times.ts";
import { Reconciler } from "./reconciler.ts";
import { ReplicaGuard } from "./replica_guard.ts";
import { Running } from "./running.ts";
import { WriteSessions } from "./write_sessions.ts";

/** How long a stopping leader waits for another one, in milliseconds. */
export const HAND_OVER_MS = 1_000;

/** Why a node ended by itself. */
export type NodeEnd = "left" | "removed";

/** See the module. */
export class NodeLife implements AsyncDisposable {
  readonly #parts: LifeParts;
  readonly #sessions: WriteSessions;
  readonly #finder: PlaceFinder;
  readonly #stack = new AsyncDisposableStack();
  readonly #changes = new Changes();
  readonly #rhythm = new LookRhythm();
  readonly #contact: LeaderContact;
  readonly #stop = new AbortController();
  readonly #imageDownload = new ImageDownload();
  readonly #end = Promise.withResolvers<NodeEnd>();
  #raft: RaftLoop | undefined;
  #guard: ReplicaGuard | undefined;
  #running: Running | undefined;
  #backend: MeshNodeBackend | undefined;
  #reconciler: Reconciler | undefined;
  #announcer: Announcer | undefined;
  #upgrades: Upgrades | undefined;
  #again: Alarm | undefined;
  /** `meshVersion` that the last run of the reconciler saw. */
  #reconciledVersion = -1;
  #isLeaving = false;
  #isFinished = false;
  #isLeftBehind = false;
  #ledTerm = 0;

  constructor(parts: LifeParts) {
    this.#parts = parts;
    this.#sessions = new WriteSessions(parts.random);
    this.#finder = new PlaceFinder(parts, this.#sessions);
    this.#contact = new LeaderContact(parts.clock, () => parts.machine.appliedIndex);
    this.#end.promise.catch(() => {});
  }

  /** Resolves when the node left or was removed; rejects when it cannot go on. */
  get ended(): Promise<NodeEnd> {
    return this.#end.promise;
  }

  /** Resolves once the node belongs to a mesh with a known leader. */
  async start(signal: AbortSignal): Promise<void> {
    const { log, config, tunnel } = this.#parts;
    tunnel.interfaceGone.then(() => this.#end.reject(interfaceGone(tunnel.interfaceName)));
    if (this.#parts.identity?.isLeftBehind) return await this.#stayOut(signal);
    const place = await this.#finder.find(signal);
    if (place.seed) tunnel.setNetwork(place.seed.network);
    for (const peer of place.seed?.peers ?? []) tunnel.upsertPeer(peer);
    this.#startRaft(place, await this.#finder.storage(place));
    const running = this.#startServices(place);
    const plugins = this.#startPlugins(running);
    await waitForMesh({
      running,
      changes: this.#changes,
      ended: this.ended,
      isFirst: place.raftId === BOOTSTRAP_RAFT_ID,
      makeMesh: () => this.#makeMesh(place),
      log,
    }, AbortSignal.any([signal, this.#stop.signal]));
    this.#reconciler?.wasMember();
    await plugins;
    const self = running.self();
    log.info("ready", {
      node: config.nodeId,
      mesh: place.meshId,
      leader: running.leader()?.id,
      ipv4: config.ipv4 ? self?.ipv4?.toString() : undefined,
      ipv6: config.ipv6 ? self?.ipv6.toString() : undefined,
    });
  }

  /** Says to whoever asks that the mesh has gone on without this node, until it is stopped. */
  async #stayOut(signal: AbortSignal): Promise<void> {
    const { gate, log, config } = this.#parts;
    gate.leaveBehind();
    log.error("the mesh was recovered without this node and has gone on", { node: config.nodeId });
    await new Promise((_, reject) => {
      signal.throwIfAborted();
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handOver();
    this.#stop.abort(new MeshError("unavailable", "The node is stopping"));
    await this.#stack.disposeAsync();
  }

  #startRaft(place: Place, storage: MemoryStorage): void {
    const { store, machine, links, random, log, clock } = this.#parts;
    const engine = new RaftEngine({
      ...NODE_RAFT,
      id: place.raftId,
      random,
      appliedIndex: machine.appliedIndex,
    }, storage);
    const ticker = new RaftTicker({ clock, tickMs: RAFT_TICK_MS });
    const raft = new RaftLoop({
      engine,
      storage,
      store,
      machine,
      time: ticker,
      send: (message) => links.send(message),
      heard: (message) => this.#contact.heard(message),
      mayKeepState: () => this.#guard?.quarantine === undefined,
      random,
      onChange: (change) => this.#changed(change),
      log: log.child("raft"),
    });
    raft.ended.catch((error) => this.#end.reject(programError(error)));
    this.#raft = this.#stack.use(raft);
    this.#guard = this.#stack.use(
      new ReplicaGuard({
        machine,
        raft,
        fetchImage: () => this.#fetchImage(place),
        clock,
        onQuarantine: (reason) => {
          this.#parts.setServing(reason === undefined);
          if (reason === undefined) this.#imageDownload.forget();
          this.#changes.notify();
        },
        log: log.child("raft"),
      }),
    );
    this.#stack.use(ticker);
    links.begin({ meshId: place.meshId, raftId: place.raftId, members: place.seed?.members ?? [] }, raft);
    links.whenLeftBehind(() => this.#leaveBehind(place));
    ticker.begin(raft);
    if (place.raftId === BOOTSTRAP_RAFT_ID && isAlone(engine)) raft.withEngine((alone) => alone.campaign());
  }

  async #fetchImage(place: Place): Promise<StateImage> {
    const running = this.#running;
    const leader = running?.leader();
    if (!running || !leader || leader.id === running.nodeId) {
      throw new MeshError("no-leader", "No other node leads the mesh now");
    }
    await using client = running.connectTo(leader);
    return await this.#imageDownload.fetch(client, place.meshId, this.#stop.signal);
  }

  #startServices(place: Place): Running {
    const { config, publicKey, machine, tunnel, credentials, clock, log, links, gate } = this.#parts;
    const raft = this.#raft;
    const guard = this.#guard;
    if (!raft || !guard) throw new MeshError("internal", "Raft runs before the services");
    const running = new Running({
      config,
      publicKey: `${publicKey}`,
      machine,
      raft,
      guard,
      contact: this.#contact,
      heardMs: (raftId) => links.heardMs(raftId),
      plugins: this.#parts.plugins,
      changes: this.#changes,
      clock,
      startedWallMs: clock.wallMs(),
      tunnel,
      credentials,
      log,
    });
    const node = this.#backend = new MeshNodeBackend(running);
    gate.open({
      node,
      control: new MeshControlBackend(running, node, this.#sessions, {
        leaving: () => this.#isLeaving = true,
        left: () => this.#finish("left"),
      }),
      operations: this.#stack.use(
        new MeshOperations({
          running,
          footprint: this.#parts.footprint,
          heardMs: (raftId) => links.heardMs(raftId),
          electionMs: ELECTION_MS,
          heartbeatMs: HEARTBEAT_MS,
          random: this.#parts.random,
        }),
      ),
    });
    this.#running = running;
    this.#reconciler = new Reconciler({
      running,
      tunnel,
      setMembers: (members) => links.setMembers(members),
      heardMs: (raftId) => links.heardMs(raftId),
      electionMs: ELECTION_MS,
      removed: () => this.#finish(this.#isLeaving ? "left" : "removed"),
      log: log.child("reconcile"),
    }, place.seed?.peers ?? []);
    this.#announcer = new Announcer(
      running,
      () => this.#finder.describe(undefined),
      this.#sessions,
      this.#stop.signal,
    );
    this.#upgrades = new Upgrades({ machine, raft, log });
    this.#again = this.#stack.use(new Alarm(clock, () => this.#reconcile()));
    // A host that has moved is found again as soon as the mesh is told.
    tunnel.whenUnderlayChanges(() => this.#stop.signal.aborted || this.#reconcile());
    this.#changed("group");
    // Whoever was left behind by a recovery hears of it before it could take part in an election.
    const { id, membership: { voters } } = running.raftStatus;
    if (voters.includes(id)) links.greet(voters);
    return running;
  }

  /** Rejects only for what must end the node's start. */
  #startPlugins(running: Running): Promise<void> {
    const { plugins, rpc, links, rpcPort, log, random } = this.#parts;
    declareNodeMetrics(plugins.metrics, running, this.#parts);
    const starting = plugins.start({
      running,
      rpc,
      status: () => this.#backend?.localStatus() ?? {},
      ports: { grpc: rpcPort, raft: links.port },
      log,
      random,
    });
    starting.catch(() => {});
    return starting;
  }

  async #makeMesh(place: Place): Promise<void> {
    const { config, machine, random, clock } = this.#parts;
    if (!this.#raft) return;
    const { announced, ...self } = this.#finder.describe(undefined);
    await ensureMesh(machine, this.#raft, {
      meshId: place.meshId,
      networkIpv4: config.ipv4Network,
      networkIpv6: randomUlaNetwork(random),
      engineVersion: machine.versions.engine,
      node: {
        ...self,
        id: config.nodeId,
        raftInstance: "",
        primaryEndpoint: announced.primary,
        endpoints: announced.others,
        assignIpv4: config.ipv4,
        preferRaftIpv6: !config.ipv4,
        nowMs: clock.wallMs(),
      },
    });
  }

  #changed(change: LoopChange): void {
    // While the node stops, the last turn of Raft still tells of changes; the timers are gone by then.
    if (this.#stop.signal.aborted) return this.#changes.notify();
    this.#guard?.changed();
    if (change === "group" || this.#mayDiffer()) {
      const dueMs = this.#rhythm.afterChangeMs();
      if (this.#parts.clock.monotonicMs() >= dueMs) this.#reconcile();
      else this.#again?.arm(dueMs);
      this.#lead();
    }
    this.#changes.notify();
  }

  /** Whether what was applied may matter to this host: to its tunnel, or to a learner that catches up. */
  #mayDiffer(): boolean {
    const { meshVersion } = this.#parts.machine;
    return meshVersion !== this.#reconciledVersion || (this.#raft?.confState.learners.length ?? 1) > 0;
  }

  /**
   * A recovery has made this member one of the past: it takes part in nothing any more, says so, and remembers it. What its
   * log has beyond the recovered one is lost to the mesh.
   */
  #leaveBehind(place: Place): void {
    if (this.#isLeftBehind) return;
    this.#isLeftBehind = true;
    const { gate, log, config, links, identity, saveIdentity } = this.#parts;
    gate.leaveBehind();
    log.error("the mesh was recovered without this node and has gone on", { node: config.nodeId, mesh: place.meshId });
    links.setMembers([]);
    this.#raft?.[Symbol.asyncDispose]();
    if (identity) saveIdentity({ ...identity, isLeftBehind: true }).catch((error) => this.#end.reject(error));
  }

  #reconcile(): void {
    const { clock, links, machine } = this.#parts;
    if (this.#isLeftBehind) return;
    links.setLeftBehind(machine.read(leftBehind));
    // A state that is wrong must not reach the tunnel, nor say that the mesh has removed this node.
    if (this.#guard?.quarantine !== undefined) {
      return this.#again?.arm(clock.monotonicMs() + LOOK_EVERY_MS);
    }
    const startMs = clock.monotonicMs();
    const isQuiet = !this.#mayDiffer();
    this.#reconciledVersion = this.#parts.machine.meshVersion;
    const dueMs = this.#reconciler?.run() ?? Infinity;
    this.#announcer?.run();
    this.#upgrades?.run();
    const nextMs = this.#rhythm.looked(startMs, clock.monotonicMs(), isQuiet && this.#isSettled());
    this.#again?.arm(Math.min(dueMs, nextMs));
  }

  /** Whether the last run had nothing to do. */
  #isSettled(): boolean {
    const isBusy = this.#announcer?.isBusy || this.#upgrades?.isBusy;
    return this.#reconciler?.isSettled === true && !isBusy;
  }

  /** Once per term that this member leads. */
  #lead(): void {
    const status = this.#running?.raftStatus;
    if (this.#guard?.quarantine !== undefined) return;
    if (status?.role !== "leader" || status.hardState.term === this.#ledTerm || !this.#raft) return;
    this.#ledTerm = status.hardState.term;
    this.#parts.log.info("leading", { term: status.hardState.term });
    this.#upgrades?.run();
  }

  #finish(end: NodeEnd): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#parts.forget();
    if (end === "removed") this.#parts.log.error("the mesh has removed this node", { node: this.#parts.config.nodeId });
    this.#end.resolve(end);
  }

  /** A leader that stops hands over, so that the others need not wait for its silence. */
  async #handOver(): Promise<void> {
    const running = this.#running;
    if (!running?.isLeader) return;
    const { id, peers, membership } = running.raftStatus;
    const heir = peers.find((peer) => peer.id !== id && membership.voters.includes(peer.id) && peer.recentlyActive);
    if (!heir) return;
    this.#raft?.withEngine((engine) => engine.transferLeader(heir.id));
    const another = () => running.raftStatus.leader !== id;
    await withDeadline(HAND_OVER_MS, this.#stop.signal, (signal) => this.#changes.until(another, signal)).catch(
      () => {},
    );
  }
}

function isAlone(engine: RaftEngine): boolean {
  const { voters } = engine.status().membership;
  return voters.length === 1 && voters[0] === engine.status().id;
}

function interfaceGone(name: string): MeshError {
  return new MeshError("unavailable", `The interface "${name}" was deleted`, { hint: "Start the node again." });
}
