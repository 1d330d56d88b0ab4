/**
 * Small IP packets for tests.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { IpAddress } from "../../../core/ip/address.ts";

/** A packet of either family with `payload` behind its header; checksums are zero, which nothing here checks. */
export function ipPacket(from: string, to: string, payload: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const source = IpAddress.parse(from)?.toBytes();
  const destination = IpAddress.parse(to)?.toBytes();
  assert.ok(source && destination && source.length === destination.length);
  const body = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const isIpv4 = source.length === 4;
  const headerBytes = isIpv4 ? 20 : 40;
  const packet = new Uint8Array(headerBytes + body.length);
  const view = new DataView(packet.buffer);
  packet[0] = isIpv4 ? 0x45 : 0x60;
  if (isIpv4) view.setUint16(2, packet.length);
  else view.setUint16(4, body.length);
  packet.set(source, isIpv4 ? 12 : 8);
  packet.set(destination, isIpv4 ? 16 : 24);
  packet.set(body, headerBytes);
  return packet;
}

/** What is behind the header of a packet made by {@linkcode ipPacket}. */
export function payloadOf(packet: Uint8Array): string {
  return new TextDecoder().decode(packet.subarray(packet[0] === 0x45 ? 20 : 40));
}
