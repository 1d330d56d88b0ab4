/**
 * The part of `dns-packet` that is used here; the package comes without types.
 *
 * @module
 */
import type { Buffer } from "node:buffer";

/** Encodes the data of one record type, with its length as two bytes in front. */
export interface RecordCodec {
  encode(data: unknown): Uint8Array;
}

/** A decoded record; data of some types is an object. */
export interface DecodedRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl?: number;
  readonly data?: unknown;
}

/** A decoded message. */
export interface DecodedMessage {
  readonly id: number;
  readonly type: string;
  readonly flags: number;
  readonly rcode: string;
  readonly questions: readonly { readonly name: string; readonly type: string; readonly class: string }[];
  readonly answers: readonly DecodedRecord[];
  readonly authorities: readonly DecodedRecord[];
  readonly additionals: readonly DecodedRecord[];
}

/** The codec of a type, by its name. */
export function record(type: string): RecordCodec;
/** Throws for what is no message. */
export function decode(bytes: Buffer): DecodedMessage;
/** A message without compression. */
export function encode(message: unknown): Uint8Array;
