/**
 * Which plugins a node has and which of them it starts: the result of reading all configurations, before anything is opened.
 *
 * @module
 */
import type { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import type { Host } from "../plugin/host.ts";
import type { Start } from "../plugin/plugin.ts";

/** A plugin as the node keeps it. */
export interface PlannedPlugin {
  readonly name: string;
  readonly summary: string;
  /** `built in`, or the file or package it came from. */
  readonly source: string;
  /** Where its module is, if it was loaded. */
  readonly moduleUrl: string | undefined;
  readonly feature: Feature | undefined;
  readonly needs: readonly string[];
  /** Whether the operator wants it. */
  readonly isEnabled: boolean;
  /** Why it cannot be started, a sentence; `undefined` if it can. */
  readonly problem: string | undefined;
  /** Reads its configuration, once; what that throws says why it cannot be started. */
  readonly start: () => Start<Host>;
}

/** All plugins, in the order in which they start. */
export type PluginPlan = readonly PlannedPlugin[];
