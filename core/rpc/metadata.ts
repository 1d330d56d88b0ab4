/**
 * Metadata between grpc-js and {@linkcode RpcMetadata}: text values only, binary ones (`-bin` names) are left out.
 *
 * @module
 */
import { Metadata } from "@grpc/grpc-js";
import type { RpcMetadata } from "../plugin/rpc.ts";

/** What HTTP/2 counts for a field beside its name and value (RFC 9113 §6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;

/** Fields that belong to one HTTP/2 exchange and must not be carried over into another one. */
const HOP_FIELDS: ReadonlySet<string> = new Set(["content-type", "te", "date", "server", "accept-encoding"]);

/** What arrived. */
export function fromGrpc(metadata: Metadata): RpcMetadata {
  const result = new Map<string, string>();
  for (const name of Object.keys(metadata.getMap())) {
    if (HOP_FIELDS.has(name) || name.startsWith("grpc-")) continue;
    const texts = metadata.get(name).filter((value) => typeof value === "string");
    if (texts.length > 0) result.set(name, texts.join(","));
  }
  return result;
}

/** What is to be sent. Characters that a field's value cannot carry become `?`; a name it cannot have throws. */
export function toGrpc(entries: Iterable<readonly [name: string, value: string]>): Metadata {
  const metadata = new Metadata();
  setAll(metadata, entries);
  return metadata;
}

/** Sets fields, in place of earlier ones of the same names. */
export function setAll(metadata: Metadata, entries: Iterable<readonly [name: string, value: string]>): void {
  for (const [name, value] of entries) metadata.set(name, printable(value));
}

/** Size as HTTP/2 counts it, binary values included. */
export function metadataBytes(metadata: Metadata): number {
  let total = 0;
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) total += name.length + value.length + FIELD_OVERHEAD_BYTES;
  }
  return total;
}

/** Fields carry visible ASCII and inner spaces (RFC 9110 §5.5). */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, "?").trim();
}
