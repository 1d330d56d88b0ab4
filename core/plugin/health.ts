/**
 * What a plugin tells the operator about itself, in `weft status` and `weft plugins`.
 *
 * @module
 */

/** How much it matters. */
export type HealthSeverity = "low" | "medium" | "high";

/** One line. Codes are stable: people alert on them. */
export interface HealthLine {
  /** `<plugin>.<what>`, such as `mesh_dns.upstream`. */
  readonly code: string;
  readonly severity: HealthSeverity;
  /** What is wrong, one sentence. */
  readonly text: string;
  /** What to do about it, one sentence; may be empty. */
  readonly fix: string;
}

/** Sets and takes back lines. */
export interface StatusLines {
  /** @param code Without the plugin's prefix: lower case, words joined by `_`. Replaces the line of the same code. */
  set(code: string, line: Omit<HealthLine, "code">): void;
  /** Content if there is none. */
  clear(code: string): void;
}

/** Lines of one plugin; further ones are not shown. */
export const HEALTH_LINES_PER_PLUGIN_MAX = 16;
/** Characters of a text; longer ones are cut. */
export const HEALTH_CHARACTERS_MAX = 500;
