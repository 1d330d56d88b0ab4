/**
 * What plugins do, as the node knows it.
 *
 * @module
 */
import type { HealthLine } from "./health.ts";

/**
 * `disabled`: known and not asked for. `starting`, `running`, `stopping`: as they say. `stopped`: it ended with the node or
 * because the operator said so. `failed`: the node goes on without it, for the stated reason.
 */
export type PluginPhase = "disabled" | "starting" | "running" | "stopping" | "stopped" | "failed";

/** One plugin. */
export interface PluginState {
  readonly name: string;
  readonly summary: string;
  /** `built in`, or the file or package it came from. */
  readonly source: string;
  readonly phase: PluginPhase;
  /** Why it is not running; empty if it is, or was not asked to. */
  readonly reason: string;
  /** Since when it has been in its phase, wall clock milliseconds. */
  readonly sinceWallMs: number;
  /** Starts that were tried. */
  readonly startCount: number;
  readonly needs: readonly string[];
  readonly health: readonly HealthLine[];
}

/** See {@linkcode PluginState}; in the order in which they start. */
export interface PluginStates {
  list(): readonly PluginState[];
}
