/**
 * Messages that came compressed (RFC 1950, RFC 1952), made whole within a limit, on another thread.
 *
 * @module
 */
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";

/** How a message is compressed. */
export type Compression = "deflate" | "gzip";

interface InflateOptions {
  readonly maxOutputLength: number;
}

const inflaters = {
  deflate: promisify<Uint8Array, InflateOptions, Uint8Array>(inflate),
  gzip: promisify<Uint8Array, InflateOptions, Uint8Array>(gunzip),
};

/** The message; `too-large` if it is longer than `bytesMax`, `malformed` if it is none. Borrows `bytes`. */
export async function inflated(
  compression: Compression,
  bytes: Uint8Array,
  bytesMax: number,
): Promise<Uint8Array | "too-large" | "malformed"> {
  try {
    return await inflaters[compression](bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
      ? "too-large"
      : "malformed";
  }
}
