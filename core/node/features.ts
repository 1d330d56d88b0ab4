/**
 * Names of the features a user may ask for by `--feature`: the values of the v1 Feature enum in kebab case.
 *
 * @module
 */
import { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";

/** In the order of the Feature enum, without the empty value. `nodes` is always on; `all` is all that this program has. */
export const FEATURE_NAMES: readonly string[] = [
  "nodes",
  "leader-proxy",
  "mesh-api",
  "peer-discovery",
  "metrics",
  "ice-negotiation",
  "turn-server",
  "mesh-dns",
  "all",
];

/** Features of the enum that this version of the program does not have. */
export const LATER_FEATURES: readonly string[] = ["ice-negotiation", "turn-server"];

/** The value of the enum with this number; `undefined` for the empty and for unknown ones. */
export function featureOf(value: unknown): Feature | undefined {
  return Object.values(Feature).find((feature) => feature === value && feature !== Feature.FEATURE_NONE);
}

/** The name of a value of the enum. */
export function featureName(feature: Feature): string {
  const [name = ""] = Object.entries(Feature).find(([, value]) => value === feature) ?? [];
  return name.toLowerCase().replaceAll("_", "-");
}
