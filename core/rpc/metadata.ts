/**
 * Metadata between grpc-js and {@linkcode RpcMetadata}: which fields are metadata at all, and how binary values (`-bin`
 * names) are written as text.
 *
 * Everything that a caller or handler can have set is kept, `grpc-status-details-bin` and the like too; what belongs to one
 * HTTP/2 exchange, or to gRPC's own framing of it, is not metadata.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Metadata } from "@grpc/grpc-js";
import type { Http2Fields } from "../io/http2_server.ts";
import type { RpcMetadata } from "../plugin/rpc.ts";
import { FIELD_OVERHEAD_BYTES } from "./limits.ts";

/** Metadata of the v1 API: id of the node that has passed the call on. Such a call is not passed on again. */
export const PROXIED_FROM_KEY = "proxied-from";

/**
 * Fields that belong to one HTTP/2 exchange and must not be carried over into another one (RFC 9113 §8.2.2, RFC 9110 §7.6.1),
 * and those by which gRPC frames a call (gRPC over HTTP/2, Requests and Responses).
 */
const HOP_FIELDS: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "content-type",
  "date",
  "expect",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-message",
  "grpc-message-type",
  "grpc-status",
  "grpc-timeout",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "server",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const BINARY_SUFFIX = "-bin";
/** Padding may be left out (gRPC over HTTP/2); 4n + 1 characters are no whole bytes. */
const BASE64_REGEXP = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3}={0,2})?$/;

/** What arrived. Values of one name are joined by commas; binary ones become base64 without padding. */
export function fromGrpc(metadata: Metadata): RpcMetadata {
  const result = new Map<string, string>();
  for (const name of Object.keys(metadata.getMap())) {
    if (name.startsWith(":") || HOP_FIELDS.has(name)) continue;
    const texts = metadata.get(name).map((value) => typeof value === "string" ? value : base64Of(value));
    if (texts.length > 0) result.set(name, texts.join(","));
  }
  return result;
}

/** The same of a request's fields as the runtime gives them, with values of one name joined already. */
export function fromFields(fields: Http2Fields): RpcMetadata {
  const result = new Map<string, string>();
  for (const name of Object.keys(fields)) {
    const value = metadataValue(fields, name);
    if (value !== undefined) result.set(name, name.endsWith(BINARY_SUFFIX) ? normalBase64(value) : value);
  }
  return result;
}

/** Size of the metadata among `fields` as HTTP/2 counts it, binary values as the bytes that they mean. */
export function fieldsBytes(fields: Http2Fields): number {
  let total = 0;
  for (const name of Object.keys(fields)) {
    const value = metadataValue(fields, name);
    if (value === undefined) continue;
    const bytes = name.endsWith(BINARY_SUFFIX) ? Math.floor(value.length * 3 / 4) : value.length;
    total += name.length + bytes + FIELD_OVERHEAD_BYTES;
  }
  return total;
}

/** `undefined` for what is no metadata. */
function metadataValue(fields: Http2Fields, name: string): string | undefined {
  if (name.startsWith(":") || HOP_FIELDS.has(name)) return undefined;
  const value = fields[name];
  return Array.isArray(value) ? value.join(",") : value;
}

/** Base64 without padding of the bytes of each value. */
function normalBase64(values: string): string {
  return values.split(",").map((value) => base64Of(Buffer.from(value.trim(), "base64"))).join(",");
}

/**
 * What is to be sent. Characters that a field's value cannot carry become `?`.
 *
 * @throws {Error} For a name that metadata cannot have and a binary value that is not base64: bugs of whoever sets them.
 */
export function toGrpc(entries: Iterable<readonly [name: string, value: string]>): Metadata {
  const metadata = new Metadata();
  setAll(metadata, entries);
  return metadata;
}

/** Sets fields, in place of earlier ones of the same names; see {@linkcode toGrpc}. */
export function setAll(metadata: Metadata, entries: Iterable<readonly [name: string, value: string]>): void {
  for (const [name, value] of entries) {
    if (!name.toLowerCase().endsWith(BINARY_SUFFIX)) {
      metadata.set(name, printable(value));
      continue;
    }
    const texts = value.split(",").map((text) => text.trim());
    if (!texts.every((text) => BASE64_REGEXP.test(text))) throw new TypeError(`The value of "${name}" is not base64`);
    metadata.remove(name);
    for (const text of texts) metadata.add(name, Buffer.from(text, "base64"));
  }
}

function base64Of(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}

/** Fields carry visible ASCII and inner spaces (RFC 9110 §5.5). */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, "?").trim();
}
