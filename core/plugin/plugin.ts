/**
 * What a plugin is: a value with a name, a list of what it takes, and a function from its configuration to its start.
 *
 * @module
 */
import type { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import type { Host } from "./host.ts";
import type { PluginOption } from "./options.ts";

/** A part of {@linkcode Host}. */
export type Capability = keyof Host;

/**
 * Starts a configured plugin. What it returns is disposed once, when the plugin stops; `signal` is aborted just before.
 * Whatever it made through `needs` is taken back by the host in any case, also if it fails half way.
 *
 * It must settle within {@linkcode START_BUDGET_MS}: what takes longer, or needs a leader, goes on in the background
 * (`needs.tasks`).
 */
export type Start<Needs> = (needs: Needs, signal: AbortSignal) => Promise<AsyncDisposable>;

/**
 * A plugin. `Needs` names exactly what it takes: `Plugin<Pick<Host, "read" | "metrics">>`, with
 * `needs: ["read", "metrics"]` as data beside it, which the host enforces at run time.
 */
export interface Plugin<Needs extends Partial<Host> = Host> {
  /** Folder, section of the configuration, prefix of metrics and tables, component in the log: {@linkcode PLUGIN_NAME}. */
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** The value of the Feature enum that a node's status reports while the plugin runs, and that `--feature` enables. */
  readonly feature?: Feature;
  /** The capabilities of `Needs`, by name. */
  readonly needs: readonly (keyof Needs & string)[];
  /** All that it can be told; nothing if left out. */
  readonly options?: readonly PluginOption[];
  /**
   * Reads the options that were given, by name; touches nothing else.
   *
   * @throws {ConfigError} Naming what cannot be used; the plugin is then not started, and the node goes on without it.
   */
  configure(raw: unknown): Start<Needs>;
}

/** What a plugin's name looks like. */
export const PLUGIN_NAME: RegExp = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
/** Characters of a plugin's name. */
export const PLUGIN_NAME_CHARACTERS_MAX = 32;

/** A start that has not settled after this time has failed, in milliseconds. */
export const START_BUDGET_MS = 5_000;
/** A stop that has not settled after this time is no longer waited for, in milliseconds. */
export const STOP_BUDGET_MS = 1_000;
/** A call into a plugin that keeps the thread for longer is a strike, in milliseconds; waiting for a processor does not count. */
export const HOOK_BUDGET_MS = 100;
/** So many strikes of one hook … */
export const HOOK_STRIKES_MAX = 3;
/** … within this time stop the plugin, in milliseconds. */
export const HOOK_STRIKE_WINDOW_MS = 60_000;
