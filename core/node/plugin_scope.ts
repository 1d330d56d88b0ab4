/**
 * What the host holds for one start of a plugin: everything that the plugin has made through its capabilities, taken back
 * when it stops, however it stops.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import { MeshError } from "../plugin/errors.ts";
import type { PluginMeter } from "./plugin_meter.ts";

/** How long what the host holds may take to close, in milliseconds. */
const CLOSE_BUDGET_MS = 500;

/** See the module. */
export class PluginScope {
  readonly name: string;
  /** Position among all plugins. */
  readonly place: number;
  readonly meter: PluginMeter;
  readonly #held = new Set<Disposable | AsyncDisposable>();
  readonly #stop = new AbortController();

  constructor(name: string, place: number, meter: PluginMeter) {
    this.name = name;
    this.place = place;
    this.meter = meter;
  }

  /** Aborted when the plugin stops. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** @throws {MeshError} Once the plugin has stopped: nothing that it still holds works then. */
  requireRunning(): void {
    if (!this.#stop.signal.aborted) return;
    throw new MeshError("unavailable", `The plugin "${this.name}" has been stopped`);
  }

  /** Takes back `thing` when the plugin stops, unless {@linkcode PluginScope.drop} comes first. */
  hold<Thing extends Disposable | AsyncDisposable>(thing: Thing): Thing {
    this.#held.add(thing);
    return thing;
  }

  /** No longer to be taken back: the plugin has disposed it. */
  drop(thing: Disposable | AsyncDisposable): void {
    this.#held.delete(thing);
  }

  /** How many things are held. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** Tells the plugin to stop; what it holds works no more. */
  abort(): void {
    this.#stop.abort(new MeshError("unavailable", `The plugin "${this.name}" has been stopped`));
  }

  /** Takes everything back, last made first. @returns What went wrong, if anything. */
  async close(): Promise<unknown> {
    this.abort();
    let failure: unknown;
    for (const thing of [...this.#held].reverse()) {
      try {
        if (Symbol.asyncDispose in thing) await withinBudget(thing[Symbol.asyncDispose]());
        else thing[Symbol.dispose]();
      } catch (error) {
        failure ??= error;
      }
    }
    this.#held.clear();
    return failure;
  }
}

async function withinBudget(closing: PromiseLike<void>): Promise<void> {
  const over = new AbortController();
  const late = delay(CLOSE_BUDGET_MS, over.signal).then(() => {
    throw new MeshError("timeout", `Not closed within ${CLOSE_BUDGET_MS} ms`);
  }, () => {});
  try {
    await Promise.race([closing, late]);
  } finally {
    over.abort();
  }
}
