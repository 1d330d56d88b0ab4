/**
 * The features that ship with Weft, in the order in which they start; they stop in reverse. Interceptors of earlier ones stand
 * farther out.
 *
 * @module
 */
import type { Plugin } from "../core/mod.ts";
import { adminApi } from "./admin_api/mod.ts";
import { leaderProxy } from "./leader_proxy/mod.ts";
import { meshApi } from "./mesh_api/mod.ts";
import { meshDns } from "./mesh_dns/mod.ts";
import { metrics } from "./metrics/mod.ts";
import { peerDiscovery } from "./peer_discovery/mod.ts";

/** See the module. */
export const plugins: readonly Plugin[] = [
  // Outermost: what it passes on to the leader is nobody else's business here.
  leaderProxy,
  // Services: the order among them makes no difference.
  meshApi,
  peerDiscovery,
  adminApi,
  // It answers for names that those in front of it offer.
  meshDns,
  // Last: what it shows of the others is there by then, and it shows them until they stop.
  metrics,
];
