/**
 * The plugins of a node: starts them in order, stops them in reverse, and keeps what they do away from the rest of the node.
 *
 * @module
 */
import { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { buildInfo } from "../io/build_info.ts";
import { processorWaitMs } from "../io/processor_wait_linux.ts";
import { StrayFailures } from "../io/stray_failures.ts";
import { MeshError } from "../plugin/errors.ts";
import type { PluginState, PluginStates } from "../plugin/plugin_state.ts";
import { STOP_BUDGET_MS } from "../plugin/plugin.ts";
import type { Clock } from "../seams/clock.ts";
import type { Log } from "../seams/log.ts";
import { DnsRegistry } from "./dns_registry.ts";
import { HealthBoard } from "./health_board.ts";
import { MetricRegistry } from "./metric_registry.ts";
import { type CapabilityParts, pluginCapabilities } from "./plugin_capabilities.ts";
import { textOf } from "./plugin_failure.ts";
import { PluginInstance } from "./plugin_instance.ts";
import { HookTimer } from "./plugin_meter.ts";
import type { PluginPlan } from "./plugin_plan.ts";

/** All plugins together have so long to stop, in milliseconds: the node has promised to end. */
const STOP_ALL_BUDGET_MS = 1_500;

/** What the host needs before the node has its place. */
export interface PluginHostParts {
  readonly plan: PluginPlan;
  readonly clock: Clock;
  readonly log: Log;
  /** What has been declared already is in it; an empty one if left out. */
  readonly metrics?: MetricRegistry;
  /** Less in tests. */
  readonly startBudgetMs?: number;
  /** Less in tests. */
  readonly stopBudgetMs?: number;
}

/** What the node gives once it has its state. */
export type NodeForPlugins = Omit<CapabilityParts, "metrics" | "dns" | "health" | "plugins" | "clock" | "build">;

/** See the module. */
export class PluginHost implements PluginStates, AsyncDisposable {
  readonly #parts: PluginHostParts;
  readonly #instances: readonly PluginInstance[];
  readonly #strays: StrayFailures;
  /** The metrics of node and plugins. */
  readonly metrics: MetricRegistry;
  /** The names that plugins offer. */
  readonly dns: DnsRegistry = new DnsRegistry();
  readonly #health = new HealthBoard();
  /** Asked once: from source, it is git that answers. */
  readonly #build = buildInfo();
  #node: NodeForPlugins | undefined;
  #isStopping = false;

  constructor(parts: PluginHostParts) {
    this.#parts = parts;
    this.metrics = parts.metrics ?? new MetricRegistry();
    const timer = new HookTimer(parts.clock, processorWaitMs);
    this.#strays = new StrayFailures((owner, error) => this.#strayed(owner, error));
    this.#instances = parts.plan.map((plan, place) => {
      const { name, moduleUrl } = plan;
      if (moduleUrl !== undefined) this.#strays.ownModule(moduleUrl, name);
      return new PluginInstance(plan, place, {
        ...parts,
        timer,
        health: this.#health,
        log: parts.log.child(name),
        attribute: (call) => this.#strays.run(name, call),
        capabilities: (scope, fail) => pluginCapabilities(scope, fail, this.#capabilityParts()),
      });
    });
  }

  list(): readonly PluginState[] {
    return this.#instances.map((instance) => instance.state());
  }

  /** What `Status.features` says: exactly what runs, in the order of the enum. */
  features(): Feature[] {
    const running = this.#instances
      .filter(({ phase }) => phase === "running")
      .flatMap(({ plan: { feature } }) => feature === undefined ? [] : [feature]);
    return [...new Set([Feature.NODES, ...running])].sort((a, b) => a - b);
  }

  /**
   * Starts what is enabled, in order. Resolves when everything runs or has failed.
   *
   * @throws {ConfigError} If a plugin offers a service that does not state who may call it.
   */
  async start(node: NodeForPlugins): Promise<void> {
    this.#node = node;
    for (const instance of this.#instances) {
      if (this.#isStopping) return;
      if (instance.plan.isEnabled) await instance.start();
    }
  }

  /**
   * Starts one plugin that does not run.
   *
   * @throws {MeshError} If there is none of that name, the node has no state yet, or the plugin fails.
   */
  async enable(name: string): Promise<void> {
    const instance = this.#instance(name);
    if (!this.#node || this.#isStopping) throw new MeshError("unavailable", "The node is not ready for plugins");
    await instance.start();
    const { phase, reason } = instance.state();
    if (phase !== "running") throw new MeshError("unavailable", `The plugin "${name}" does not run: ${reason}`);
  }

  /**
   * Stops one plugin; content if it does not run.
   *
   * @throws {MeshError} If there is none of that name.
   */
  async disable(name: string): Promise<void> {
    await this.#instance(name).stop("disabled");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + STOP_ALL_BUDGET_MS;
    for (const instance of this.#instances.toReversed()) {
      const leftMs = Math.max(0, endMs - clock.monotonicMs());
      await instance.stop("stopped", Math.min(leftMs, this.#parts.stopBudgetMs ?? STOP_BUDGET_MS));
    }
    this.#strays[Symbol.dispose]();
  }

  #instance(name: string): PluginInstance {
    const named = this.#instances.filter(({ plan }) => plan.name === name);
    const found = named.find(({ plan }) => plan.problem === undefined) ?? named[0];
    if (!found) {
      throw new MeshError("not-found", `This node has no plugin "${name}"`, { hint: "List them: `weft plugins`." });
    }
    return found;
  }

  #capabilityParts(): CapabilityParts {
    if (!this.#node) throw new MeshError("internal", "Plugins start when the node has its state");
    const { clock } = this.#parts;
    return {
      ...this.#node,
      build: this.#build,
      clock,
      metrics: this.metrics,
      dns: this.dns,
      health: this.#health,
      plugins: this,
    };
  }

  /** A rejection that nobody handles, or an error out of a timer. */
  #strayed(owner: string, error: unknown): void {
    const why = `failed in the background: ${textOf(error)}`;
    const instance = this.#instances.find(({ plan, phase }) => plan.name === owner && phase !== "disabled");
    this.#parts.log.child(owner).error("plugin failure that nobody waited for", {
      plugin: owner,
      error: textOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
    if (instance?.phase === "running" || instance?.phase === "starting") void instance.fail(why);
  }
}
