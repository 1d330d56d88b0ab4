/**
 * The host's own resolver (systemd-resolved), told where names of a domain are answered. What was there before comes back when
 * the plugin stops, and after a crash at the next start.
 *
 * @module
 */
import type { SocketPeer } from "./listen.ts";

/** Which names go where. */
export interface ResolverRoute {
  /** Without a dot at the end; names below them go to the servers too. */
  readonly domains: readonly string[];
  /** Addresses, not names. */
  readonly servers: readonly SocketPeer[];
}

/** The host's resolver. */
export interface Resolver {
  /**
   * Has the host ask `servers` for names of `domains`, and nobody else. Replaces what this plugin said before.
   *
   * @throws {MeshError} `unavailable` if the host has no systemd-resolved, or it refuses.
   */
  route(route: ResolverRoute): Promise<void>;
  /** Takes back what was said, by this process or one that died. */
  restore(): Promise<void>;
}
