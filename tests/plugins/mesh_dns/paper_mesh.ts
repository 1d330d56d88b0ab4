/**
 * Meshes on paper, questions about them, and what came back, read by a codec that is not the plugin's.
 *
 * @module
 */
import { Buffer } from "node:buffer";
// @ts-types="../../../plugins/mesh_dns/dns_packet.d.ts"
import { decode, type DecodedMessage, encode } from "dns-packet";
import { assert } from "../../../core/assert.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import type { NodeRecord } from "../../../core/state/queries/node_record.ts";
import { Responder, type ResponderParts, type Response } from "../../../plugins/mesh_dns/responder.ts";
import { Zone, type ZoneFacts } from "../../../plugins/mesh_dns/zone.ts";

/** A parsed address. */
export function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  assert(parsed !== undefined, "An address");
  return parsed;
}

/** A parsed network. */
export function network(text: string): Prefix {
  const parsed = Prefix.parse(text);
  assert(parsed !== undefined, "A network");
  return parsed;
}

/** A node with number `number` of 10.83.0.0/16 and fd00:1:2::/48. */
export function paperNode(id: string, number: number, more: Partial<NodeRecord> = {}): NodeRecord {
  const subnet = number.toString(16);
  return {
    id,
    publicKey: "",
    raftId: number,
    raftInstance: "",
    wantsVote: true,
    preferRaftIpv6: false,
    createdAtMs: 0,
    updatedAtMs: 0,
    raftPort: 9443,
    grpcPort: 8443,
    wireguardPort: 51820,
    primaryEndpoint: undefined,
    endpoints: [],
    ipv4: address(`10.83.${number >> 8}.${number & 255}`),
    ipv6: address(`fd00:1:2:${subnet}::1`),
    networkIpv6: network(`fd00:1:2:${subnet}::/64`),
    ...more,
  };
}

/** Nodes "a" (leads), "B" (IPv6 only, with endpoints) and "x.y" in webmesh.internal. */
export function paperZone(more: Partial<ZoneFacts> = {}): Zone {
  return new Zone({
    domain: "webmesh.internal",
    selfId: "a",
    leaderId: "a",
    mesh: {
      meshId: "m",
      networkIpv4: network("10.83.0.0/16"),
      networkIpv6: network("fd00:1:2::/48"),
      engineVersion: "",
      schemaVersion: 1,
      createdAtMs: 0,
    },
    nodes: [
      paperNode("a", 1),
      paperNode("B", 2, {
        ipv4: undefined,
        primaryEndpoint: address("192.0.2.7"),
        endpoints: [address("192.0.2.7"), address("2001:db8::7")],
      }),
      paperNode("x.y", 3, { grpcPort: 0 }),
    ],
    offers: [],
    serial: 42,
    ttlS: 30,
    negativeTtlS: 5,
    ...more,
  });
}

/** A server for it. */
export function paperServer(parts: Partial<ResponderParts> = {}): Responder {
  return new Responder({ zone: paperZone(), key: undefined, forwards: false, ...parts });
}

/** The bytes of a query. */
export function queryBytes(name: string, type: string, more: Readonly<Record<string, unknown>> = {}): Uint8Array {
  return new Uint8Array(encode({ type: "query", id: 7, flags: 0x100, questions: [{ name, type }], ...more }));
}

/** A message on TCP: its length in front. */
export function framed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array([bytes.length >> 8, bytes.length & 255, ...bytes]);
}

/** EDNS as the additional section of a query. */
export function edns(udpPayloadSize: number, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { additionals: [{ type: "OPT", name: ".", udpPayloadSize, options: [], ...more }] };
}

/** At the time zero, from somebody who may ask. */
export const ARRIVAL = { transport: "udp", isAllowed: true, nowMs: 0, wallS: 1_700_000_000 } as const;

/** What came back, read. */
export function readAnswer(response: Response): DecodedMessage {
  assert(response.kind === "answer", `It is answered, and not ${response.kind}`);
  return decode(Buffer.from(response.bytes));
}

/** Name, type and data of records, as texts. */
export function texts(records: DecodedMessage["answers"]): string[] {
  return records.filter(({ type }) => type !== "OPT").map(({ name, type, data }) => `${name} ${type} ${textOf(data)}`);
}

function textOf(data: unknown): string {
  if (Array.isArray(data)) return data.map((each) => new TextDecoder().decode(each)).join(" ");
  return typeof data === "object" ? JSON.stringify(data) : String(data);
}
