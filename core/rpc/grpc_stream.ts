/**
 * One gRPC call on an HTTP/2 stream, at the server (gRPC over HTTP/2): request fields, messages with five bytes in front,
 * and a status in the trailers.
 *
 * Answers are not compressed; requests may be, by gzip or deflate.
 *
 * @module
 */
import { type Metadata, status } from "@grpc/grpc-js";
import type { Http2AnswerFields, Http2Fields, Http2Stream } from "../io/http2_server.ts";
import { type Compression, inflated } from "../io/inflate.ts";
import type { RpcMetadata } from "../plugin/rpc.ts";
import { MESSAGE_BYTES_MAX } from "./limits.ts";
import { fieldsBytes, fromFields, PROXIED_FROM_KEY } from "./metadata.ts";

/** A flag for compression and a length. */
const PREFIX_BYTES = 5;
/** Complete messages that nobody has taken, in bytes; then the caller has to wait. */
const HELD_BYTES_MAX: number = 64 << 10;

const CONTENT_TYPE = "application/grpc";
const RESPONSE_FIELDS = { ":status": 200, "content-type": "application/grpc+proto" };
/** gRPC has no use for a date. */
const RESPONSE_OPTIONS = { waitForTrailers: true, sendDate: false };
const GOOD_TRAILERS = { "grpc-status": "0" };
const HTTP_METHOD_NOT_ALLOWED = 405;
const HTTP_UNSUPPORTED_MEDIA_TYPE = 415;

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

/** `grpc-encoding`, and what it takes to read it. */
const ENCODINGS: ReadonlyMap<string, Compression | undefined> = new Map([
  ["identity", undefined],
  ["deflate", "deflate"],
  ["gzip", "gzip"],
]);

/** How a call ends that did not end well. */
export interface StreamStatus {
  readonly code: number;
  readonly message: string;
}

/** What came is no request; the caller is told in gRPC's own terms. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
  readonly status: StreamStatus;

  constructor(status: StreamStatus) {
    super(status.message);
    this.status = status;
  }
}

/** One message as it came. */
interface Received {
  readonly bytes: Uint8Array;
  readonly isCompressed: boolean;
}

/** See the module. */
export class GrpcStream {
  readonly #stream: Http2Stream;
  readonly #fields: Http2Fields;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** When the caller gives up, in milliseconds from now; `Infinity` if it did not say. */
  readonly timeoutMs: number;
  /** Why the call cannot be served, whatever its method. */
  readonly refusal: StreamStatus | undefined;
  /** Called when the stream is over: the caller has gone, or has the status. */
  onClosed: () => void = () => {};
  readonly #compression: Compression | undefined;
  /** The beginning of a message, in the pieces in which it came, and how many bytes make more sense of it. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #neededBytes = PREFIX_BYTES;
  #messages: Received[] = [];
  #messagesBytes = 0;
  #isPaused = false;
  /** Whether somebody waits for a request that is one message. */
  #wantsAll = false;
  #problem: StreamStatus | undefined;
  #hasEnded = false;
  #hasSentFields = false;
  /** That there is room again. */
  #room: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Http2Stream, fields: Http2Fields) {
    this.#stream = stream;
    this.#fields = fields;
    this.path = fields[":path"] ?? "";
    const timeoutMs = timeoutMsOf(fields["grpc-timeout"]);
    this.timeoutMs = timeoutMs ?? 0;
    const encoding = fields["grpc-encoding"] ?? "identity";
    this.#compression = typeof encoding === "string" ? ENCODINGS.get(encoding) : undefined;
    if (timeoutMs === undefined) {
      this.refusal = { code: status.INTERNAL, message: "The timeout cannot be read" };
    } else if (typeof encoding !== "string" || !ENCODINGS.has(encoding)) {
      this.refusal = { code: status.UNIMPLEMENTED, message: `The encoding "${encoding}" is not supported` };
    }
    // What goes wrong with a stream is that it closes.
    stream.on("error", ignore);
    stream.on("data", (bytes: Uint8Array) => this.#received(bytes));
    stream.on("end", () => {
      this.#hasEnded = true;
      this.#wake?.();
    });
    stream.on("close", () => {
      this.onClosed();
      this.wake();
    });
  }

  /** Whether this is no gRPC at all: the HTTP status to answer with. */
  get httpRefusal(): number | undefined {
    if (this.#fields[":method"] !== "POST") return HTTP_METHOD_NOT_ALLOWED;
    return this.#fields["content-type"]?.startsWith(CONTENT_TYPE) ? undefined : HTTP_UNSUPPORTED_MEDIA_TYPE;
  }

  /** What the caller sent along. */
  metadata(): RpcMetadata {
    return fromFields(this.#fields);
  }

  /** Size of it as HTTP/2 counts it. */
  metadataBytes(): number {
    return fieldsBytes(this.#fields);
  }

  /** Whether the caller says that it is a node that passes the call on. */
  get isForwarded(): boolean {
    return this.#fields[PROXIED_FROM_KEY] !== undefined;
  }

  /** True when all of the request is here, or what is wrong with it is known. */
  get isComplete(): boolean {
    return this.#hasEnded || this.#problem !== undefined;
  }

  /** True when there is a message, or the end, or what is wrong, to take at once. */
  get isReadable(): boolean {
    return this.#messages.length > 0 || this.isComplete;
  }

  /**
   * The next message; `undefined` behind the last one that is here. The receiver owns it.
   *
   * @throws {BadRequest} In the place of what is no message; so do promises.
   */
  take(): Uint8Array | Promise<Uint8Array> | undefined {
    const message = this.#messages.shift();
    if (!message) {
      if (this.#problem) throw new BadRequest(this.#problem);
      return undefined;
    }
    this.#messagesBytes -= message.bytes.length;
    if (this.#messagesBytes <= HELD_BYTES_MAX) this.#resume();
    return message.isCompressed ? this.#inflated(message.bytes) : message.bytes;
  }

  /**
   * Resolves when there is something new to take, when the stream is over, or at {@linkcode GrpcStream.wake}.
   *
   * @param all Whether to wait for all of the request.
   */
  readable(all: boolean): Promise<void> {
    if (all && !this.#wantsAll) {
      this.#wantsAll = true;
      this.#resume();
    }
    if ((all ? this.isComplete : this.isReadable) || this.#stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = () => {
        if (all && !this.isComplete && !this.#hasTooMany) return;
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** Lets go whoever waits: what still comes is of no interest any more. */
  wake(): void {
    this.#discard();
    this.#wake?.();
    this.#room?.();
    this.#room = undefined;
  }

  /** Sends metadata ahead of the first message. */
  sendMetadata(metadata: Metadata | undefined): void {
    if (this.#hasSentFields || this.#stream.destroyed) return;
    this.#hasSentFields = true;
    const fields = metadata ? { ...metadata.toHttp2Headers(), ...RESPONSE_FIELDS } : RESPONSE_FIELDS;
    this.#stream.respond(fields, RESPONSE_OPTIONS);
  }

  /** Sends one message. Borrows it. @returns A promise if the caller has to take something first. */
  write(message: Uint8Array): Promise<void> | undefined {
    this.sendMetadata(undefined);
    if (this.#stream.destroyed || this.#stream.write(framed(message))) return undefined;
    return new Promise((resolve) => {
      this.#room = resolve;
      this.#stream.once("drain", resolve);
    });
  }

  /** The call has ended well. @param last One more message to send. */
  finish(trailers: Metadata | undefined, last?: Uint8Array): void {
    this.sendMetadata(undefined);
    const fields = trailers ? { ...trailers.toHttp2Headers(), ...GOOD_TRAILERS } : GOOD_TRAILERS;
    this.#end(fields, last && framed(last));
  }

  /** The call has not ended well. */
  fail({ code, message }: StreamStatus, trailers: Metadata | undefined): void {
    const fields = {
      ...trailers?.toHttp2Headers(),
      "grpc-status": `${code}`,
      ...(message !== "" && { "grpc-message": percentEncoded(message) }),
      ...(code === status.UNIMPLEMENTED && { "grpc-accept-encoding": [...ENCODINGS.keys()].join(",") }),
    };
    if (this.#hasSentFields) this.#end(fields, undefined);
    else if (!this.#stream.destroyed) {
      this.#hasSentFields = true;
      this.#discard();
      this.#stream.respond({ ...fields, ...RESPONSE_FIELDS }, { endStream: true });
    }
  }

  /** Answers with an HTTP status alone. */
  refuse(httpStatus: number): void {
    this.#stream.respond({ ":status": httpStatus }, { endStream: true });
  }

  #end(trailers: Http2AnswerFields, last: Uint8Array | undefined): void {
    const stream = this.#stream;
    this.#discard();
    if (stream.destroyed) return;
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    if (last) stream.end(last);
    else stream.end();
  }

  #received(bytes: Uint8Array): void {
    // What comes behind the answer is taken too, and dropped.
    if (this.#problem || this.#hasEnded) return;
    this.#pieces.push(bytes);
    this.#piecesBytes += bytes.length;
    if (this.#piecesBytes < this.#neededBytes) return;
    this.#parse(this.#pieces.length === 1 ? bytes : joined(this.#pieces, this.#piecesBytes));
    if (this.isReadable) this.#wake?.();
    if (this.#messagesBytes <= HELD_BYTES_MAX || (this.#wantsAll && !this.#hasTooMany)) return;
    this.#isPaused = true;
    this.#stream.pause();
  }

  /** Known to be more than one message, where one is expected. */
  get #hasTooMany(): boolean {
    return this.#messages.length > 1;
  }

  /** Otherwise the stream never ends. */
  #discard(): void {
    this.#hasEnded = true;
    this.#messages = [];
    this.#messagesBytes = 0;
    this.#resume();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#stream.resume();
  }

  #parse(bytes: Uint8Array): void {
    let offset = 0;
    let neededBytes = PREFIX_BYTES;
    while (bytes.length - offset >= PREFIX_BYTES) {
      const flag = bytes[offset] ?? 0;
      const length = uint32At(bytes, offset + 1);
      if (flag > 1 || (flag === 1 && !this.#compression)) {
        this.#problem = { code: status.INTERNAL, message: "A message is compressed that cannot be" };
      } else if (length > MESSAGE_BYTES_MAX) {
        this.#problem = tooLarge();
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
      this.#messages.push({ bytes: bytes.subarray(offset + PREFIX_BYTES, end), isCompressed: flag === 1 });
      this.#messagesBytes += length;
      offset = end;
    }
    this.#piecesBytes = bytes.length - offset;
    this.#pieces = this.#piecesBytes === 0 ? [] : [bytes.subarray(offset)];
    this.#neededBytes = neededBytes;
  }

  async #inflated(compressed: Uint8Array): Promise<Uint8Array> {
    if (!this.#compression) return compressed;
    const bytes = await inflated(this.#compression, compressed, MESSAGE_BYTES_MAX);
    if (bytes === "too-large") throw new BadRequest(tooLarge());
    if (bytes === "malformed") throw new BadRequest({ code: status.INTERNAL, message: "A message cannot be inflated" });
    return bytes;
  }
}

function tooLarge(): StreamStatus {
  return { code: status.RESOURCE_EXHAUSTED, message: `The message is larger than ${MESSAGE_BYTES_MAX} bytes` };
}

function framed(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PREFIX_BYTES + message.length);
  bytes[1] = message.length >>> 24;
  bytes[2] = message.length >>> 16;
  bytes[3] = message.length >>> 8;
  bytes[4] = message.length;
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** Big-endian; four bytes are there. */
function uint32At(bytes: Uint8Array, offset: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]];
  return (a << 24 | b << 16 | c << 8 | d) >>> 0;
}

function ignore(): void {}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** `Infinity` without a timeout, `undefined` for one that cannot be read. */
function timeoutMsOf(field: string | string[] | undefined): number | undefined {
  if (field === undefined) return Infinity;
  const [, digits, unit] = (typeof field === "string" ? TIMEOUT_REGEXP.exec(field) : undefined) ?? [];
  const unitMs = unit === undefined ? undefined : TIMEOUT_UNITS_MS[unit];
  return unitMs === undefined ? undefined : Number(digits) * unitMs;
}

/** UTF-8 with everything but visible ASCII and spaces as `%XX`, and the percent sign too. */
function percentEncoded(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}
