/**
 * The "serialisers" that keep grpc-js from decoding: messages go through it as bytes.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Borrows `bytes`: grpc-js copies them into its frame. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The message's bytes; the receiver owns them. */
export function asBytes(buffer: Buffer): Uint8Array {
  return buffer;
}
