/**
 * Who may ask: this host, the mesh, and whom the operator names. Others are refused, so that nobody outside can use a node to hit
 * someone else with answers.
 *
 * @module
 */
import { IpAddress, Prefix } from "../../core/mod.ts";

/** Addresses whose verdict is remembered. */
export const SOURCES_REMEMBERED_MAX = 1_024;

const LOOPBACK = ["127.0.0.0/8", "::1/128"].flatMap((text) => Prefix.parse(text) ?? []);

/** See the module. */
export class SourceFilter {
  readonly #always: readonly Prefix[];
  readonly #verdicts = new Map<string, boolean>();
  #mesh: readonly Prefix[] = [];

  /** @param allow Named by the operator. */
  constructor(allow: readonly Prefix[]) {
    this.#always = [...LOOPBACK, ...allow];
  }

  /** The mesh's own networks. */
  set mesh(networks: readonly Prefix[]) {
    this.#mesh = networks;
    this.#verdicts.clear();
  }

  /** How many verdicts are remembered. */
  get rememberedCount(): number {
    return this.#verdicts.size;
  }

  /** @param host As the socket says it, IPv4 also in its IPv6 form. */
  allows(host: string): boolean {
    const known = this.#verdicts.get(host);
    if (known !== undefined) return known;
    const address = IpAddress.parse(host);
    const isAllowed = address !== undefined &&
      [...this.#always, ...this.#mesh].some((prefix) => prefix.contains(address));
    if (this.#verdicts.size >= SOURCES_REMEMBERED_MAX) this.#verdicts.clear();
    this.#verdicts.set(host, isAllowed);
    return isAllowed;
  }
}
