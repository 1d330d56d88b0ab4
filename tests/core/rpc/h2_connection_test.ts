/**
 * Tests for `core/rpc/h2_connection.ts`: frames in, frames out, without a socket.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CONNECTION_WINDOW_BYTES,
  CONTINUATIONS_MAX,
  H2Connection,
  type H2Receiver,
  type H2Stream,
  HEADER_BLOCK_BYTES_MAX,
  IDLE_FRAMES_MAX,
  STREAM_WINDOW_BYTES,
  UNREAD_BYTES_MAX,
} from "../../../core/rpc/h2_connection.ts";
import {
  ErrorCode,
  Flag,
  frame,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FrameType,
  PREFACE,
  resetStreamFrame,
  settingsFrame,
  u32At,
  windowUpdateFrame,
} from "../../../core/rpc/h2_frame.ts";
import { encodeFields, type HeaderField } from "../../../core/rpc/hpack.ts";

const STREAMS_MAX = 3;
const REQUEST: readonly HeaderField[] = [[":method", "POST"], [":scheme", "http"], [":path", "/a/b"]];
const EMPTY = new Uint8Array();

/** A frame as it was sent. */
interface Sent {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** What one stream told its receiver. */
class Heard implements H2Receiver {
  readonly stream: H2Stream;
  readonly fields: readonly HeaderField[];
  readonly events: string[] = [];
  /** Whether bytes are taken at once. */
  isTaking = true;

  constructor(stream: H2Stream, fields: readonly HeaderField[]) {
    this.stream = stream;
    this.fields = fields;
  }

  data(bytes: Uint8Array): number {
    this.events.push(`data ${bytes.length}`);
    return this.isTaking ? bytes.length : 0;
  }

  end(): void {
    this.events.push("end");
  }

  reset(): void {
    this.events.push("reset");
  }

  drained(): void {
    this.events.push("drained");
  }
}

/** A client made of frames. */
class Wire {
  readonly streams: Heard[] = [];
  readonly connection: H2Connection;
  waitingBytes = 0;
  isCongested = false;
  end = "";
  #out: Uint8Array[] = [];

  constructor(isGreeted = true) {
    const transport = {
      wire: this,
      get waitingBytes() {
        return this.wire.waitingBytes;
      },
      get isCongested() {
        return this.wire.isCongested;
      },
      write: (bytes: Uint8Array) => void this.#out.push(bytes.slice()),
      end: () => void (this.end ||= "ended"),
      destroy: () => void (this.end ||= "destroyed"),
    };
    this.connection = new H2Connection(transport, {
      opened: (stream, fields) => {
        const heard = new Heard(stream, fields);
        this.streams.push(heard);
        return heard;
      },
    }, STREAMS_MAX);
    if (!isGreeted) return;
    this.send(PREFACE, settingsFrame([]));
    this.sent();
  }

  send(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.connection.receive(part.slice());
  }

  headers(streamId: number, flags: number = Flag.endHeaders, fields: readonly HeaderField[] = REQUEST): void {
    this.send(frame(FrameType.headers, flags, streamId, encodeFields(fields)));
  }

  data(streamId: number, bytes: number, flags = 0): void {
    this.send(frame(FrameType.data, flags, streamId, new Uint8Array(bytes)));
  }

  /** Frames since the last call. */
  sent(): Sent[] {
    const bytes = new Uint8Array(this.#out.flatMap((part) => [...part]));
    this.#out = [];
    const frames: Sent[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = u32At(bytes, at) >>> 8;
      const [type = 0, flags = 0] = bytes.subarray(at + 3);
      const payload = bytes.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length);
      frames.push({ type, flags, streamId: u32At(bytes, at + 5), payload });
      at += FRAME_HEADER_BYTES + length;
    }
    return frames;
  }

  /** The code of the GOAWAY that ended the connection; `undefined` if none did. */
  goAway(): number | undefined {
    const last = this.sent().findLast(({ type }) => type === FrameType.goAway);
    return last && this.end === "ended" ? u32At(last.payload, 4) : undefined;
  }
}

Deno.test("H2Connection: settings first, then acknowledgements of the client's", () => {
  const wire = new Wire(false);
  assert.deepEqual(wire.sent().map(({ type, streamId }) => [type, streamId]), [
    [FrameType.settings, 0],
    [FrameType.windowUpdate, 0],
  ]);
  assert.equal(wire.connection.isOpen, false);
  // One byte at a time is as good as all at once.
  for (const byte of [...PREFACE, ...settingsFrame([[4, 10]])]) wire.send(Uint8Array.of(byte));
  assert.deepEqual(wire.sent(), [{ type: FrameType.settings, flags: Flag.ack, streamId: 0, payload: EMPTY }]);
  assert.equal(wire.connection.isOpen, true);
});

Deno.test("H2Connection: a request, its data and its answer", () => {
  const wire = new Wire();
  wire.headers(1);
  wire.data(1, 10);
  wire.data(1, 5, Flag.endStream);
  const [heard] = wire.streams;
  assert(heard);
  assert.deepEqual(heard.fields, REQUEST);
  assert.deepEqual(heard.events, ["data 10", "data 5", "end"]);
  wire.sent();
  heard.stream.sendHeaders(encodeFields([[":status", "200"]]), false);
  heard.stream.sendData(Uint8Array.of(1, 2, 3));
  heard.stream.sendHeaders(encodeFields([["grpc-status", "0"]]), true);
  assert.deepEqual(wire.sent().map(({ type, flags, streamId }) => [type, flags, streamId]), [
    [FrameType.headers, Flag.endHeaders, 1],
    [FrameType.data, 0, 1],
    [FrameType.headers, Flag.endHeaders | Flag.endStream, 1],
  ]);
  assert.equal(wire.connection.streamsCount, 0);
  assert.deepEqual(heard.events.slice(3), [], "an answer is no reset");
});

Deno.test("H2Connection: an answer before the request has ended stops the client", () => {
  const wire = new Wire();
  wire.headers(1);
  wire.streams[0]?.stream.sendHeaders(encodeFields([[":status", "200"]]), true);
  const [, reset] = wire.sent();
  assert.deepEqual(reset, { type: FrameType.resetStream, flags: 0, streamId: 1, payload: new Uint8Array(4) });
  // What was on its way is no error.
  wire.data(1, 10);
  wire.headers(1, Flag.endHeaders | Flag.endStream, [["x", "y"]]);
  wire.send(resetStreamFrame(1, ErrorCode.cancel), windowUpdateFrame(1, 1));
  assert.equal(wire.end, "");
});

Deno.test("H2Connection: padding and priority are skipped, unknown frames and trailers are taken", () => {
  const wire = new Wire();
  const padded = (bytes: Uint8Array) => new Uint8Array([2, ...bytes, 0, 0]);
  wire.send(frame(
    FrameType.headers,
    Flag.endHeaders | Flag.padded | Flag.priority,
    1,
    padded(
      new Uint8Array([
        ...new Uint8Array(5),
        ...encodeFields(REQUEST),
      ]),
    ),
  ));
  wire.send(frame(FrameType.data, Flag.padded, 1, padded(Uint8Array.of(7))));
  wire.send(frame(FrameType.priority, 0, 1, new Uint8Array(5)), frame(0xbe, 0xff, 1, new Uint8Array(3)));
  wire.headers(1, Flag.endHeaders | Flag.endStream, [["x", "y"]]);
  assert.deepEqual(wire.streams[0]?.fields, REQUEST);
  assert.deepEqual(wire.streams[0]?.events, ["data 1", "end"]);
  assert.equal(wire.end, "");
});

Deno.test("H2Connection: a header block may come in pieces, up to its limits", () => {
  const wire = new Wire();
  const block = encodeFields(REQUEST);
  wire.send(frame(FrameType.headers, Flag.endStream, 1, block.subarray(0, 1)));
  for (let i = 1; i < CONTINUATIONS_MAX; i++) wire.send(frame(FrameType.continuation, 0, 1, EMPTY));
  wire.send(frame(FrameType.continuation, Flag.endHeaders, 1, block.subarray(1)));
  assert.deepEqual([wire.streams.length, wire.streams[0]?.events], [1, ["end"]]);
  wire.send(frame(FrameType.headers, 0, 3, block));
  for (let i = 0; i <= CONTINUATIONS_MAX; i++) wire.send(frame(FrameType.continuation, 0, 3, EMPTY));
  assert.equal(wire.goAway(), ErrorCode.enhanceYourCalm);
  const large = new Wire();
  large.send(frame(FrameType.headers, 0, 1, new Uint8Array(FRAME_BYTES_MAX)));
  large.send(frame(FrameType.continuation, 0, 1, new Uint8Array(HEADER_BLOCK_BYTES_MAX - FRAME_BYTES_MAX)));
  assert.equal(large.end, "");
  large.send(frame(FrameType.continuation, 0, 1, new Uint8Array(1)));
  assert.equal(large.goAway(), ErrorCode.enhanceYourCalm);
});

Deno.test("H2Connection: one stream beyond the limit is refused, one that ends makes room", () => {
  const wire = new Wire();
  for (let i = 0; i <= STREAMS_MAX; i++) wire.headers(2 * i + 1);
  assert.equal(wire.streams.length, STREAMS_MAX);
  const [refusal] = wire.sent();
  assert.deepEqual([refusal?.type, refusal?.streamId], [FrameType.resetStream, 2 * STREAMS_MAX + 1]);
  assert.equal(u32At(refusal?.payload ?? EMPTY, 0), ErrorCode.refusedStream);
  wire.send(resetStreamFrame(1, ErrorCode.cancel));
  assert.deepEqual(wire.streams[0]?.events, ["reset"]);
  wire.headers(99);
  assert.equal(wire.streams.length, STREAMS_MAX + 1);
});

Deno.test("H2Connection: requests without a method or a path, or with names that are none, are refused", () => {
  const wire = new Wire();
  const requests: (readonly HeaderField[])[] = [
    [],
    [[":method", "POST"]],
    [...REQUEST, [":path", "/"]],
    [["x", "y"], ...REQUEST],
    [...REQUEST, [":status", "200"]],
    [...REQUEST, ["X", "y"]],
    [...REQUEST, ["connection", "close"]],
  ];
  requests.forEach((fields, i) => wire.headers(2 * i + 1, Flag.endHeaders, fields));
  const resets = wire.sent();
  assert.deepEqual(
    resets.map(({ type, payload }) => [type, u32At(payload, 0)]),
    requests.map(() => {
      return [FrameType.resetStream, ErrorCode.protocol];
    }),
  );
  assert.equal(wire.streams.length, 0);
});

Deno.test("H2Connection: data wait for the windows of stream and connection, and go on in order", () => {
  const wire = new Wire(false);
  wire.send(PREFACE, settingsFrame([[4, 10]]));
  wire.headers(1, Flag.endHeaders | Flag.endStream);
  const stream = wire.streams[0]?.stream;
  assert(stream);
  wire.sent();
  stream.sendData(new Uint8Array(15).fill(1));
  stream.sendData(Uint8Array.of(2));
  stream.sendHeaders(encodeFields([["grpc-status", "0"]]), true);
  assert.deepEqual(wire.sent().map(({ payload }) => payload.length), [10]);
  assert.equal(stream.isCongested, true);
  wire.send(windowUpdateFrame(1, 4));
  assert.deepEqual(wire.sent().map(({ payload }) => payload.length), [4]);
  wire.send(settingsFrame([[4, 13]]));
  const rest = wire.sent();
  assert.deepEqual(rest.map(({ type }) => type), [
    FrameType.data,
    FrameType.data,
    FrameType.headers,
    FrameType.settings,
  ]);
  assert.deepEqual(rest[1]?.payload, Uint8Array.of(2));
  assert.equal(wire.connection.streamsCount, 0);
});

Deno.test("H2Connection: the connection's window holds for all streams together", () => {
  const wire = new Wire(false);
  wire.send(PREFACE, settingsFrame([[4, 1 << 20]]));
  wire.headers(1, Flag.endHeaders | Flag.endStream);
  wire.headers(3, Flag.endHeaders | Flag.endStream);
  wire.sent();
  for (const { stream } of wire.streams) stream.sendData(new Uint8Array(60_000));
  const sum = () => wire.sent().reduce((total, { payload }) => total + payload.length, 0);
  assert.equal(sum(), 65_535);
  wire.send(windowUpdateFrame(0, 1000));
  assert.equal(sum(), 1000);
  wire.send(windowUpdateFrame(0, 100_000));
  assert.equal(sum(), 2 * 60_000 - 66_535);
  assert.deepEqual(wire.streams[1]?.events, ["end", "drained"]);
});

Deno.test("H2Connection: who takes nothing is sent no more than a window", () => {
  const wire = new Wire();
  wire.headers(1);
  const [heard] = wire.streams;
  assert(heard);
  heard.isTaking = false;
  for (let sent = 0; sent < STREAM_WINDOW_BYTES; sent += FRAME_BYTES_MAX) wire.data(1, FRAME_BYTES_MAX);
  assert.equal(wire.sent().filter(({ streamId }) => streamId === 1).length, 0);
  heard.stream.allow(1);
  wire.data(1, 1);
  assert.equal(wire.end, "");
  wire.data(1, 1);
  assert.equal(wire.goAway(), ErrorCode.flowControl);
});

Deno.test("H2Connection: the connection's own window is opened again", () => {
  const wire = new Wire();
  wire.headers(1);
  for (let sent = 0; sent < 2 * CONNECTION_WINDOW_BYTES; sent += FRAME_BYTES_MAX) wire.data(1, FRAME_BYTES_MAX);
  assert.equal(wire.end, "");
});

/** Frames that no client may send, behind the preface and an open stream 1. */
const ERRORS: Readonly<Record<string, readonly [bytes: Uint8Array, code: number]>> = {
  "a frame that is too long": [frame(FrameType.data, 0, 1, new Uint8Array(FRAME_BYTES_MAX + 1)), ErrorCode.frameSize],
  "data on no stream": [frame(FrameType.data, 0, 0, EMPTY), ErrorCode.protocol],
  "data on a stream to come": [frame(FrameType.data, 0, 3, EMPTY), ErrorCode.protocol],
  "more padding than data": [frame(FrameType.data, Flag.padded, 1, Uint8Array.of(1)), ErrorCode.protocol],
  "headers on an even stream": [frame(FrameType.headers, Flag.endHeaders, 2, EMPTY), ErrorCode.protocol],
  "headers that do not decode": [
    frame(FrameType.headers, Flag.endHeaders, 3, Uint8Array.of(0x80)),
    ErrorCode.compression,
  ],
  "headers of more than the limit": [
    frame(FrameType.headers, Flag.endHeaders, 3, new Uint8Array(HEADER_BLOCK_BYTES_MAX / 32).fill(0x90)),
    ErrorCode.enhanceYourCalm,
  ],
  "trailers that are not the end": [frame(FrameType.headers, Flag.endHeaders, 1, encodeFields([])), ErrorCode.protocol],
  "a continuation of nothing": [frame(FrameType.continuation, Flag.endHeaders, 1, EMPTY), ErrorCode.protocol],
  "a promise": [frame(FrameType.pushPromise, 0, 1, new Uint8Array(4)), ErrorCode.protocol],
  "a reset of a stream to come": [resetStreamFrame(3, 0), ErrorCode.protocol],
  "a reset of two bytes": [frame(FrameType.resetStream, 0, 1, new Uint8Array(2)), ErrorCode.frameSize],
  "settings of a stream": [frame(FrameType.settings, 0, 1, EMPTY), ErrorCode.protocol],
  "settings that are cut": [frame(FrameType.settings, 0, 0, new Uint8Array(5)), ErrorCode.frameSize],
  "an acknowledgement with settings": [frame(FrameType.settings, Flag.ack, 0, new Uint8Array(6)), ErrorCode.frameSize],
  "a window beyond 2^31": [settingsFrame([[4, 0x8000_0000]]), ErrorCode.flowControl],
  "a ping of a stream": [frame(FrameType.ping, 0, 1, new Uint8Array(8)), ErrorCode.protocol],
  "a ping of seven bytes": [frame(FrameType.ping, 0, 0, new Uint8Array(7)), ErrorCode.frameSize],
  "a window update by nothing": [windowUpdateFrame(0, 0), ErrorCode.flowControl],
  "a window update beyond 2^31": [windowUpdateFrame(0, 0x7fff_ffff), ErrorCode.flowControl],
  "a window update of a stream to come": [windowUpdateFrame(3, 1), ErrorCode.protocol],
  "a priority of four bytes": [frame(FrameType.priority, 0, 1, new Uint8Array(4)), ErrorCode.frameSize],
};

for (const [name, [bytes, code]] of Object.entries(ERRORS)) {
  Deno.test(`H2Connection: ${name} ends the connection`, () => {
    const wire = new Wire();
    wire.headers(1);
    wire.send(bytes);
    assert.equal(wire.goAway(), code);
    assert.deepEqual(wire.streams[0]?.events, ["reset"]);
    wire.headers(5);
    assert.equal(wire.streams.length, 1, "nothing is heard after the end");
  });
}

Deno.test("H2Connection: another frame between the pieces of a header block ends the connection", () => {
  const wire = new Wire();
  wire.send(frame(FrameType.headers, 0, 1, EMPTY), frame(FrameType.ping, 0, 0, new Uint8Array(8)));
  assert.equal(wire.goAway(), ErrorCode.protocol);
});

Deno.test("H2Connection: a stream's window beyond 2^31 resets the stream alone", () => {
  const wire = new Wire();
  wire.headers(1);
  wire.headers(3);
  wire.send(windowUpdateFrame(1, 0x7fff_ffff));
  assert.deepEqual(wire.streams.map(({ events }) => events), [["reset"], []]);
  assert.equal(wire.end, "");
});

Deno.test("H2Connection: whoever speaks something else, or not settings first, is let go", () => {
  const other = new Wire(false);
  other.send(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assert.equal(other.end, "destroyed");
  const early = new Wire(false);
  early.send(PREFACE, frame(FrameType.ping, 0, 0, new Uint8Array(8)));
  assert.equal(early.goAway(), ErrorCode.protocol);
});

Deno.test("H2Connection: frames without use are counted, and forgiven", () => {
  const ping = frame(FrameType.ping, Flag.ack, 0, new Uint8Array(8));
  const wire = new Wire();
  wire.headers(1);
  for (let i = 0; i < IDLE_FRAMES_MAX; i++) wire.send(ping);
  assert.equal(wire.end, "");
  wire.connection.forgive();
  for (let i = 0; i < IDLE_FRAMES_MAX; i++) wire.send(ping);
  assert.equal(wire.end, "");
  wire.data(1, 0);
  assert.equal(wire.goAway(), ErrorCode.enhanceYourCalm);
});

Deno.test("H2Connection: a client that asks and does not read is let go", () => {
  const wire = new Wire();
  wire.waitingBytes = UNREAD_BYTES_MAX;
  wire.send(frame(FrameType.ping, 0, 0, new Uint8Array(8)));
  assert.equal(wire.end, "");
  wire.waitingBytes++;
  wire.send(frame(FrameType.ping, 0, 0, new Uint8Array(8)));
  assert.equal(wire.goAway(), ErrorCode.enhanceYourCalm);
});

Deno.test("H2Connection.shutDown: open streams end first, and no new ones come", () => {
  const wire = new Wire();
  wire.headers(1, Flag.endHeaders | Flag.endStream);
  wire.connection.shutDown();
  assert.equal(wire.end, "");
  wire.headers(3);
  assert.equal(wire.streams.length, 1);
  wire.streams[0]?.stream.sendHeaders(encodeFields([[":status", "200"]]), true);
  assert.equal(wire.end, "ended");
  const idle = new Wire();
  idle.connection.shutDown();
  assert.equal(idle.end, "ended");
});

Deno.test("H2Connection.closed: every stream is told", () => {
  const wire = new Wire();
  wire.headers(1);
  wire.headers(3);
  wire.connection.closed();
  assert.deepEqual(wire.streams.map(({ events }) => events), [["reset"], ["reset"]]);
  wire.streams[0]?.stream.sendData(Uint8Array.of(1));
  wire.streams[0]?.stream.sendHeaders(EMPTY, true);
});

Deno.test("H2Connection: any bytes behind the preface are taken or end it", () => {
  const types = fc.constantFrom(...Object.values(FrameType));
  const piece = fc.record({
    type: types,
    flags: fc.nat(63),
    streamId: fc.nat(5),
    payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(encodeFields(REQUEST))),
  });
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(100), (pieces, cut) => {
    const wire = new Wire();
    for (const { type, flags, streamId, payload } of pieces) {
      const bytes = frame(type, flags, streamId, payload);
      wire.send(bytes.subarray(0, cut), bytes.subarray(cut));
      for (const { stream } of wire.streams) stream.sendData(Uint8Array.of(1));
    }
    wire.connection.closed();
    for (const { stream } of wire.streams) assert.equal(stream.isOver, true);
  }));
});
