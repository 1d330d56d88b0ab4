/**
 * Tests for `core/rpc/grpc_stream.ts`, over the wire: messages in all pieces and encodings in which they can come.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { deflateSync, gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { MESSAGE_BYTES_MAX, REQUEST_WAIT_MS } from "../../../core/rpc/limits.ts";
import { Listener } from "../../../core/rpc/listener.ts";
import { methodTable } from "../../../core/rpc/method_table.ts";
import { Echo, echoWith, KeptLog } from "./echo_service.ts";
import { framed, rawCall } from "./raw_http2.ts";

const PATH = "/test.Echo/One";

/** A listener whose `One` answers how long the id was. */
class Counting implements AsyncDisposable {
  readonly #listener: Listener;
  readonly address: string;

  private constructor(listener: Listener, address: string) {
    this.#listener = listener;
    this.address = address;
  }

  static async start(): Promise<Counting> {
    const rules = {
      interceptorsOf: () => [],
      isMember: () => true,
      requestWaitMs: REQUEST_WAIT_MS,
      log: new KeptLog(),
    };
    const listener = new Listener("plaintext", rules);
    const service = echoWith({
      one: { authorisation: "public", handle: ({ id }) => Promise.resolve({ id: String(id.length) }) },
    });
    listener.setMethods(methodTable([service]));
    return new Counting(listener, `127.0.0.1:${await listener.bind("127.0.0.1", 0, { kind: "insecure" })}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#listener.stop(0);
  }
}

function message(length: number): Uint8Array {
  const schema = Echo.method.one.input;
  return toBinary(schema, create(schema, { id: "x".repeat(length) }));
}

/** As gRPC frames a compressed message. */
function framedCompressed(bytes: Uint8Array): Uint8Array {
  const frame = framed(bytes);
  frame[0] = 1;
  return frame;
}

for (const [encoding, compress] of [["gzip", gzipSync], ["deflate", deflateSync]] as const) {
  Deno.test(`GrpcStream: a message in ${encoding} is read, with or without its flag`, async () => {
    await using counting = await Counting.start();
    const headers = { "grpc-encoding": encoding };
    const compressed = framedCompressed(compress(message(1000)));
    for (const body of [compressed, framed(message(1000))]) {
      const { code, details } = await rawCall(counting.address, { path: PATH, headers, body });
      assert.equal(code, status.OK, `${details}`);
    }
  });

  Deno.test(`GrpcStream: a small message in ${encoding} that is beyond the limit is RESOURCE_EXHAUSTED`, async () => {
    await using counting = await Counting.start();
    const body = framedCompressed(compress(message(MESSAGE_BYTES_MAX)));
    const { code } = await rawCall(counting.address, { path: PATH, headers: { "grpc-encoding": encoding }, body });
    assert.equal(code, status.RESOURCE_EXHAUSTED);
  });
}

Deno.test("GrpcStream: an encoding that is not known is UNIMPLEMENTED, with those that are", async () => {
  await using counting = await Counting.start();
  const session = connectHttp2(`http://${counting.address}`);
  const stream = session.request({
    ":method": "POST",
    ":path": PATH,
    "content-type": "application/grpc",
    "grpc-encoding": "br",
  });
  const answer = Promise.withResolvers<Record<string, unknown>>();
  stream.on("response", answer.resolve);
  stream.on("error", () => {});
  stream.end(framed(message(1)));
  const headers = await answer.promise;
  assert.equal(headers["grpc-status"], String(status.UNIMPLEMENTED));
  assert.equal(headers["grpc-accept-encoding"], "identity,deflate,gzip");
  session.destroy();
});

Deno.test("GrpcStream: a message that comes byte by byte is one message", async () => {
  await using counting = await Counting.start();
  const session = connectHttp2(`http://${counting.address}`);
  const stream = session.request({ ":method": "POST", ":path": PATH, "content-type": "application/grpc" });
  const chunks: Uint8Array[] = [];
  const ended = Promise.withResolvers<void>();
  stream.on("data", (bytes: Uint8Array) => chunks.push(bytes));
  stream.on("end", ended.resolve);
  const body = framed(message(20));
  for (let i = 0; i < body.length; i++) {
    await new Promise<void>((resolve) => stream.write(body.subarray(i, i + 1), () => resolve()));
  }
  stream.end();
  await ended.promise;
  const answer = chunks[0]?.subarray(5) ?? new Uint8Array();
  assert.equal(fromBinary(Echo.method.one.output, answer).id, "20");
  session.destroy();
});

Deno.test("GrpcStream: what is no gRPC gets an HTTP status", async () => {
  await using counting = await Counting.start();
  const call = { path: PATH, body: framed(message(1)) };
  const wrongType = await rawCall(counting.address, { ...call, headers: { "content-type": "text/html" } });
  const wrongMethod = await rawCall(counting.address, { ...call, headers: { ":method": "PUT" } });
  assert.deepEqual([wrongType.http, wrongMethod.http], [415, 405]);
});

Deno.test("GrpcStream: a caller that sends on after the answer is not kept waiting, nor listened to", async () => {
  await using counting = await Counting.start();
  const body = new Uint8Array(MESSAGE_BYTES_MAX);
  body.set(framed(message(1)));
  body.set(framed(message(1)), framed(message(1)).length);
  const { code } = await rawCall(counting.address, { path: PATH, body });
  assert.equal(code, status.UNIMPLEMENTED);
});
