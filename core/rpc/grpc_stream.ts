/**
 * One gRPC call on an HTTP/2 stream, at the server (gRPC over HTTP/2): request headers, messages with five bytes in front,
 * and a status in the trailers.
 *
 * Leaves out: compression. A caller that compresses is told so with UNIMPLEMENTED, and `grpc-accept-encoding: identity`.
 *
 * @module
 */
import { status } from "@grpc/grpc-js";
import type { RpcMetadata } from "../plugin/rpc.ts";
import type { H2Receiver, H2Stream } from "./h2_connection.ts";
import { ErrorCode, putU32, u32At } from "./h2_frame.ts";
import { encodeFields, type HeaderField } from "./hpack.ts";
import { MESSAGE_BYTES_MAX } from "./limits.ts";

/** A flag for compression and a length. */
const PREFIX_BYTES = 5;
/** Complete messages that nobody has taken, in bytes; then the caller has to wait. */
const HELD_BYTES_MAX: number = 64 << 10;

/** What HTTP/2 counts for a field beside its name and value (RFC 9113 §6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;

/** Fields that belong to one HTTP/2 exchange and must not be carried over into another one. */
const HOP_FIELDS: ReadonlySet<string> = new Set(["content-type", "te", "date", "server", "accept-encoding"]);

const CONTENT_TYPE = "application/grpc";
const RESPONSE_FIELDS: readonly HeaderField[] = [[":status", "200"], ["content-type", CONTENT_TYPE]];
const RESPONSE_HEADERS = encodeFields(RESPONSE_FIELDS);
const GOOD_TRAILERS = encodeFields([["grpc-status", "0"]]);

/** Milliseconds of the units of `grpc-timeout`. */
const TIMEOUT_UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const TIMEOUT_REGEXP = /^(\d{1,8})([HMSmun])$/;

/** How a call ends that did not end well. */
export interface StreamStatus {
  readonly code: number;
  readonly message: string;
}

/** See the module. */
export class GrpcStream implements H2Receiver {
  readonly #stream: H2Stream;
  readonly #fields: readonly HeaderField[];
  /** `/package.Service/Method`. */
  readonly path: string;
  /** When the caller gives up, in milliseconds from now; `Infinity` if it did not say. */
  readonly timeoutMs: number;
  /** Why the call cannot be served, whatever its method. */
  readonly refusal: StreamStatus | undefined;
  /** Called when the caller has gone before the call ended. */
  onGone: () => void = () => {};
  /** The beginning of a message, in the pieces in which it came, and how many bytes make more sense of it. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #neededBytes = PREFIX_BYTES;
  #messages: Uint8Array[] = [];
  #messagesBytes = 0;
  /** Bytes that the caller may send once messages were taken. */
  #owedBytes = 0;
  #problem: StreamStatus | undefined;
  #hasEnded = false;
  #hasSentHeaders = false;
  #wake: (() => void) | undefined;
  #room: (() => void) | undefined;

  constructor(stream: H2Stream, fields: readonly HeaderField[]) {
    this.#stream = stream;
    this.#fields = fields;
    this.path = valueOf(fields, ":path") ?? "";
    const timeout = valueOf(fields, "grpc-timeout");
    const timeoutMs = timeout === undefined ? Infinity : parseTimeoutMs(timeout);
    this.timeoutMs = timeoutMs ?? 0;
    this.refusal = refusalOf(fields, timeoutMs);
  }

  /** Whether this is no gRPC at all: the HTTP status to answer with. */
  get httpRefusal(): number | undefined {
    if (valueOf(this.#fields, ":method") !== "POST") return HTTP_METHOD_NOT_ALLOWED;
    return valueOf(this.#fields, "content-type")?.startsWith(CONTENT_TYPE) ? undefined : HTTP_UNSUPPORTED_MEDIA_TYPE;
  }

  /** What the caller sent along: text values only, binary ones (`-bin` names) are left out. */
  metadata(): RpcMetadata {
    const result = new Map<string, string>();
    for (const [name, value] of this.#fields) {
      if (!isMetadata(name) || name.endsWith("-bin")) continue;
      const before = result.get(name);
      result.set(name, before === undefined ? value : `${before},${value}`);
    }
    return result;
  }

  /** Size of the metadata as HTTP/2 counts it, binary values included. */
  metadataBytes(): number {
    let total = 0;
    for (const [name, value] of this.#fields) {
      if (isMetadata(name)) total += name.length + value.length + FIELD_OVERHEAD_BYTES;
    }
    return total;
  }

  /** True when all of the request is here. */
  get isComplete(): boolean {
    return this.#hasEnded || this.#problem !== undefined;
  }

  /** True when there is a message, or its end, or what is wrong with it, to take at once. */
  get isReadable(): boolean {
    return this.#messages.length > 0 || this.isComplete;
  }

  /** What is wrong with the request, behind the messages that came before. */
  get problem(): StreamStatus | undefined {
    return this.#messages.length > 0 ? undefined : this.#problem;
  }

  /** The next message; `undefined` if there is none. The receiver owns it. */
  take(): Uint8Array | undefined {
    const message = this.#messages.shift();
    if (!message) return undefined;
    this.#messagesBytes -= message.length;
    if (this.#owedBytes > 0 && this.#messagesBytes <= HELD_BYTES_MAX) {
      this.#stream.allow(this.#owedBytes);
      this.#owedBytes = 0;
    }
    return message;
  }

  /**
   * Resolves when there is something new to take, or when the caller is gone, or {@linkcode GrpcStream.wake} is called.
   *
   * @param all Whether to wait for all of the request.
   */
  readable(all: boolean): Promise<void> {
    if ((all ? this.isComplete : this.isReadable) || this.#stream.isOver) return Promise.resolve();
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Lets go whoever waits. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
    this.#room?.();
    this.#room = undefined;
  }

  /** True when nothing can be sent any more. */
  get isOver(): boolean {
    return this.#stream.isOver;
  }

  /** Sends metadata ahead of the first message. Names and values are what HTTP/2 can carry. */
  sendHeaders(fields: readonly HeaderField[]): void {
    if (this.#hasSentHeaders) return;
    this.#hasSentHeaders = true;
    const block = fields.length === 0 ? RESPONSE_HEADERS : encodeFields([...RESPONSE_FIELDS, ...fields]);
    this.#stream.sendHeaders(block, false);
  }

  /** Sends one message. Borrows it. Returns false if the caller has to take something first. */
  write(message: Uint8Array): boolean {
    this.sendHeaders([]);
    const framed = new Uint8Array(PREFIX_BYTES + message.length);
    putU32(framed, 1, message.length);
    framed.set(message, PREFIX_BYTES);
    this.#stream.sendData(framed);
    return !this.#stream.isCongested;
  }

  /** Resolves when there is room after {@linkcode GrpcStream.write}, or the caller is gone. */
  roomy(): Promise<void> {
    if (!this.#stream.isCongested || this.#stream.isOver) return Promise.resolve();
    return new Promise((resolve) => this.#room = resolve);
  }

  /** The call has ended well. */
  finish(trailers: readonly HeaderField[]): void {
    this.sendHeaders([]);
    this.#stream.sendHeaders(
      trailers.length === 0 ? GOOD_TRAILERS : encodeFields([["grpc-status", "0"], ...trailers]),
      true,
    );
  }

  /** The call has not ended well. */
  fail({ code, message }: StreamStatus, trailers: readonly HeaderField[]): void {
    const end: HeaderField[] = [["grpc-status", `${code}`]];
    if (message !== "") end.push(["grpc-message", percentEncoded(message)]);
    if (code === status.UNIMPLEMENTED) end.push(["grpc-accept-encoding", "identity"]);
    const fields = this.#hasSentHeaders ? end : [...RESPONSE_FIELDS, ...end];
    this.#stream.sendHeaders(encodeFields([...fields, ...trailers]), true);
  }

  /** Answers with an HTTP status alone. */
  refuse(httpStatus: number): void {
    this.#stream.sendHeaders(encodeFields([[":status", `${httpStatus}`]]), true);
  }

  /** Ends the stream without an answer. */
  abandon(): void {
    this.#stream.reset(ErrorCode.cancel);
  }

  data(bytes: Uint8Array): number {
    if (this.#problem) return bytes.length;
    this.#pieces.push(bytes);
    this.#piecesBytes += bytes.length;
    if (this.#piecesBytes < this.#neededBytes) return bytes.length;
    const whole = this.#pieces.length === 1 ? bytes : joined(this.#pieces, this.#piecesBytes);
    this.#parse(whole);
    if (this.isReadable) this.wake();
    if (this.#messagesBytes <= HELD_BYTES_MAX) return bytes.length;
    this.#owedBytes += bytes.length;
    return 0;
  }

  end(): void {
    this.#hasEnded = true;
    this.wake();
  }

  reset(): void {
    this.onGone();
    this.wake();
  }

  drained(): void {
    if (this.#stream.isCongested) return;
    this.#room?.();
    this.#room = undefined;
  }

  #parse(bytes: Uint8Array): void {
    let offset = 0;
    let neededBytes = PREFIX_BYTES;
    while (bytes.length - offset >= PREFIX_BYTES) {
      const length = u32At(bytes, offset + 1);
      if (bytes[offset] !== 0) {
        this.#problem = { code: status.UNIMPLEMENTED, message: "Compressed messages are not supported" };
      } else if (length > MESSAGE_BYTES_MAX) {
        const message = `The message is larger than ${MESSAGE_BYTES_MAX} bytes`;
        this.#problem = { code: status.RESOURCE_EXHAUSTED, message };
      }
      if (this.#problem) {
        this.#pieces = [];
        return;
      }
      const end = offset + PREFIX_BYTES + length;
      if (end > bytes.length) {
        neededBytes = end - offset;
        break;
      }
      this.#messages.push(bytes.subarray(offset + PREFIX_BYTES, end));
      this.#messagesBytes += length + PREFIX_BYTES;
      offset = end;
    }
    this.#piecesBytes = bytes.length - offset;
    this.#pieces = this.#piecesBytes === 0 ? [] : [bytes.subarray(offset)];
    this.#neededBytes = neededBytes;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

const HTTP_METHOD_NOT_ALLOWED = 405;
const HTTP_UNSUPPORTED_MEDIA_TYPE = 415;

function refusalOf(fields: readonly HeaderField[], timeoutMs: number | undefined): StreamStatus | undefined {
  if (timeoutMs === undefined) return { code: status.INTERNAL, message: "The timeout cannot be read" };
  const encoding = valueOf(fields, "grpc-encoding") ?? "identity";
  if (encoding === "identity") return undefined;
  return { code: status.UNIMPLEMENTED, message: `The encoding "${encoding}" is not supported` };
}

function valueOf(fields: readonly HeaderField[], wanted: string): string | undefined {
  for (const [name, value] of fields) if (name === wanted) return value;
  return undefined;
}

function isMetadata(name: string): boolean {
  return !name.startsWith(":") && !name.startsWith("grpc-") && !HOP_FIELDS.has(name);
}

function parseTimeoutMs(text: string): number | undefined {
  const [, digits, unit] = TIMEOUT_REGEXP.exec(text) ?? [];
  const unitMs = unit === undefined ? undefined : TIMEOUT_UNITS_MS[unit];
  return unitMs === undefined ? undefined : Number(digits) * unitMs;
}

/** UTF-8 with everything but visible ASCII and spaces as `%XX`, and the percent sign too. */
function percentEncoded(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}
