/**
 * Tests for `core/io/http2_server.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { type Http2Limits, Http2Server, type Http2Stream } from "../../../core/io/http2_server.ts";

const LIMITS: Http2Limits = {
  streamsPerConnectionMax: 7,
  fieldsMax: 200,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 60_000,
  idleMs: 60_000,
};

/** An answer of three frames. */
function answer(stream: Http2Stream): void {
  stream.on("error", () => {});
  stream.resume();
  stream.respond({ ":status": 200 }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "x": "1" }));
  stream.end("hello");
}

async function listen(
  limits: Partial<Http2Limits> = {},
  onStream: (stream: Http2Stream) => void = answer,
): Promise<{ readonly server: Http2Server; readonly port: number }> {
  const server = new Http2Server({ ...LIMITS, ...limits }, onStream);
  return { server, port: await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }) };
}

const PREFACE = new Uint8Array([
  ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  ...Uint8Array.fromHex("000000040000000000"),
]);
/** HEADERS with END_STREAM and END_HEADERS on stream 1: `:method POST`, `:scheme http`, `:path /`, `:authority a`. */
const REQUEST = Uint8Array.fromHex("000006010500000001838684410161");

/** Types of the frames of stream 1 in `bytes`. */
function framesOf(bytes: Uint8Array): number[] {
  const types: number[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 9 <= bytes.length; at += 9 + (view.getUint32(at) >>> 8)) {
    if (view.getUint32(at + 5) === 1) types.push(view.getUint8(at + 3));
  }
  return types;
}

Deno.test("Http2Server: the frames of one turn go out together", async () => {
  const { server, port } = await listen();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new Uint8Array([...PREFACE, ...REQUEST]));
  const buffer = new Uint8Array(1000);
  let frames: number[] = [];
  while (frames.length === 0) {
    const count = await connection.read(buffer);
    assert(count !== null);
    frames = framesOf(buffer.subarray(0, count));
  }
  // HEADERS, DATA, HEADERS.
  assert.deepEqual(frames.slice(0, 3), [1, 0, 1]);
  server.destroy();
  await server.close();
});

Deno.test("Http2Server: short and long pieces arrive in the order in which they were written", async () => {
  const texts = ["a", "b".repeat(10_000), "c", "d", "e".repeat(5_000), "f".repeat(20_000), "g"];
  const { server, port } = await listen({}, (stream) => {
    stream.on("error", () => {});
    stream.resume();
    stream.respond({ ":status": 200 });
    for (const text of texts) stream.write(text);
    stream.end();
  });
  const session = connect(`http://127.0.0.1:${port}`);
  const answers = Array.from({ length: 3 }, () => session.request().setEncoding("utf8").toArray());
  for (const answer of answers) assert.equal((await answer).join(""), texts.join(""));
  session.close();
  await server.close();
});

Deno.test("Http2Server: says how many streams a connection may have", async () => {
  const { server, port } = await listen();
  const session = connect(`http://127.0.0.1:${port}`);
  const settings = await new Promise<{ maxConcurrentStreams?: number }>((resolve) =>
    session.on("remoteSettings", resolve)
  );
  assert.equal(settings.maxConcurrentStreams, LIMITS.streamsPerConnectionMax);
  session.destroy();
  await server.close();
});

Deno.test("Http2Server: a request has as many fields as it may, and with one more it is reset", async () => {
  const { server, port } = await listen();
  const session = connect(`http://127.0.0.1:${port}`);
  const ask = (count: number) =>
    new Promise<string>((resolve) => {
      const own = { ":method": "POST", ":path": "/", ":scheme": "http", ":authority": "a" };
      const more = Array.from({ length: count - Object.keys(own).length }, (_, i) => [`f${i}`, ""]);
      const stream = session.request({ ...own, ...Object.fromEntries(more) });
      stream.on("response", () => resolve("answered"));
      stream.on("error", (error) => resolve(error.message));
      stream.end().resume();
    });
  assert.equal(await ask(LIMITS.fieldsMax), "answered");
  assert.match(await ask(LIMITS.fieldsMax + 1), /ENHANCE_YOUR_CALM/);
  session.destroy();
  await server.close();
});

Deno.test("Http2Server: who does not answer a ping is cut off, who does is not", async () => {
  const { server, port } = await listen({ keepaliveMs: 10, keepaliveTimeoutMs: 20 });
  using silent = await Deno.connect({ hostname: "127.0.0.1", port });
  await silent.write(PREFACE);
  const lively = connect(`http://127.0.0.1:${port}`);
  const buffer = new Uint8Array(1000);
  while (await silent.read(buffer).catch(() => null) !== null);
  assert.equal(lively.closed || lively.destroyed, false);
  lively.destroy();
  await server.close();
});

Deno.test("Http2Server: a connection that nobody uses is asked to go", async () => {
  const { server, port } = await listen({ idleMs: 10 });
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  await new Promise((resolve) => session.on("close", resolve));
  await server.close();
});

Deno.test("Http2Server: close waits for streams under way, destroy does not", async () => {
  const opened = Promise.withResolvers<Http2Stream>();
  const { server, port } = await listen({}, (stream) => {
    stream.on("error", () => {});
    opened.resolve(stream);
  });
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const request = session.request({ ":method": "POST", ":path": "/" });
  request.on("error", () => {});
  const gone = new Promise((resolve) => request.on("close", resolve));
  await opened.promise;
  let isClosed = false;
  const closed = server.close().then(() => isClosed = true);
  await Promise.resolve();
  assert.equal(isClosed, false);
  server.destroy();
  await closed;
  await gone;
  session.destroy();
});

Deno.test("Http2Server: a stream that ends by itself lets a closing server end", async () => {
  const opened = Promise.withResolvers<Http2Stream>();
  const { server, port } = await listen({}, opened.resolve);
  const session = connect(`http://127.0.0.1:${port}`);
  const request = session.request({ ":method": "POST", ":path": "/" });
  request.end();
  const text = new Promise<string>((resolve) => {
    let all = "";
    request.on("data", (bytes: Uint8Array) => all += new TextDecoder().decode(bytes));
    request.on("end", () => resolve(all));
  });
  const stream = await opened.promise;
  const closed = server.close();
  answer(stream);
  assert.equal(await text, "hello");
  await closed;
  session.destroy();
});
