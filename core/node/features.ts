/**
 * Names of the features a user may ask for by `--feature`: the values of the v1 Feature enum in kebab case.
 *
 * @module
 */

/** In the order of the Feature enum, without the empty value. `nodes` is always on. */
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
