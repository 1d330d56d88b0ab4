/**
 * The life of one plugin: start, stop, and failing on the way, each within its time; what it has made is taken back in every
 * case.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { HealthLine } from "../plugin/health.ts";
import type { Host } from "../plugin/host.ts";
import type { PluginPhase, PluginState } from "../plugin/plugin_state.ts";
import { type Start, START_BUDGET_MS, STOP_BUDGET_MS } from "../plugin/plugin.ts";
import type { Clock } from "../seams/clock.ts";
import type { Log } from "../seams/log.ts";
import type { HealthBoard } from "./health_board.ts";
import { type HookTimer, PluginMeter } from "./plugin_meter.ts";
import { textOf, UnauthorisedServiceError } from "./plugin_failure.ts";
import { narrowedNeeds } from "./plugin_needs.ts";
import type { PlannedPlugin } from "./plugin_plan.ts";
import { PluginScope } from "./plugin_scope.ts";

/** What an instance needs of the host. */
export interface InstanceParts {
  readonly timer: HookTimer;
  readonly clock: Clock;
  readonly health: HealthBoard;
  /** The log of the plugin's own name. */
  readonly log: Log;
  /** Runs a call on behalf of the plugin; see `core/io/stray_failures.ts`. */
  readonly attribute: <Result>(call: () => Result) => Result;
  /** Everything there is to take, for this start. */
  readonly capabilities: (scope: PluginScope, fail: (why: string) => void) => Host;
  /** Less in tests. */
  readonly startBudgetMs?: number;
  /** Less in tests. */
  readonly stopBudgetMs?: number;
}

interface Started {
  readonly scope: PluginScope;
  readonly resource: AsyncDisposable;
}

/** See the module. */
export class PluginInstance {
  readonly plan: PlannedPlugin;
  readonly #place: number;
  readonly #parts: InstanceParts;
  #phase: PluginPhase;
  #reason: string;
  #sinceWallMs: number;
  #startCount = 0;
  #started: Started | undefined;
  #giveUpStart: (() => void) | undefined;
  /** Starts and stops follow one another. */
  #turn: Promise<void> = Promise.resolve();

  /** @param place Position among all plugins. */
  constructor(plan: PlannedPlugin, place: number, parts: InstanceParts) {
    this.plan = plan;
    this.#place = place;
    this.#parts = parts;
    this.#phase = plan.problem === undefined ? "disabled" : "failed";
    this.#reason = plan.problem ?? "";
    this.#sinceWallMs = parts.clock.wallMs();
    this.#showFailure();
  }

  /** What it does now. */
  get phase(): PluginPhase {
    return this.#phase;
  }

  /** What is shown of it. */
  state(): PluginState {
    const { name, summary, source, needs } = this.plan;
    return {
      name,
      summary,
      source,
      phase: this.#phase,
      reason: this.#reason,
      sinceWallMs: this.#sinceWallMs,
      startCount: this.#startCount,
      needs,
      health: this.#health(),
    };
  }

  /**
   * Starts it, unless it runs. Resolves when it runs or has failed.
   *
   * @throws {ConfigError} Only for what must end the start of the node: a service that does not say who may call it.
   */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start());
  }

  /**
   * Stops it, if it runs; gives up a start that is under way. Resolves when it has stopped or is no longer waited for.
   *
   * @param budgetMs How long it is waited for.
   */
  stop(phase: "stopped" | "disabled" = "stopped", budgetMs: number = this.#stopBudgetMs): Promise<void> {
    this.#giveUpStart?.();
    return this.#inTurn(() => this.#stop(phase, "", budgetMs));
  }

  /** It has failed: stops it. */
  fail(why: string): Promise<void> {
    return this.#inTurn(() => this.#stop("failed", why, this.#stopBudgetMs));
  }

  get #stopBudgetMs(): number {
    return this.#parts.stopBudgetMs ?? STOP_BUDGET_MS;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #start(): Promise<void> {
    if (this.#started || this.plan.problem !== undefined) return;
    const { timer, attribute, capabilities, log } = this.#parts;
    this.#enter("starting", "");
    this.#startCount++;
    const meter = new PluginMeter({
      timer,
      attribute,
      onTrip: (why) => void this.#failStarted(scope, why),
      onStrike: (hook, what) => log.warn("plugin strike", { hook, what }),
    });
    const scope = new PluginScope(this.plan.name, this.#place, meter);
    try {
      const start = this.plan.start();
      const host = capabilities(scope, (why) => void this.#failStarted(scope, why));
      const needs = narrowedNeeds(this.plan.name, this.plan.needs, host);
      const resource = await this.#begin(scope, start, needs);
      this.#started = { scope, resource };
      this.#enter("running", "");
      log.info("plugin runs", { plugin: this.plan.name });
    } catch (error) {
      const trouble = await scope.close();
      if (trouble !== undefined) log.warn("plugin left something open", { error: textOf(trouble) });
      if (error instanceof GivenUpError) this.#enter("stopped", "");
      else this.#enter("failed", textOf(error));
      if (error instanceof UnauthorisedServiceError) throw error;
    }
  }

  /** Waits for the start, for so long; what comes later is disposed. */
  async #begin(scope: PluginScope, start: Start<Host>, needs: Host): Promise<AsyncDisposable> {
    const { startBudgetMs = START_BUDGET_MS } = this.#parts;
    const givenUp = new Promise<"given up">((resolve) => this.#giveUpStart = () => resolve("given up"));
    const starting = scope.meter.run("start", async () => await start(needs, scope.signal));
    const resource = await Promise.race([withinBudget(starting, startBudgetMs), givenUp]);
    this.#giveUpStart = undefined;
    if (resource === "late" || resource === "given up") {
      scope.abort();
      starting.then((late) => scope.meter.run("stop", () => late?.[Symbol.asyncDispose]())).catch(() => {});
      if (resource === "given up") throw new GivenUpError();
      throw new ConfigError(`start did not settle within ${startBudgetMs / 1000} s`);
    }
    if (typeof resource?.[Symbol.asyncDispose] !== "function") {
      throw new ConfigError("start did not return an AsyncDisposable");
    }
    return resource;
  }

  /** A failure of a start that may be over by now. */
  #failStarted(scope: PluginScope, why: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#started?.scope === scope) await this.#stop("failed", why, this.#stopBudgetMs);
    });
  }

  async #stop(phase: "stopped" | "disabled" | "failed", reason: string, budgetMs: number): Promise<void> {
    const started = this.#started;
    if (!started) {
      if (phase !== "failed" && this.#phase !== "failed") this.#enter(phase, reason);
      return;
    }
    this.#started = undefined;
    this.#enter("stopping", reason);
    const { scope, resource } = started;
    scope.abort();
    let trouble: string | undefined;
    try {
      const stopping = scope.meter.run("stop", async () => await resource[Symbol.asyncDispose]());
      stopping.catch(() => {});
      const ended = await withinBudget(stopping, budgetMs);
      if (ended === "late") trouble = `stop did not settle within ${budgetMs / 1000} s`;
    } catch (error) {
      trouble = `stop failed: ${textOf(error)}`;
    }
    const unclosed = await scope.close();
    if (unclosed !== undefined) trouble ??= `something stayed open: ${textOf(unclosed)}`;
    if (trouble !== undefined) this.#parts.log.warn("plugin stopped badly", { plugin: this.plan.name, trouble });
    if (phase === "failed") this.#enter("failed", reason);
    else this.#enter(trouble === undefined ? phase : "failed", trouble ?? "");
  }

  #enter(phase: PluginPhase, reason: string): void {
    this.#phase = phase;
    this.#reason = reason;
    this.#sinceWallMs = this.#parts.clock.wallMs();
    if (phase !== "running") this.#parts.health.forget(this.plan.name);
    this.#showFailure();
  }

  #showFailure(): void {
    if (this.#phase === "failed") {
      this.#parts.log.error("plugin failed, the node goes on without it", {
        plugin: this.plan.name,
        reason: this.#reason,
      });
    }
  }

  #health(): readonly HealthLine[] {
    if (this.#phase !== "failed") return this.#parts.health.linesOf(this.plan.name);
    return [{
      code: "plugin.failed",
      severity: "medium",
      text: `The plugin "${this.plan.name}" does not run: ${this.#reason}`,
      fix: "Look at `weft plugins` and the log; the rest of the node is not affected.",
    }];
  }
}

/** It was stopped while it started. */
class GivenUpError extends Error {}

async function withinBudget<Result>(work: Promise<Result>, budgetMs: number): Promise<Result | "late"> {
  const over = new AbortController();
  const late = delay(budgetMs, over.signal).then(() => "late" as const, () => "late" as const);
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
