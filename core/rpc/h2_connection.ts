/**
 * The server's side of one HTTP/2 connection (RFC 9113): bytes in; calls, their data and their ends out; and back.
 *
 * Nothing a client sends throws. What is wrong with one stream resets it, what is wrong with the connection ends it with a
 * GOAWAY that says why. Everything a client can make grow has a limit: streams, header blocks, the dynamic table, bytes
 * that nobody has taken, answers that it does not read, frames that do nothing.
 *
 * Leaves out: priorities (§5.3.2 says to ignore them), pushing, padding of its own.
 *
 * @module
 */
import {
  ErrorCode,
  Flag,
  frame,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FrameType,
  goAwayFrame,
  PREFACE,
  putFrameHeader,
  resetStreamFrame,
  Setting,
  settingsFrame,
  u32At,
  windowUpdateFrame,
} from "./h2_frame.ts";
import { type HeaderField, HpackDecoder } from "./hpack.ts";

/** A block of headers with its continuations, as it comes and as it is counted when decoded. */
export const HEADER_BLOCK_BYTES_MAX: number = 32 << 10;
/** Continuations of one header block. */
export const CONTINUATIONS_MAX = 16;
/** Bytes of a stream that nobody has taken (SETTINGS_INITIAL_WINDOW_SIZE). */
export const STREAM_WINDOW_BYTES: number = 256 << 10;
/** Bytes of a connection on their way to streams. */
export const CONNECTION_WINDOW_BYTES: number = 4 << 20;
/** Frames without use to any stream, between two that are of use or two calls of {@linkcode H2Connection.forgive}. */
export const IDLE_FRAMES_MAX = 10_000;
/** Answers to control frames that the client does not read, in bytes. */
export const UNREAD_BYTES_MAX: number = 16 << 20;

const DEFAULT_WINDOW_BYTES = 65_535;
const WINDOW_BYTES_MAX = 0x7fff_ffff;
const EMPTY = new Uint8Array();

/** Where bytes go. */
export interface H2Transport {
  /** Bytes that wait because the other side does not read. */
  readonly waitingBytes: number;
  readonly isCongested: boolean;
  /** Takes `bytes`. */
  write(bytes: Uint8Array): void;
  /** Closes when everything is written. */
  end(): void;
  destroy(): void;
}

/** Who gets what a client sends on one stream. */
export interface H2Receiver {
  /** Some bytes. Takes them. Returns how many of them the client may send anew at once. */
  data(bytes: Uint8Array): number;
  /** The client has sent everything. */
  end(): void;
  /** The stream is over before its time. */
  reset(): void;
  /** What was written before has found room. */
  drained(): void;
}

/** What a connection tells its owner. */
export interface H2Events {
  /** A client opened a stream; the owner may refuse it by resetting it. */
  opened(stream: H2Stream, fields: readonly HeaderField[]): H2Receiver;
}

/** One stream. */
export class H2Stream {
  readonly id: number;
  readonly #connection: H2Connection;
  receiver: H2Receiver | undefined;
  /** What the client may still send. */
  receiveWindow: number = STREAM_WINDOW_BYTES;
  /** What may still be sent. */
  sendWindow: number;
  hasClientEnded = false;
  #isOver = false;
  #waiting: Uint8Array[] = [];
  #trailers: Uint8Array | undefined;

  constructor(connection: H2Connection, id: number, sendWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.sendWindow = sendWindow;
  }

  /** True when nothing can be sent any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** True while data wait for room in the windows or the socket. */
  get isCongested(): boolean {
    return this.#waiting.length > 0 || this.#connection.isCongested;
  }

  /** Sends a header block; `isLast` ends the stream, after the data that wait. */
  sendHeaders(block: Uint8Array, isLast: boolean): void {
    if (this.#isOver) return;
    if (!isLast) this.#connection.writeHeaders(this.id, block, false);
    else if (this.#waiting.length > 0) this.#trailers = block;
    else {
      this.#connection.writeHeaders(this.id, block, true);
      this.#end();
    }
  }

  /** Sends data as fast as the windows allow. Takes them. */
  sendData(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#waiting.push(bytes);
    if (this.#waiting.length === 1) this.flush();
  }

  /** Sends what has waited and fits by now. */
  flush(): void {
    while (!this.#isOver && this.#waiting.length > 0) {
      const bytes = this.#waiting[0] ?? EMPTY;
      const room = Math.min(this.sendWindow, this.#connection.sendWindow, FRAME_BYTES_MAX);
      if (room <= 0 && bytes.length > 0) return;
      const part = bytes.length <= room ? bytes : bytes.subarray(0, room);
      this.sendWindow -= part.length;
      this.#connection.writeData(this.id, part);
      if (part === bytes) this.#waiting.shift();
      else this.#waiting[0] = bytes.subarray(room);
    }
    if (this.#trailers && !this.#isOver && this.#waiting.length === 0) {
      this.#connection.writeHeaders(this.id, this.#trailers, true);
      this.#end();
    }
  }

  /** The client may send so many bytes more. */
  allow(bytes: number): void {
    if (this.#isOver || this.hasClientEnded || bytes <= 0) return;
    this.receiveWindow += bytes;
    this.#connection.write(windowUpdateFrame(this.id, bytes));
  }

  /** Ends the stream at once, without a status. */
  reset(code: number): void {
    if (this.#isOver) return;
    this.#connection.write(resetStreamFrame(this.id, code));
    this.close();
  }

  /** Nothing is sent any more; the receiver is told unless everything was sent. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#connection.forget(this);
    this.receiver?.reset();
  }

  #end(): void {
    this.#isOver = true;
    // Whatever the client would still send nobody wants (§8.1).
    if (!this.hasClientEnded) this.#connection.write(resetStreamFrame(this.id, ErrorCode.none));
    this.#connection.forget(this);
  }
}

/** See the module. */
export class H2Connection {
  readonly #transport: H2Transport;
  readonly #events: H2Events;
  readonly #streamsMax: number;
  readonly #decoder = new HpackDecoder(HEADER_BLOCK_BYTES_MAX);
  readonly #streams = new Map<number, H2Stream>();
  #rest: Uint8Array = EMPTY;
  #prefaceBytes = 0;
  #hasSettings = false;
  #lastStreamId = 0;
  #isClosing = false;
  #isClosed = false;
  #idleFrames = 0;
  #receiveWindow = CONNECTION_WINDOW_BYTES;
  #initialSendWindow = DEFAULT_WINDOW_BYTES;
  /** A header block that goes on. */
  #block: { readonly streamId: number; readonly isLast: boolean; bytes: Uint8Array; count: number } | undefined;
  /** What may still be sent on all streams together. */
  sendWindow: number = DEFAULT_WINDOW_BYTES;

  /** @param streamsMax Streams at one time. */
  constructor(transport: H2Transport, events: H2Events, streamsMax: number) {
    this.#transport = transport;
    this.#events = events;
    this.#streamsMax = streamsMax;
    this.write(settingsFrame([
      [Setting.maxConcurrentStreams, streamsMax],
      [Setting.initialWindowSize, STREAM_WINDOW_BYTES],
      [Setting.maxHeaderListSize, HEADER_BLOCK_BYTES_MAX],
    ]));
    this.write(windowUpdateFrame(0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  /** True once the client has shown that it speaks HTTP/2. */
  get isOpen(): boolean {
    return this.#hasSettings;
  }

  /** Streams that are open. */
  get streamsCount(): number {
    return this.#streams.size;
  }

  get isCongested(): boolean {
    return this.#transport.isCongested;
  }

  /** Bytes from the client. Takes them. */
  receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    let chunk = this.#prefaceBytes < PREFACE.length ? this.#readPreface(bytes) : bytes;
    if (this.#rest.length > 0) {
      const both = new Uint8Array(this.#rest.length + chunk.length);
      both.set(this.#rest);
      both.set(chunk, this.#rest.length);
      chunk = both;
    }
    let offset = 0;
    while (!this.#isClosed && chunk.length - offset >= FRAME_HEADER_BYTES) {
      const length = (chunk[offset] ?? 0) << 16 | (chunk[offset + 1] ?? 0) << 8 | (chunk[offset + 2] ?? 0);
      if (length > FRAME_BYTES_MAX) return this.fail(ErrorCode.frameSize);
      const end = offset + FRAME_HEADER_BYTES + length;
      if (end > chunk.length) break;
      const streamId = u32At(chunk, offset + 5) & 0x7fff_ffff;
      const payload = chunk.subarray(offset + FRAME_HEADER_BYTES, end);
      const code = this.#frame(chunk[offset + 3] ?? 0, chunk[offset + 4] ?? 0, streamId, payload);
      if (code !== ErrorCode.none) return this.fail(code);
      offset = end;
    }
    this.#rest = offset === chunk.length ? EMPTY : chunk.subarray(offset);
  }

  /** The socket has room again. */
  drained(): void {
    for (const stream of [...this.#streams.values()]) stream.receiver?.drained();
  }

  /** The socket is gone. */
  closed(): void {
    this.#isClosed = true;
    for (const stream of [...this.#streams.values()]) stream.close();
  }

  /** Asks whether the client is there. */
  ping(): void {
    this.write(frame(FrameType.ping, 0, 0, new Uint8Array(8)));
  }

  /** Counts frames without use anew; called now and then. */
  forgive(): void {
    this.#idleFrames = 0;
  }

  /** Takes no new streams, and closes when the last one has ended. */
  shutDown(): void {
    if (this.#isClosing || this.#isClosed) return;
    this.#isClosing = true;
    this.write(goAwayFrame(this.#lastStreamId, ErrorCode.none));
    if (this.#streams.size === 0) this.#end();
  }

  /** Ends the connection because of an error. */
  fail(code: number): void {
    if (this.#isClosed) return;
    this.write(goAwayFrame(this.#lastStreamId, code));
    this.#end();
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#transport.write(bytes);
  }

  writeHeaders(streamId: number, block: Uint8Array, isLast: boolean): void {
    const last = isLast ? Flag.endStream : 0;
    if (block.length <= FRAME_BYTES_MAX) {
      return this.write(frame(FrameType.headers, last | Flag.endHeaders, streamId, block));
    }
    this.write(frame(FrameType.headers, last, streamId, block.subarray(0, FRAME_BYTES_MAX)));
    for (let at = FRAME_BYTES_MAX; at < block.length; at += FRAME_BYTES_MAX) {
      const flags = at + FRAME_BYTES_MAX >= block.length ? Flag.endHeaders : 0;
      this.write(frame(FrameType.continuation, flags, streamId, block.subarray(at, at + FRAME_BYTES_MAX)));
    }
  }

  writeData(streamId: number, bytes: Uint8Array): void {
    this.#idleFrames = 0;
    this.sendWindow -= bytes.length;
    const header = new Uint8Array(FRAME_HEADER_BYTES);
    putFrameHeader(header, 0, bytes.length, FrameType.data, 0, streamId);
    this.write(header);
    this.write(bytes);
  }

  forget(stream: H2Stream): void {
    this.#streams.delete(stream.id);
    if (this.#isClosing && this.#streams.size === 0) this.#end();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#transport.end();
    for (const stream of [...this.#streams.values()]) stream.close();
  }

  #readPreface(bytes: Uint8Array): Uint8Array {
    let at = 0;
    while (this.#prefaceBytes < PREFACE.length && at < bytes.length) {
      if (bytes[at++] !== PREFACE[this.#prefaceBytes++]) {
        // Whoever speaks something else would not understand a farewell.
        this.#isClosed = true;
        this.#transport.destroy();
        return EMPTY;
      }
    }
    return bytes.subarray(at);
  }

  #frame(type: number, flags: number, streamId: number, payload: Uint8Array): number {
    if (this.#block && type !== FrameType.continuation) return ErrorCode.protocol;
    if (!this.#hasSettings && type !== FrameType.settings) return ErrorCode.protocol;
    // Window updates let answers go on; every other frame without a stream's benefit is counted.
    if (++this.#idleFrames > IDLE_FRAMES_MAX) return ErrorCode.enhanceYourCalm;
    switch (type) {
      case FrameType.data:
        return this.#data(flags, streamId, payload);
      case FrameType.headers:
        return this.#headers(flags, streamId, payload);
      case FrameType.continuation:
        return this.#continuation(flags, streamId, payload);
      case FrameType.priority:
        return payload.length === 5 ? ErrorCode.none : ErrorCode.frameSize;
      case FrameType.resetStream:
        return this.#resetStream(streamId, payload);
      case FrameType.settings:
        return this.#settings(flags, streamId, payload);
      case FrameType.pushPromise:
        return ErrorCode.protocol;
      case FrameType.ping:
        return this.#ping(flags, streamId, payload);
      case FrameType.goAway:
        return streamId === 0 && payload.length >= 8 ? ErrorCode.none : ErrorCode.protocol;
      case FrameType.windowUpdate:
        return this.#windowUpdate(streamId, payload);
      default:
        return ErrorCode.none;
    }
  }

  #data(flags: number, streamId: number, payload: Uint8Array): number {
    if (streamId === 0 || streamId > this.#lastStreamId) return ErrorCode.protocol;
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < 0) return ErrorCode.flowControl;
    if (this.#receiveWindow < CONNECTION_WINDOW_BYTES / 2) {
      this.write(windowUpdateFrame(0, CONNECTION_WINDOW_BYTES - this.#receiveWindow));
      this.#receiveWindow = CONNECTION_WINDOW_BYTES;
    }
    const bytes = flags & Flag.padded ? unpadded(payload) : payload;
    if (!bytes) return ErrorCode.protocol;
    const stream = this.#streams.get(streamId);
    // It may have been answered or reset meanwhile.
    if (!stream) return ErrorCode.none;
    if (stream.hasClientEnded) return ErrorCode.streamClosed;
    stream.receiveWindow -= payload.length;
    if (stream.receiveWindow < 0) return ErrorCode.flowControl;
    const isLast = (flags & Flag.endStream) !== 0;
    if (bytes.length > 0 || isLast) this.#idleFrames = 0;
    stream.hasClientEnded = isLast;
    const free = bytes.length > 0 ? stream.receiver?.data(bytes) ?? 0 : 0;
    if (isLast) stream.receiver?.end();
    else stream.allow(free + payload.length - bytes.length);
    return ErrorCode.none;
  }

  #headers(flags: number, streamId: number, payload: Uint8Array): number {
    if (streamId % 2 === 0) return ErrorCode.protocol;
    let block = flags & Flag.padded ? unpadded(payload) : payload;
    if (block && flags & Flag.priority) block = block.length < 5 ? undefined : block.subarray(5);
    if (!block) return ErrorCode.protocol;
    const isLast = (flags & Flag.endStream) !== 0;
    if (flags & Flag.endHeaders) return this.#open(streamId, isLast, block);
    this.#block = { streamId, isLast, bytes: block.slice(), count: 0 };
    return ErrorCode.none;
  }

  #continuation(flags: number, streamId: number, payload: Uint8Array): number {
    const block = this.#block;
    if (!block || block.streamId !== streamId) return ErrorCode.protocol;
    if (++block.count > CONTINUATIONS_MAX || block.bytes.length + payload.length > HEADER_BLOCK_BYTES_MAX) {
      return ErrorCode.enhanceYourCalm;
    }
    const bytes = new Uint8Array(block.bytes.length + payload.length);
    bytes.set(block.bytes);
    bytes.set(payload, block.bytes.length);
    block.bytes = bytes;
    if (!(flags & Flag.endHeaders)) return ErrorCode.none;
    this.#block = undefined;
    return this.#open(streamId, block.isLast, bytes);
  }

  #open(streamId: number, isLast: boolean, block: Uint8Array): number {
    const fields = this.#decoder.decode(block);
    if (fields === "malformed") return ErrorCode.compression;
    if (fields === "too-large") return ErrorCode.enhanceYourCalm;
    const known = this.#streams.get(streamId);
    if (known) return this.#trailersOf(known, isLast);
    // Trailers of a stream that was answered already.
    if (streamId <= this.#lastStreamId) return ErrorCode.none;
    this.#lastStreamId = streamId;
    // After a farewell the client knows that nobody has looked at this one (§6.8).
    if (this.#isClosing) return ErrorCode.none;
    if (this.#streams.size >= this.#streamsMax) {
      this.write(resetStreamFrame(streamId, ErrorCode.refusedStream));
      return ErrorCode.none;
    }
    if (!isWellFormed(fields)) {
      this.write(resetStreamFrame(streamId, ErrorCode.protocol));
      return ErrorCode.none;
    }
    this.#idleFrames = 0;
    const stream = new H2Stream(this, streamId, this.#initialSendWindow);
    stream.hasClientEnded = isLast;
    this.#streams.set(streamId, stream);
    stream.receiver = this.#events.opened(stream, fields);
    if (isLast) stream.receiver.end();
    return ErrorCode.none;
  }

  #trailersOf(stream: H2Stream, isLast: boolean): number {
    if (!isLast || stream.hasClientEnded) return ErrorCode.protocol;
    stream.hasClientEnded = true;
    stream.receiver?.end();
    return ErrorCode.none;
  }

  #resetStream(streamId: number, payload: Uint8Array): number {
    if (payload.length !== 4) return ErrorCode.frameSize;
    if (streamId === 0 || streamId > this.#lastStreamId) return ErrorCode.protocol;
    this.#streams.get(streamId)?.close();
    return ErrorCode.none;
  }

  #settings(flags: number, streamId: number, payload: Uint8Array): number {
    if (streamId !== 0) return ErrorCode.protocol;
    if (flags & Flag.ack) return payload.length === 0 ? ErrorCode.none : ErrorCode.frameSize;
    if (payload.length % 6 !== 0) return ErrorCode.frameSize;
    this.#hasSettings = true;
    for (let at = 0; at < payload.length; at += 6) {
      const id = (payload[at] ?? 0) << 8 | (payload[at + 1] ?? 0);
      const value = u32At(payload, at + 2);
      if (id !== Setting.initialWindowSize) continue;
      if (value > WINDOW_BYTES_MAX) return ErrorCode.flowControl;
      const difference = value - this.#initialSendWindow;
      this.#initialSendWindow = value;
      for (const stream of [...this.#streams.values()]) {
        stream.sendWindow += difference;
        if (stream.sendWindow > WINDOW_BYTES_MAX) return ErrorCode.flowControl;
        this.#resume(stream);
      }
    }
    return this.#answer(frame(FrameType.settings, Flag.ack, 0, EMPTY));
  }

  #ping(flags: number, streamId: number, payload: Uint8Array): number {
    if (streamId !== 0) return ErrorCode.protocol;
    if (payload.length !== 8) return ErrorCode.frameSize;
    return flags & Flag.ack ? ErrorCode.none : this.#answer(frame(FrameType.ping, Flag.ack, 0, payload));
  }

  /** Answers a control frame of a client that reads its answers. */
  #answer(bytes: Uint8Array): number {
    if (this.#transport.waitingBytes > UNREAD_BYTES_MAX) return ErrorCode.enhanceYourCalm;
    this.write(bytes);
    return ErrorCode.none;
  }

  #windowUpdate(streamId: number, payload: Uint8Array): number {
    if (payload.length !== 4) return ErrorCode.frameSize;
    const increment = u32At(payload, 0) & 0x7fff_ffff;
    if (streamId === 0) {
      this.sendWindow += increment;
      if (increment === 0 || this.sendWindow > WINDOW_BYTES_MAX) return ErrorCode.flowControl;
      for (const stream of [...this.#streams.values()]) {
        if (this.sendWindow <= 0) break;
        this.#resume(stream);
      }
      return ErrorCode.none;
    }
    if (streamId > this.#lastStreamId) return ErrorCode.protocol;
    const stream = this.#streams.get(streamId);
    if (!stream) return ErrorCode.none;
    stream.sendWindow += increment;
    if (increment === 0 || stream.sendWindow > WINDOW_BYTES_MAX) stream.reset(ErrorCode.flowControl);
    else this.#resume(stream);
    return ErrorCode.none;
  }

  #resume(stream: H2Stream): void {
    const wasCongested = stream.isCongested;
    stream.flush();
    if (!wasCongested) return;
    this.#idleFrames = 0;
    if (!stream.isCongested) stream.receiver?.drained();
  }
}

/** Without padding; `undefined` if there would be more of it than there are bytes. */
function unpadded(payload: Uint8Array): Uint8Array | undefined {
  const padding = payload[0];
  return padding === undefined || padding >= payload.length ? undefined : payload.subarray(1, payload.length - padding);
}

/** Whether these are the fields of a request (§8.3.1), as far as it matters to whoever reads them. */
function isWellFormed(fields: readonly HeaderField[]): boolean {
  let methodsCount = 0;
  let pathsCount = 0;
  let isBehindPseudo = false;
  for (const [name] of fields) {
    if (name.charCodeAt(0) === COLON) {
      if (isBehindPseudo) return false;
      if (name === ":method") methodsCount++;
      else if (name === ":path") pathsCount++;
      else if (name !== ":scheme" && name !== ":authority") return false;
    } else {
      isBehindPseudo = true;
      if (name === "" || name === "connection" || name !== name.toLowerCase()) return false;
    }
  }
  return methodsCount === 1 && pathsCount === 1;
}

const COLON = 0x3a;
