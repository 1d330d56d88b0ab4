/**
 * What the leader proxy can be told.
 *
 * @module
 */
import { OptionReader, type PluginOption } from "../../core/mod.ts";

/** The settings. */
export interface LeaderProxyConfig {
  /** How long a call that needs the leader waits for one while there is none, in milliseconds. */
  readonly leaderWaitMs: number;
}

/** A longer wait would outlast the deadlines that callers have. */
const LEADER_WAIT_MS_MAX = 60_000;

/** All options. */
export const OPTIONS: readonly PluginOption[] = [
  {
    name: "leader-wait-ms",
    kind: "number",
    placeholder: "N",
    help: "how long a call that needs the leader waits while there is none",
    defaultText: "2000",
  },
];

/** @throws {ConfigError} Naming what cannot be used. */
export function readConfig(raw: unknown): LeaderProxyConfig {
  return { leaderWaitMs: new OptionReader(raw, OPTIONS).integer("leader-wait-ms", 0, LEADER_WAIT_MS_MAX) };
}
