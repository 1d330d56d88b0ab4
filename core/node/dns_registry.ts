/**
 * The names that plugins offer in the mesh's domain.
 *
 * @module
 */
import { IpAddress } from "../ip/address.ts";
import { DNS_OFFERS_MAX, type DnsBoard, type DnsOffer, type DnsOffers } from "../plugin/dns.ts";
import { ConfigError } from "../plugin/errors.ts";

/** Below the mesh's domain a name has so many characters left (RFC 1035 §2.3.4: 253 in all). */
const NAME_CHARACTERS_MAX = 189;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;
/** RFC 1035 §3.3.14. */
const TEXT_BYTES_MAX = 255;
const TTL_SECONDS_MAX = 86_400;

/** See the module. */
export class DnsRegistry implements DnsBoard {
  readonly #offers = new Map<string, { readonly place: number; readonly records: readonly DnsOffer[] }>();
  #version = 0;

  get version(): number {
    return this.#version;
  }

  records(): readonly DnsOffer[] {
    return [...this.#offers.values()].sort((a, b) => a.place - b.place).flatMap(({ records }) => records);
  }

  /** Where `plugin` offers names. @param place Its position among all plugins. */
  of(plugin: string, place: number): DnsOffers {
    return {
      offer: (records) => {
        if (records.length > DNS_OFFERS_MAX) {
          throw new ConfigError(`more than ${DNS_OFFERS_MAX} DNS records are offered`);
        }
        for (const record of records) check(record);
        this.#offers.set(plugin, { place, records: structuredClone(records) });
        this.#version++;
      },
    };
  }

  /** `plugin` offers nothing any more. */
  forget(plugin: string): void {
    if (this.#offers.delete(plugin)) this.#version++;
  }
}

function check(record: DnsOffer): void {
  checkName(record.name);
  const { ttlSeconds } = record;
  if (!(Number.isInteger(ttlSeconds) && ttlSeconds >= 0 && ttlSeconds <= TTL_SECONDS_MAX)) {
    refuse(record, `the time to live ${ttlSeconds} is not in 0..${TTL_SECONDS_MAX} seconds`);
  }
  switch (record.type) {
    case "A":
    case "AAAA":
      if (IpAddress.parse(record.address)?.family !== (record.type === "A" ? 4 : 6)) {
        refuse(record, `"${record.address}" is no address of that type`);
      }
      return;
    case "TXT":
      if (record.texts.length === 0) refuse(record, "there is no text");
      for (const text of record.texts) {
        if (new TextEncoder().encode(text).length > TEXT_BYTES_MAX) {
          refuse(record, `a text is longer than ${TEXT_BYTES_MAX} bytes`);
        }
      }
      return;
    case "CNAME":
      return checkName(record.target);
    case "SRV":
      checkName(record.target);
      for (const field of ["priority", "weight", "port"] as const) {
        const value = record[field];
        if (!(Number.isInteger(value) && value >= 0 && value <= 65_535)) refuse(record, `${field} ${value} is no u16`);
      }
  }
}

function checkName(name: string): void {
  if (name.length > NAME_CHARACTERS_MAX || !name.split(".").every((label) => LABEL.test(label))) {
    throw new ConfigError(`"${name}" cannot be offered as a DNS name below the mesh's domain`);
  }
}

function refuse({ name, type }: DnsOffer, why: string): never {
  throw new ConfigError(`Cannot offer the DNS record ${name} ${type}: ${why}`);
}
