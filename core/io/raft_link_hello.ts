/**
 * The handshake of a link, as bytes.
 *
 * ```text
 * acceptor -> dialer    greeting: "WEFTRAFT" | version u16 | nonce of 32 bytes
 * dialer   -> acceptor  length u32 | hello | MAC of (greeting's nonce | hello), label "hello"
 * acceptor -> dialer    MAC of the transcript, label "welcome"
 * ```
 *
 * A hello is version u16, mesh id, from u64, to u64, nonce of 32 bytes, and the addresses where the dialer listens. The
 * transcript is the acceptor's nonce, the hello and its MAC. Integers are little-endian; texts have their length in one
 * byte in front. The acceptor says nothing more to a dialer that it does not know.
 *
 * @module
 */
import { ByteReader } from "../bytes/reader.ts";
import { GrowingByteWriter } from "../bytes/writer.ts";
import { LINK_MAC_BYTES } from "./raft_link_authenticator.ts";
import {
  HELLO_BYTES_MAX,
  LINK_ADDRESSES_MAX,
  LINK_HOST_BYTES_MAX,
  LINK_VERSION,
  type LinkAddress,
  type LinkDropReason,
  MESH_ID_BYTES_MAX,
} from "./raft_link_limits.ts";
import { assert } from "../assert.ts";

/** Bytes of each side's nonce. */
export const LINK_NONCE_BYTES = 32;

const MAGIC = new TextEncoder().encode("WEFTRAFT");

/** Bytes of a greeting. */
export const GREETING_BYTES = MAGIC.length + 2 + LINK_NONCE_BYTES;

/** What the dialer says of itself and of whom it means to reach. */
export interface Hello {
  readonly meshId: string;
  readonly from: number;
  readonly to: number;
  readonly nonce: Uint8Array;
  readonly addresses: readonly LinkAddress[];
}

/** A hello as it came. */
export interface ReceivedHello {
  readonly hello: Hello;
  /** The bytes that `mac` is over, besides the nonce. */
  readonly body: Uint8Array;
  readonly mac: Uint8Array;
}

assert(
  2 + 1 + MESH_ID_BYTES_MAX + 16 + LINK_NONCE_BYTES + 1 + LINK_ADDRESSES_MAX * (1 + LINK_HOST_BYTES_MAX + 2) +
      LINK_MAC_BYTES <= HELLO_BYTES_MAX,
  "The largest hello is within the limit",
);

/** Returns a greeting with the acceptor's nonce. */
export function encodeGreeting(nonce: Uint8Array): Uint8Array {
  return new GrowingByteWriter(GREETING_BYTES, GREETING_BYTES).bytes(MAGIC).u16le(LINK_VERSION).bytes(nonce).written;
}

/** The acceptor's nonce, or what is wrong. Borrows; the nonce is a copy. */
export function decodeGreeting(bytes: Uint8Array): Uint8Array | LinkDropReason {
  const reader = new ByteReader(bytes);
  const magic = reader.bytes(MAGIC.length);
  const version = reader.u16le();
  const nonce = reader.bytes(LINK_NONCE_BYTES);
  if (!magic?.every((byte, i) => byte === MAGIC[i]) || nonce === undefined) return "handshake-malformed";
  return version === LINK_VERSION ? nonce.slice() : "wrong-version";
}

/** Returns the hello without its MAC. */
export function encodeHello(hello: Hello): Uint8Array {
  const writer = new GrowingByteWriter(256, HELLO_BYTES_MAX);
  writer.u16le(LINK_VERSION);
  writeText(writer, hello.meshId, MESH_ID_BYTES_MAX);
  writer.u53le(hello.from).u53le(hello.to).bytes(hello.nonce);
  assert(hello.addresses.length <= LINK_ADDRESSES_MAX, "Advertised addresses are within their limit");
  writer.u8(hello.addresses.length);
  for (const { host, port } of hello.addresses) {
    writeText(writer, host, LINK_HOST_BYTES_MAX);
    writer.u16le(port);
  }
  return writer.written;
}

/** Reads a hello with its MAC. Takes `bytes`. */
export function decodeHello(bytes: Uint8Array): ReceivedHello | LinkDropReason {
  const reader = new ByteReader(bytes);
  if (reader.u16le() !== LINK_VERSION) return "wrong-version";
  const meshId = readText(reader);
  const from = reader.u53le();
  const to = reader.u53le();
  const nonce = reader.bytes(LINK_NONCE_BYTES);
  const addresses = readAddresses(reader);
  const body = bytes.subarray(0, reader.offset);
  const mac = reader.bytes(LINK_MAC_BYTES);
  if (meshId === undefined || from === undefined || to === undefined || !nonce || !addresses || !mac) {
    return "handshake-malformed";
  }
  if (reader.remaining > 0) return "handshake-malformed";
  return { hello: { meshId, from, to, nonce, addresses }, body, mac };
}

/** Returns the parts one behind the other: what a MAC or key of the handshake is over. */
export function transcriptOf(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function writeText(writer: GrowingByteWriter, text: string, bytesMax: number): void {
  const bytes = new TextEncoder().encode(text);
  assert(bytes.length <= bytesMax, "Texts of a hello are within their limits");
  writer.u8(bytes.length).bytes(bytes);
}

function readText(reader: ByteReader): string | undefined {
  const bytes = reader.bytes(reader.u8() ?? -1);
  // Text that is not UTF-8 becomes text that matches nothing.
  return bytes && new TextDecoder().decode(bytes);
}

function readAddresses(reader: ByteReader): LinkAddress[] | undefined {
  const count = reader.u8() ?? Infinity;
  if (count > LINK_ADDRESSES_MAX) return undefined;
  const addresses: LinkAddress[] = [];
  while (addresses.length < count) {
    const host = readText(reader);
    const port = reader.u16le();
    if (host === undefined || host === "" || !port) return undefined;
    addresses.push({ host, port });
  }
  return addresses;
}
