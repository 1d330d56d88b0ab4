/**
 * Names that plugins offer in the mesh's domain; the mesh_dns plugin answers for them.
 *
 * @module
 */

/** What a name stands for. Names inside are below the mesh's domain and written without it. */
export type DnsData =
  | { readonly type: "A"; readonly address: string }
  | { readonly type: "AAAA"; readonly address: string }
  | { readonly type: "TXT"; readonly texts: readonly string[] }
  | { readonly type: "CNAME"; readonly target: string }
  | {
    readonly type: "SRV";
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  };

/** One record below the mesh's domain. */
export type DnsOffer = DnsData & {
  /** Labels without the mesh's domain, such as `printer` or `_ipp._tcp`. */
  readonly name: string;
  /** Seconds that others may keep the answer, 0..86400. */
  readonly ttlSeconds: number;
};

/** Offers names. */
export interface DnsOffers {
  /**
   * Replaces all that this plugin offers. Names of nodes come first: an offer of such a name is not used.
   *
   * @throws {ConfigError} For a name, address or text that cannot be in DNS, and beyond {@linkcode DNS_OFFERS_MAX}.
   */
  offer(records: readonly DnsOffer[]): void;
}

/** All that is offered. */
export interface DnsBoard {
  /** Raised at every change: who keeps what it made of {@linkcode DnsBoard.records} looks here first. */
  readonly version: number;
  /** In the order in which the plugins start. */
  records(): readonly DnsOffer[];
}

/** Records of one plugin. */
export const DNS_OFFERS_MAX = 256;
