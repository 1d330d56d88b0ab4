/**
 * Records as the zone holds them, and their data as it is sent. `dns-packet` knows how data is written; names in the data that
 * RFC 3597 §4 lets be compressed are written by the message.
 *
 * @module
 */
// @ts-types="./dns_packet.d.ts"
import { record as recordCodec } from "dns-packet";
import { TYPE } from "./protocol.ts";

/** Data of a record. Names are complete, as `Question.name` writes them. */
export type RecordData =
  | { readonly type: "A" | "AAAA"; readonly address: string }
  | { readonly type: "TXT"; readonly texts: readonly string[] }
  | { readonly type: "CNAME" | "NS" | "PTR"; readonly target: string }
  | {
    readonly type: "SRV";
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  }
  | {
    readonly type: "SOA";
    readonly primary: string;
    readonly mailbox: string;
    readonly serial: number;
    readonly refreshS: number;
    readonly retryS: number;
    readonly expireS: number;
    readonly minimumS: number;
  };

/** A record with its owner. */
export type ZoneRecord = RecordData & { readonly owner: string; readonly ttlS: number };

/** The number of a record's type. */
export function typeNumber({ type }: Pick<RecordData, "type">): number {
  return TYPE[type];
}

/** What of the data comes first, and the name behind it that may be compressed. */
export type EncodedData =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "soa"; readonly names: readonly [string, string]; readonly numbers: readonly number[] };

/** The data of a record. */
export function encodeData(data: RecordData): EncodedData {
  switch (data.type) {
    case "CNAME":
    case "NS":
    case "PTR":
      return { kind: "name", name: data.target };
    case "SOA":
      return {
        kind: "soa",
        names: [data.primary, data.mailbox],
        numbers: [data.serial, data.refreshS, data.retryS, data.expireS, data.minimumS],
      };
    case "A":
    case "AAAA":
      return { kind: "bytes", bytes: encoded(data.type, data.address) };
    case "TXT":
      return { kind: "bytes", bytes: encoded("TXT", [...data.texts]) };
    case "SRV": {
      const { priority, weight, port, target } = data;
      return { kind: "bytes", bytes: encoded("SRV", { priority, weight, port, target }) };
    }
  }
}

/** Without the length in front. */
function encoded(type: string, data: unknown): Uint8Array {
  return recordCodec(type).encode(data).subarray(2);
}
