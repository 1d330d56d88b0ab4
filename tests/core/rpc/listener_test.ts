/**
 * Tests for `core/rpc/listener.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import type { RpcContext, RpcServiceFor } from "../../../core/plugin/rpc.ts";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import {
  CALLS_PER_LISTENER_MAX,
  MESSAGE_BYTES_MAX,
  REQUEST_WAIT_MS,
  STREAMS_PER_CONNECTION_MAX,
} from "../../../core/rpc/limits.ts";
import { Listener } from "../../../core/rpc/listener.ts";
import { methodTable } from "../../../core/rpc/method_table.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { framed, type RawCall, rawCall } from "./raw_http2.ts";
import { Echo, echoService, echoWith, KeptLog, streamOf, whenAborted } from "./echo_service.ts";

const { one, sum, talk } = Echo.method;

/** A listener on a free port, and the address to call. */
async function listen(
  service: RpcServiceFor<typeof Echo>,
  requestWaitMs: number = REQUEST_WAIT_MS,
): Promise<{ readonly listener: Listener; readonly address: string }> {
  const rules = { interceptorsOf: () => [], isMember: () => true, requestWaitMs, log: new KeptLog() };
  const listener = new Listener("plaintext", rules);
  listener.setMethods(methodTable([service]));
  const port = await listener.bind("127.0.0.1", 0, { kind: "insecure" });
  return { listener, address: `127.0.0.1:${port}` };
}

function clientOf(address: string): RpcClient {
  return connect({ address }, { kind: "insecure" });
}

/** What a call failed with. */
async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(() => undefined, (error: unknown) => error);
  assert(error instanceof RpcError, `expected an RpcError, got ${error}`);
  return error;
}

/** `One` answers when it is told to; `Talk` never, and does not even heed its signal. */
function slowService() {
  const started = Promise.withResolvers<RpcContext>();
  const go = Promise.withResolvers<void>();
  const never = Promise.withResolvers<never>();
  const service = echoWith({
    one: {
      authorisation: "public",
      async handle({ id }, context) {
        started.resolve(context);
        await go.promise;
        return { id };
      },
    },
    talk: {
      authorisation: "public",
      async *handle(_requests, context) {
        started.resolve(context);
        yield await never.promise;
      },
    },
  });
  return { service, started: started.promise, go: go.resolve };
}

Deno.test("Listener: an unknown method is UNIMPLEMENTED", async () => {
  const { listener, address } = await listen(echoService);
  await using client = clientOf(address);
  const error = await failureOf(client.unaryBytes("/no.Such/Method", new Uint8Array()));
  assert.deepEqual([error.codeName, error.reason], ["UNIMPLEMENTED", "unimplemented"]);
  await listener.stop(0);
});

Deno.test("Listener: a message at the limit is served, one byte more is RESOURCE_EXHAUSTED", async () => {
  const { listener, address } = await listen(echoWith({
    one: { authorisation: "public", handle: ({ id }) => Promise.resolve({ id: String(id.length) }) },
  }));
  await using client = clientOf(address);
  // Tag and a length of four bytes stand before the text.
  const fitting = MESSAGE_BYTES_MAX - 5;
  assert.equal((await client.unary(one, { id: "x".repeat(fitting) })).message.id, String(fitting));
  // A library's client would refuse to send more.
  const { code, details } = await rawCall(address, {
    path: "/test.Echo/One",
    body: framed(new Uint8Array(MESSAGE_BYTES_MAX + 1)),
  });
  assert.equal(code, status.RESOURCE_EXHAUSTED, `${details}`);
  await listener.stop(0);
});

Deno.test("Listener: a response beyond the limit is RESOURCE_EXHAUSTED for the caller", async () => {
  const { listener, address } = await listen(echoWith({
    one: { authorisation: "public", handle: () => Promise.resolve({ id: "x".repeat(MESSAGE_BYTES_MAX) }) },
  }));
  await using client = clientOf(address);
  assert.equal((await failureOf(client.unary(one, {}))).codeName, "RESOURCE_EXHAUSTED");
  await listener.stop(0);
});

Deno.test("Listener: a request that does not come in time is DEADLINE_EXCEEDED", async () => {
  const { listener, address } = await listen(echoService, 20);
  await using client = clientOf(address);
  const silence = Promise.withResolvers<never>();
  async function* silent(): AsyncGenerator<{ id: string }> {
    yield await silence.promise;
  }
  for (const method of [sum, talk]) {
    const error = await failureOf(Array.fromAsync(client.stream(method, silent())));
    assert.deepEqual([error.codeName, error.message], ["DEADLINE_EXCEEDED", "No request came within 0.02 s"]);
  }
  await listener.stop(0);
});

Deno.test("Listener: a stream that has begun may take its time", async () => {
  const { listener, address } = await listen(echoService, 20);
  await using client = clientOf(address);
  const more = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<{ id: string }> {
    yield { id: "a" };
    await more.promise;
    yield { id: "b" };
  }
  const words = client.stream(talk, slow());
  assert.equal((await words.next()).value?.id, "a");
  // Another stream that runs into the limit shows that the time has passed.
  const late = Promise.withResolvers<never>();
  async function* silent(): AsyncGenerator<{ id: string }> {
    yield await late.promise;
  }
  await failureOf(Array.fromAsync(client.stream(talk, silent())));
  more.resolve();
  assert.equal((await words.next()).value?.id, "b");
  assert.equal((await words.next()).done, true);
  await listener.stop(0);
});

Deno.test("Listener.stop: lets calls under way end", async () => {
  const { service, started, go } = slowService();
  const { listener, address } = await listen(service);
  await using client = clientOf(address);
  const call = client.unary(one, { id: "a" });
  await started;
  const stopped = listener.stop(60_000);
  go();
  assert.equal((await call).message.id, "a");
  await stopped;
});

Deno.test("Listener.stop: after the grace it ends calls with UNAVAILABLE, whatever their handlers do", async () => {
  const { service, started } = slowService();
  const { listener, address } = await listen(service);
  await using client = clientOf(address);
  const failure = failureOf(Array.fromAsync(client.stream(talk, streamOf({}))));
  const { signal } = await started;
  await listener.stop(1);
  assert.equal(signal.aborted, true);
  const error = await failure;
  assert.deepEqual([error.codeName, error.message], ["UNAVAILABLE", "The node is stopping"]);
});

Deno.test("Listener.stop: is at once without calls, and takes none afterwards", async () => {
  const { listener, address } = await listen(echoService);
  await using client = clientOf(address);
  await client.unary(one, { id: "a" });
  await listener.stop(60_000);
  assert.equal((await failureOf(client.unary(one, { id: "b" }))).codeName, "UNAVAILABLE");
});

Deno.test("Listener: one call beyond the limit is RESOURCE_EXHAUSTED, and one that ends makes room", async () => {
  const aborted = Promise.withResolvers<void>();
  const { listener, address } = await listen(echoWith({
    talk: {
      authorisation: "public",
      async *handle(_requests, { signal }) {
        yield {};
        await whenAborted(signal);
        aborted.resolve();
      },
    },
  }));
  const clientCount = CALLS_PER_LISTENER_MAX / STREAMS_PER_CONNECTION_MAX;
  const clients = Array.from({ length: clientCount + 1 }, () => clientOf(address));
  const calls = [];
  for (const client of clients.slice(0, clientCount)) {
    for (let i = 0; i < STREAMS_PER_CONNECTION_MAX; i++) calls.push(client.stream(talk, streamOf({})));
  }
  for (const first of await Promise.all(calls.map((call) => call.next()))) assert.equal(first.done, false);
  const last = clients.at(-1);
  assert(last);
  const error = await failureOf(Array.fromAsync(last.stream(talk, streamOf({}))));
  assert.deepEqual([error.codeName, error.message], [
    "RESOURCE_EXHAUSTED",
    `More than ${CALLS_PER_LISTENER_MAX} calls at one time`,
  ]);
  await calls[0]?.return(undefined);
  await aborted.promise;
  const again = last.stream(talk, streamOf({}));
  assert.equal((await again.next()).done, false);
  for (const client of clients) await client[Symbol.asyncDispose]();
  await listener.stop(0);
});

/** Calls that no library makes, and the status they get; `undefined` where the HTTP/2 library has a say in it. */
const HOSTILE_CALLS: readonly (readonly [name: string, call: Partial<RawCall>, expected: number | undefined])[] = [
  ["another content type", { headers: { "content-type": "text/html" } }, undefined],
  ["no content type", { headers: { "content-type": undefined } }, undefined],
  ["an empty path", { path: "/" }, status.UNIMPLEMENTED],
  ["a path with control characters encoded", { path: "/test.Echo/%00%0a" }, status.UNIMPLEMENTED],
  ["a method of Object", { path: "/constructor" }, status.UNIMPLEMENTED],
  ["a deadline that is none", { headers: { "grpc-timeout": "soon" } }, status.INTERNAL],
  ["a deadline in the past", { headers: { "grpc-timeout": "0n" } }, undefined],
  ["a deadline of 11415 years", { headers: { "grpc-timeout": "99999999H" } }, undefined],
  [
    "an unknown encoding",
    { headers: { "grpc-encoding": "zip" }, body: Uint8Array.fromHex("0100000000") },
    status.UNIMPLEMENTED,
  ],
  [
    "gzip that is none",
    { headers: { "grpc-encoding": "gzip" }, body: Uint8Array.fromHex("0100000001ff") },
    status.INTERNAL,
  ],
  ["a compressed message without encoding", { body: Uint8Array.fromHex("0100000001ff") }, status.INTERNAL],
  ["a length of 4 GiB", { body: Uint8Array.fromHex("00ffffffff") }, status.RESOURCE_EXHAUSTED],
  ["half a frame", { body: Uint8Array.fromHex("0000") }, status.UNIMPLEMENTED],
  ["no message", { body: new Uint8Array() }, status.UNIMPLEMENTED],
  ["two messages", { body: Uint8Array.fromHex("00000000000000000000") }, status.UNIMPLEMENTED],
  ["a message that is none", { body: Uint8Array.fromHex("00000000010f") }, status.INVALID_ARGUMENT],
  ["metadata names that gRPC forbids", { headers: { "x!y|z": "1" } }, status.OK],
  ["binary metadata that is not base64", { headers: { "x-bin": "%%%" } }, status.OK],
];

for (const [name, call, expected] of HOSTILE_CALLS) {
  Deno.test(`Listener: ${name} harms nobody`, async () => {
    const { listener, address } = await listen(echoService);
    const { code, http, details } = await rawCall(address, {
      path: "/test.Echo/One",
      body: framed(new Uint8Array()),
      ...call,
    });
    if (expected !== undefined) assert.equal(code ?? http, expected, `${details}`);
    await using client = clientOf(address);
    assert.equal((await client.unary(one, { id: "still here" })).message.id, "still here");
    await listener.stop(0);
  });
}

/** First bytes of a connection that is no HTTP/2. */
const HOSTILE_BYTES: Readonly<Record<string, Uint8Array>> = {
  "nothing": new Uint8Array(),
  "HTTP/1.1": new TextEncoder().encode("GET / HTTP/1.1\r\nHost: weft\r\n\r\n"),
  "TLS": Uint8Array.fromHex("1603010200010001fc0303"),
  "zeros": new Uint8Array(100_000),
  "a preface and a frame that is too long": new Uint8Array([
    ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ...Uint8Array.fromHex("ffffff000000000000"),
  ]),
  "a preface and headers that do not decode": new Uint8Array([
    ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ...Uint8Array.fromHex("000000040000000000" + "000004010500000001" + "ffffffff"),
  ]),
};

for (const [name, bytes] of Object.entries(HOSTILE_BYTES)) {
  Deno.test(`Listener: a connection that begins with ${name} harms nobody`, async () => {
    const { listener, address } = await listen(echoService);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(address.split(":")[1]) });
    await connection.write(bytes).catch(() => {});
    connection.close();
    await using client = clientOf(address);
    assert.equal((await client.unary(one, { id: "still here" })).message.id, "still here");
    await listener.stop(0);
  });
}
