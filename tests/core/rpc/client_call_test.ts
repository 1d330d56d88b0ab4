/**
 * Tests for `core/rpc/client_call.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { Echo, EchoPair, echoWith, streamOf, whenAborted } from "./echo_service.ts";

/** The text "a", and as a stream of it. */
const A = Uint8Array.fromHex("0a0161");
const { talk } = Echo.method;

Deno.test("ClientCall: responses, headers and trailers of a call of any kind", async () => {
  const service = echoWith({
    talk: {
      authorisation: "public",
      async *handle(requests, context) {
        context.sendInitialMetadata({ early: "1" });
        for await (const request of requests) yield request;
        context.setTrailer("late", "2");
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const call = pair.client.streamBytes("/test.Echo/Talk", streamOf(A, A));
  assert.deepEqual(await Array.fromAsync(call, (bytes) => bytes.toHex()), [A.toHex(), A.toHex()]);
  assert.equal((await call.headers)?.get("early"), "1");
  assert.deepEqual(await call.trailers, new Map([["late", "2"]]));
});

Deno.test("ClientCall: headers come before the end of the call", async () => {
  const service = echoWith({
    talk: {
      authorisation: "public",
      async *handle(_requests, context) {
        context.sendInitialMetadata({ early: "1" });
        await whenAborted(context.signal);
        yield {};
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const call = pair.client.streamBytes("/test.Echo/Talk", streamOf(A));
  assert.equal((await call.headers)?.get("early"), "1");
  call.cancel();
  await assert.rejects(Array.fromAsync(call), (error) => error instanceof RpcError && error.codeName === "CANCELLED");
});

Deno.test("ClientCall: a call that fails at once has trailers, and no headers", async () => {
  await using pair = await EchoPair.start();
  const call = pair.client.streamBytes("/no.Such/Method", streamOf(A));
  await assert.rejects(Array.fromAsync(call), RpcError);
  assert.deepEqual([await call.headers, (await call.trailers).size], [undefined, 0]);
});

Deno.test("ClientCall: a signal that is aborted already makes no call", async () => {
  await using pair = await EchoPair.start();
  // With a connection that is up: one that is just being made would be closed while the server still accepts it.
  await Array.fromAsync(pair.client.streamBytes("/test.Echo/Talk", streamOf(A)));
  const servedCount = pair.log.lines.length;
  const call = pair.client.streamBytes("/test.Echo/Talk", streamOf(A), { signal: AbortSignal.abort() });
  await assert.rejects(Array.fromAsync(call), (error) => error instanceof RpcError && error.codeName === "CANCELLED");
  assert.equal(pair.log.lines.length, servedCount);
});

Deno.test("ClientCall: what goes wrong with the requests ends the call, and is what the caller sees", async () => {
  const aborted = Promise.withResolvers<void>();
  const service = echoWith({
    talk: {
      authorisation: "public",
      async *handle(requests, { signal }) {
        for await (const request of requests) {
          yield request;
          break;
        }
        await whenAborted(signal);
        aborted.resolve();
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const answered = Promise.withResolvers<void>();
  async function* broken() {
    yield { id: "a" };
    await answered.promise;
    throw new RangeError("out of requests");
  }
  const responses = pair.client.stream(talk, broken());
  assert.equal((await responses.next()).value?.id, "a");
  answered.resolve();
  await assert.rejects(responses.next(), /out of requests/);
  await aborted.promise;
});

Deno.test("ClientCall: a call that ends before its requests do lets go of them", async () => {
  const service = echoWith({
    talk: {
      authorisation: "public",
      async *handle() {
        yield { id: "enough" };
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const returned = Promise.withResolvers<void>();
  async function* endless() {
    try {
      for (;;) yield { id: "x".repeat(1000) };
    } finally {
      returned.resolve();
    }
  }
  const texts = await Array.fromAsync(pair.client.stream(talk, endless()), ({ id }) => id);
  assert.deepEqual(texts, ["enough"]);
  await returned.promise;
});

Deno.test("ClientCall: many large messages in both directions arrive whole and in order", async () => {
  await using pair = await EchoPair.start();
  const count = 64;
  async function* requests() {
    for (let i = 0; i < count; i++) yield { id: String(i).padEnd(100_000, ".") };
  }
  let next = 0;
  for await (const { id } of pair.client.stream(talk, requests())) {
    assert.equal(id.length, 100_000);
    assert.equal(parseInt(id), next++);
  }
  assert.equal(next, count);
});
