/**
 * Which underlay addresses a node announces: what the operator said, otherwise what the host has.
 *
 * @module
 */
import type { IpAddress } from "../ip/address.ts";
import { ENDPOINT_COUNT_MAX } from "./config.ts";

/** The addresses others will send WireGuard datagrams to. */
export interface AnnouncedEndpoints {
  readonly primary: IpAddress | undefined;
  /** Further addresses, without the primary one. */
  readonly others: readonly IpAddress[];
}

/** What the operator and the host know. */
export interface EndpointSources {
  /** `--primary-endpoint`. */
  readonly configuredPrimary: IpAddress | undefined;
  /** `--endpoint`. */
  readonly configuredOthers: readonly IpAddress[];
  /** The source address of packets to the mesh's other nodes, or by the default route. */
  readonly routed: IpAddress | undefined;
  /** All addresses of the host's other interfaces. */
  readonly host: readonly IpAddress[];
}

/**
 * The operator's word is final: with either option given, nothing is detected. Otherwise the routed source address is
 * primary, because it is the one a packet to another node carries, and the rest of the host's addresses follow. Addresses
 * that cannot leave the host (loopback, link-local) are never announced.
 */
export function announcedEndpoints(sources: EndpointSources): AnnouncedEndpoints {
  const { configuredPrimary, configuredOthers, routed, host } = sources;
  if (configuredPrimary) return announce(configuredPrimary, configuredOthers);
  if (configuredOthers.length > 0) return announce(configuredOthers[0], configuredOthers);
  const usable = host.filter((address) => !address.isHostLocal());
  const primary = routed && !routed.isHostLocal() ? routed : usable[0];
  return announce(primary, usable);
}

function announce(primary: IpAddress | undefined, candidates: readonly IpAddress[]): AnnouncedEndpoints {
  const others: IpAddress[] = [];
  for (const address of candidates) {
    if (primary?.equals(address) || others.some((other) => other.equals(address))) continue;
    if (others.length < ENDPOINT_COUNT_MAX) others.push(address);
  }
  return { primary, others };
}
