/**
 * Names for looking up by address (RFC 1035 §3.5, RFC 3596 §2.5): what they stand for, and which of them are a network's. Pure.
 *
 * @module
 */
import { IpAddress, Prefix } from "../../core/mod.ts";

/** A name below `in-addr.arpa` or `ip6.arpa`, or one of these. */
export interface ReverseName {
  /** The address, if the name is that of a whole one. */
  readonly address: IpAddress | undefined;
  /** True if every address below the name is of the network, or the name is that of its zone. */
  contains(network: Prefix): boolean;
  /** The name of the zone that this name lies in; a network with bits between two labels has several. */
  apexFor(network: Prefix): string;
}

const FORMS = {
  "in-addr.arpa": { family: 4, labelBits: 8, labels: 4, label: /^(0|[1-9][0-9]{0,2})$/, radix: 10 },
  "ip6.arpa": { family: 6, labelBits: 4, labels: 32, label: /^[0-9a-f]$/, radix: 16 },
} as const;

/** `undefined` if it is no such name, or has labels that no address has. */
export function addressOfReverseName(name: string): ReverseName | undefined {
  for (const [root, { family, labelBits, labels, label, radix }] of Object.entries(FORMS)) {
    if (!name.endsWith(`.${root}`)) continue;
    // From the most significant one.
    const parts = name.slice(0, -root.length - 1).split(".").reverse();
    if (parts.length > labels || !parts.every((part) => label.test(part))) return undefined;
    const numbers = parts.map((part) => Number.parseInt(part, radix));
    if (numbers.some((number) => number >= 1 << labelBits)) return undefined;
    const first = addressOf(numbers, labelBits, labels);
    const bits = parts.length * labelBits;
    const own = first && Prefix.of(first, bits);
    if (!own) return undefined;
    /** A zone begins at a label; that of a network within one /24 is that /24's. */
    const apexLabels = ({ bits }: Prefix) => Math.min(Math.ceil(bits / labelBits), labels - 1);
    return {
      address: parts.length === labels ? first : undefined,
      contains: (network) =>
        network.family === family && parts.length >= apexLabels(network) &&
        (network.contains(first) && bits >= network.bits ||
          bits === apexLabels(network) * labelBits && own.overlaps(network)),
      apexFor: (network) => [...parts.slice(0, apexLabels(network)).reverse(), root].join("."),
    };
  }
  return undefined;
}

function addressOf(numbers: readonly number[], labelBits: number, labels: number): IpAddress | undefined {
  const bytes = new Uint8Array(labels * labelBits / 8);
  numbers.forEach((number, index) => {
    const shift = 8 - labelBits - (index * labelBits % 8);
    const at = index * labelBits >> 3;
    bytes[at] = (bytes[at] ?? 0) | number << shift;
  });
  return IpAddress.fromBytes(bytes);
}
