/**
 * The line discipline of WireGuard's configuration protocol (https://www.wireguard.com/xplatform/): bytes of a stream to
 * requests.
 *
 * ```text
 * get=1
 * {empty line}
 * ```
 *
 * ```text
 * set=1
 * key=value
 * …
 * {empty line}
 * ```
 *
 * A request is given out at its empty line, whole. What is wrong with it is found before, but said only there: the other
 * side writes before it reads, and the requests behind a bad one are as good as any.
 *
 * Leaves out what the keys mean (`uapi_change.ts`).
 *
 * @module
 */
import { refusal, type UapiRefusal } from "./uapi_refusal.ts";

/** What the other side asks for. */
export type UapiOperation = "get" | "set";

/** One request. */
export type UapiRequest =
  | { readonly kind: "get" }
  /** The lines between operation and empty line, without line feeds. */
  | { readonly kind: "set"; readonly lines: readonly string[] }
  | { readonly kind: "refused"; readonly operation: UapiOperation; readonly refusal: UapiRefusal }
  /** The stream is not one of requests: nothing behind can be made sense of. */
  | { readonly kind: "nonsense" };

/** Ceilings of one request. */
export interface UapiLimits {
  /** Of a line without its line feed. The longest that means something has 78. */
  readonly lineBytesMax: number;
  /** Of a request. The most that an engine takes, a million prefixes of 65,536 peers, comes to 60 MB. */
  readonly requestBytesMax: number;
}

/** What holds unless a test says otherwise. */
export const UAPI_LIMITS: UapiLimits = { lineBytesMax: 256, requestBytesMax: 64 * 1024 * 1024 };

/** First lines: the operation and its version. */
const OPERATIONS: ReadonlyMap<string, UapiOperation> = new Map([["get=1", "get"], ["set=1", "set"]]);
const LINE_FEED = 0x0a;
const FIRST_PRINTABLE = 0x20;
const LAST_PRINTABLE = 0x7e;

/** Cuts a stream into requests. One per connection. */
export class UapiReader {
  readonly #limits: UapiLimits;
  readonly #line: Uint8Array;
  /** Bytes of the line so far; more than the line has room for once it is too long. */
  #lineBytes = 0;
  #requestBytes = 0;
  #lineCount = 0;
  #operation: UapiOperation | undefined;
  #lines: string[] = [];
  #refusal: UapiRefusal | undefined;
  #isOver = false;

  constructor(limits: UapiLimits = UAPI_LIMITS) {
    this.#limits = limits;
    this.#line = new Uint8Array(limits.lineBytesMax);
  }

  /** Takes the next bytes; gives the requests that end in them. Nothing comes after nonsense. Borrows. */
  push(chunk: Uint8Array): UapiRequest[] {
    const requests: UapiRequest[] = [];
    for (let start = 0; start < chunk.length && !this.#isOver;) {
      const lineFeed = chunk.indexOf(LINE_FEED, start);
      const end = lineFeed < 0 ? chunk.length : lineFeed;
      this.#append(chunk.subarray(start, end));
      start = end + 1;
      const request = lineFeed < 0 ? undefined : this.#endLine();
      if (request) requests.push(request);
    }
    return requests;
  }

  /** The stream has ended; gives the request that was cut off by that, refused. */
  end(): UapiRequest | undefined {
    const operation = this.#operation;
    if (operation === undefined || this.#isOver) return undefined;
    this.#isOver = true;
    return { kind: "refused", operation, refusal: refusal("EPROTO", "the request has no empty line at its end") };
  }

  #append(bytes: Uint8Array): void {
    const room = Math.max(this.#line.length - this.#lineBytes, 0);
    this.#line.set(bytes.subarray(0, room), this.#lineBytes);
    this.#lineBytes += bytes.length;
    this.#requestBytes += bytes.length;
  }

  #endLine(): UapiRequest | undefined {
    const length = this.#lineBytes;
    this.#lineBytes = 0;
    this.#lineCount++;
    this.#requestBytes++;
    if (this.#operation === undefined) return this.#begin(length);
    if (length === 0) return this.#finish(this.#operation);
    if (this.#refusal === undefined) this.#take(length);
    return undefined;
  }

  #begin(length: number): UapiRequest | undefined {
    this.#operation = OPERATIONS.get(this.#text(length) ?? "");
    if (this.#operation !== undefined) return undefined;
    this.#isOver = true;
    return { kind: "nonsense" };
  }

  #take(length: number): void {
    const { lineBytesMax, requestBytesMax } = this.#limits;
    if (this.#requestBytes > requestBytesMax) {
      return this.#refuse(refusal("E2BIG", `the request is longer than ${requestBytesMax} bytes`));
    }
    if (length > lineBytesMax) {
      return this.#refuse(refusal("EPROTO", `line ${this.#lineCount} is longer than ${lineBytesMax} bytes`));
    }
    const text = this.#text(length);
    if (text === undefined) {
      return this.#refuse(refusal("EPROTO", `line ${this.#lineCount} has bytes that are not printable ASCII`));
    }
    if (this.#operation === "get") {
      return this.#refuse(refusal("EINVAL", `line ${this.#lineCount}: a get has no lines of its own`));
    }
    this.#lines.push(text);
  }

  #refuse(why: UapiRefusal): void {
    this.#refusal = why;
    this.#lines = [];
  }

  #finish(operation: UapiOperation): UapiRequest {
    const lines = this.#lines;
    const why = this.#refusal;
    this.#operation = undefined;
    this.#lines = [];
    this.#refusal = undefined;
    this.#lineCount = 0;
    this.#requestBytes = 0;
    if (why) return { kind: "refused", operation, refusal: why };
    return operation === "get" ? { kind: "get" } : { kind: "set", lines };
  }

  /** The line as text; `undefined` if it is too long or not text. */
  #text(length: number): string | undefined {
    if (length > this.#line.length) return undefined;
    const bytes = this.#line.subarray(0, length);
    if (bytes.some((byte) => byte < FIRST_PRINTABLE || byte > LAST_PRINTABLE)) return undefined;
    return String.fromCharCode(...bytes);
  }
}
