/**
 * The health lines of plugins, by plugin and code.
 *
 * @module
 */
import {
  HEALTH_CHARACTERS_MAX,
  HEALTH_LINES_PER_PLUGIN_MAX,
  type HealthLine,
  type StatusLines,
} from "../plugin/health.ts";

/** See the module. */
export class HealthBoard {
  readonly #lines = new Map<string, Map<string, HealthLine>>();

  /** What `plugin` says, in the order in which it said it first. */
  linesOf(plugin: string): readonly HealthLine[] {
    return [...this.#lines.get(plugin)?.values() ?? []];
  }

  /** Where `plugin` says it; nothing once `signal` is aborted. */
  of(plugin: string, signal: AbortSignal): StatusLines {
    return {
      set: (code, { severity, text, fix }) => {
        if (signal.aborted) return;
        const lines = this.#lines.get(plugin) ?? new Map<string, HealthLine>();
        if (!lines.has(code) && lines.size >= HEALTH_LINES_PER_PLUGIN_MAX) return;
        lines.set(code, { code: cut(`${plugin}.${code}`), severity, text: cut(text), fix: cut(fix) });
        this.#lines.set(plugin, lines);
      },
      clear: (code) => void this.#lines.get(plugin)?.delete(code),
    };
  }

  /** `plugin` says nothing any more. */
  forget(plugin: string): void {
    this.#lines.delete(plugin);
  }
}

function cut(text: string): string {
  return text.length <= HEALTH_CHARACTERS_MAX ? text : `${text.slice(0, HEALTH_CHARACTERS_MAX)}…`;
}
