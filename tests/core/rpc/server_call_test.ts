/**
 * Tests for `core/rpc/server_call.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { RpcCall, RpcContext, RpcInterceptor } from "../../../core/plugin/rpc.ts";
import { FORWARDED_METADATA_BYTES_MAX, METADATA_BYTES_MAX } from "../../../core/rpc/limits.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { GetNodeRequestSchema } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { Mesh } from "../../../proto/gen/v1/mesh_pb.ts";
import { Echo, EchoPair, echoService, echoWith, streamOf, whenAborted } from "./echo_service.ts";

const { one, many, talk } = Echo.method;
const isPublic = { authorisation: "public" } as const;

/** What a call failed with. */
async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(() => undefined, (error: unknown) => error);
  assert(error instanceof RpcError, `expected an RpcError, got ${error}`);
  return error;
}

Deno.test("ServerCall: initial metadata, trailers and the caller's metadata", async () => {
  let seen: RpcContext | undefined;
  const service = echoWith({
    one: {
      ...isPublic,
      handle(_request, context) {
        seen = context;
        context.sendInitialMetadata({ "early": "1" });
        context.setTrailer("late", "old");
        context.setTrailer("late", "2");
        return Promise.resolve({});
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const { headers, trailers } = await pair.client.unary(one, {}, { metadata: { "from-caller": "3" } });
  assert.equal(headers.get("early"), "1");
  assert.deepEqual(trailers, new Map([["late", "2"]]));
  assert.equal(seen?.metadata.get("from-caller"), "3");
  assert.equal(seen?.methodPath, "/test.Echo/One");
  assert.match(seen?.peer.address ?? "", /^127\.0\.0\.1:\d+$/);
  assert.deepEqual([seen?.peer.transport, seen?.peer.identity], ["plaintext", undefined]);
  assert.equal(seen?.signal.aborted, false);
});

Deno.test("ServerCall: a failed call carries its own trailers beside the error's", async () => {
  const service = echoWith({
    one: {
      ...isPublic,
      handle(_request, context) {
        context.setTrailer("own", "1");
        throw new MeshError("not-leader", "Not the leader", { leaderAddress: "10.0.0.1:8443", hint: "Ask – there." });
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const error = await failureOf(pair.client.unary(one, {}));
  assert.deepEqual([error.codeName, error.reason, error.message], [
    "FAILED_PRECONDITION",
    "not-leader",
    "Not the leader",
  ]);
  assert.deepEqual([error.leaderAddress, error.hint, error.trailers.get("own")], [
    "10.0.0.1:8443",
    "Ask ? there.",
    "1",
  ]);
});

Deno.test("ServerCall: a message may hold any text", async () => {
  const message = 'Zürich "%41" \n 🙂 \ud800';
  const service = echoWith({ one: { ...isPublic, handle: () => Promise.reject(new MeshError("not-found", message)) } });
  await using pair = await EchoPair.start({ services: [service] });
  const error = await failureOf(pair.client.unary(one, {}));
  assert.equal(error.message, message.toWellFormed());
});

/** Ways in which a handler can break. */
const BUGS: Readonly<Record<string, () => never>> = {
  "an exception": () => {
    throw new TypeError("secret of the node");
  },
  "a value that is no error": () => {
    throw { secret: true };
  },
};

for (const [name, bug] of Object.entries(BUGS)) {
  Deno.test(`ServerCall: ${name} in a handler is INTERNAL for the caller, and in the log`, async () => {
    await using pair = await EchoPair.start({ services: [echoWith({ one: { ...isPublic, handle: bug } })] });
    const error = await failureOf(pair.client.unary(one, {}));
    assert.deepEqual([error.codeName, error.message, [...error.trailers]], ["INTERNAL", "Internal error", []]);
    const failures = pair.log.lines.filter(({ text }) => text === "error call failed");
    assert.equal(failures.length, 1);
    assert.equal(failures[0]?.fields["method"], "/test.Echo/One");
    if (name === "an exception") assert.match(String(failures[0]?.fields["stack"]), /secret of the node/);
  });
}

Deno.test("ServerCall: an internal error is told to the caller in its own words, its cause to the log alone", async () => {
  const cause = new Error("disk full");
  const handle = () => Promise.reject(new MeshError("internal", "Cannot store the node", { cause }));
  await using pair = await EchoPair.start({ services: [echoWith({ one: { ...isPublic, handle } })] });
  const error = await failureOf(pair.client.unary(one, {}));
  assert.deepEqual([error.codeName, error.message], ["INTERNAL", "Cannot store the node"]);
  assert.match(String(pair.log.lines.at(-1)?.fields["stack"]), /Cannot store the node[^]*Caused by: Error: disk full/);
});

Deno.test("ServerCall: what a handler throws after its caller has gone is no error of the node", async () => {
  const failed = Promise.withResolvers<void>();
  const service = echoWith({
    talk: {
      ...isPublic,
      async *handle(_requests, { signal }) {
        yield {};
        await whenAborted(signal);
        failed.resolve();
        throw new TypeError("aborted");
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  for await (const _ of pair.client.stream(talk, streamOf({}))) break;
  await failed.promise;
  await pair.server.stop();
  assert.deepEqual(pair.log.lines.map(({ text }) => text), ["debug call refused"]);
});

Deno.test("ServerCall: a trailer name that HTTP/2 cannot carry is the handler's bug, and no more", async () => {
  const service = echoWith({
    one: {
      ...isPublic,
      handle(_request, context) {
        context.setTrailer("not a name", "1");
        return Promise.resolve({});
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  assert.equal((await failureOf(pair.client.unary(one, {}))).codeName, "INTERNAL");
  assert.equal((await failureOf(pair.client.unary(one, {}))).codeName, "INTERNAL");
});

Deno.test("ServerCall: responses before a failure arrive", async () => {
  const service = echoWith({
    many: {
      ...isPublic,
      async *handle() {
        yield { id: "first" };
        throw new MeshError("exhausted", "No more");
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const responses = pair.client.stream(many, streamOf({}));
  assert.equal((await responses.next()).value?.id, "first");
  assert.equal((await failureOf(responses.next())).codeName, "RESOURCE_EXHAUSTED");
});

/** A service whose `Talk` takes one request and then waits until it is aborted. */
function waitingService() {
  const started = Promise.withResolvers<RpcContext>();
  const aborted = Promise.withResolvers<unknown>();
  const service = echoWith({
    talk: {
      ...isPublic,
      async *handle(_requests, context) {
        started.resolve(context);
        await whenAborted(context.signal);
        aborted.resolve(context.signal.reason);
        yield {};
      },
    },
  });
  return { service, started: started.promise, aborted: aborted.promise };
}

Deno.test("ServerCall: the caller's deadline is known, and aborts the handler", async () => {
  const { service, started, aborted } = waitingService();
  await using pair = await EchoPair.start({ services: [service] });
  const call = Array.fromAsync(pair.client.stream(talk, streamOf({}), { deadlineMs: 50 }));
  const failure = failureOf(call);
  assert.notEqual((await started).deadlineWallMs, Infinity);
  assert.equal((await failure).codeName, "DEADLINE_EXCEEDED");
  const reason = await aborted;
  assert(reason instanceof MeshError);
  assert.match(reason.reason, /^(timeout|unavailable)$/);
});

Deno.test("ServerCall: no deadline is Infinity", async () => {
  const { service, started } = waitingService();
  await using pair = await EchoPair.start({ services: [service] });
  const call = failureOf(Array.fromAsync(pair.client.stream(talk, streamOf({}))));
  assert.equal((await started).deadlineWallMs, Infinity);
  await pair.server.stop(0);
  assert.equal((await call).codeName, "UNAVAILABLE");
});

Deno.test("ServerCall: a caller that cancels aborts the handler", async () => {
  const { service, started, aborted } = waitingService();
  await using pair = await EchoPair.start({ services: [service] });
  const abort = new AbortController();
  const call = failureOf(Array.fromAsync(pair.client.stream(talk, streamOf({}), { signal: abort.signal })));
  await started;
  abort.abort();
  assert.equal((await call).codeName, "CANCELLED");
  assert.deepEqual(await aborted, new MeshError("unavailable", "The caller is gone"));
});

Deno.test("ServerCall: a caller that disappears aborts the handler", async () => {
  const { service, started, aborted } = waitingService();
  await using pair = await EchoPair.start({ services: [service] });
  const call = failureOf(Array.fromAsync(pair.client.stream(talk, streamOf({}))));
  await started;
  await pair.client[Symbol.asyncDispose]();
  await call;
  assert.deepEqual(await aborted, new MeshError("unavailable", "The caller is gone"));
});

Deno.test("ServerCall: a caller that has read enough ends the handler's iteration", async () => {
  const returned = Promise.withResolvers<void>();
  const service = echoWith({
    many: {
      ...isPublic,
      async *handle() {
        try {
          for (;;) yield { id: "x".repeat(1000) };
        } finally {
          returned.resolve();
        }
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  for await (const { id } of pair.client.stream(many, streamOf({}))) {
    assert.equal(id.length, 1000);
    break;
  }
  await returned.promise;
});

Deno.test("ServerCall: a local method is refused on TCP, before any interceptor", async () => {
  let isIntercepted = false;
  const interceptor: RpcInterceptor = (call, next) => {
    isIntercepted = true;
    return next(call);
  };
  const service = echoWith({ one: { ...echoService.methods.one, authorisation: "local" } });
  await using pair = await EchoPair.start({ services: [service], interceptors: [interceptor] });
  const error = await failureOf(pair.client.unary(one, {}));
  assert.deepEqual([error.codeName, error.message], [
    "PERMISSION_DENIED",
    "/test.Echo/One is allowed only on this host",
  ]);
  assert.match(error.hint ?? "", /Unix socket/);
  assert.equal(isIntercepted, false);
});

for (const [name, isMember] of Object.entries({ "members": true, "strangers": false })) {
  Deno.test(`ServerCall: a member method is ${isMember ? "served to" : "refused to"} ${name}`, async () => {
    const service = echoWith({ one: { ...echoService.methods.one, authorisation: "member" } });
    const check = (context: RpcContext) => Promise.resolve(isMember && context.peer.transport === "plaintext");
    await using pair = await EchoPair.start({ services: [service], isMember: check });
    const call = pair.client.unary(one, { id: "a" });
    if (isMember) assert.equal((await call).message.id, "a");
    else assert.equal((await failureOf(call)).codeName, "PERMISSION_DENIED");
  });
}

Deno.test("ServerCall: interceptors see undecoded messages, the first one outermost", async () => {
  const seen: string[] = [];
  const named = (name: string): RpcInterceptor =>
    async function* (call, next) {
      seen.push(`${name} ${call.kind} ${call.authorisation} ${call.isServed}`);
      for await (const bytes of next(call)) {
        seen.push(`${name} ${fromBinary(GetNodeRequestSchema, bytes).id}`);
        yield bytes;
      }
      seen.push(`${name} end`);
    };
  await using pair = await EchoPair.start({ interceptors: [named("outer"), named("inner")] });
  await Array.fromAsync(pair.client.stream(many, streamOf({ id: "x" })));
  assert.deepEqual(seen, [
    "outer server_streaming public true",
    "inner server_streaming public true",
    "inner x",
    "outer x",
    "inner end",
    "outer end",
  ]);
});

Deno.test("ServerCall: an interceptor can refuse", async () => {
  const refuse: RpcInterceptor = () => {
    throw new MeshError("permission-denied", "Not you");
  };
  await using pair = await EchoPair.start({ interceptors: [refuse] });
  assert.equal((await failureOf(pair.client.unary(one, {}))).message, "Not you");
});

Deno.test("ServerCall: an interceptor can forward calls of every kind, also of services that are not served here", async () => {
  await using far = await EchoPair.start({
    services: [echoWith({
      sum: { ...isPublic, handle: () => Promise.reject(new MeshError("not-leader", "No", { leaderAddress: "x:1" })) },
    })],
  });
  const forward: RpcInterceptor = async function* (call: RpcCall) {
    const { context, requests } = call;
    const metadata = { "proxied-from": context.metadata.get("me") ?? "" };
    const answer = far.client.streamBytes(context.methodPath, requests, { metadata, signal: context.signal });
    yield* answer;
    context.setTrailer("forwarded", String(call.isServed));
  };
  await using near = await EchoPair.start({
    services: [],
    unserved: [{ service: Echo, authorisation: "public" }],
    interceptors: [forward],
  });
  const answer = await near.client.unary(one, { id: "a" });
  assert.deepEqual([answer.message.id, answer.trailers.get("forwarded")], ["a", "false"]);
  const characters = near.client.stream(many, streamOf({ id: "abc" }));
  assert.deepEqual(await Array.fromAsync(characters, ({ id }) => id), ["a", "b", "c"]);
  const words = near.client.stream(talk, streamOf({ id: "a" }, { id: "b" }));
  assert.deepEqual(await Array.fromAsync(words, ({ id }) => id), ["a", "b"]);
  const error = await failureOf(Array.fromAsync(near.client.stream(Echo.method.sum, streamOf({ id: "a" }))));
  assert.deepEqual([error.codeName, error.reason, error.message, error.leaderAddress], [
    "FAILED_PRECONDITION",
    "not-leader",
    "No",
    "x:1",
  ]);
});

Deno.test("ServerCall: a service that is known and not enabled is UNIMPLEMENTED", async () => {
  await using pair = await EchoPair.start({ unserved: [{ service: Mesh, authorisation: "public" }] });
  const error = await failureOf(pair.client.unary(Mesh.method.getNode, { id: "a" }));
  assert.deepEqual([error.codeName, error.message], ["UNIMPLEMENTED", "/v1.Mesh/GetNode is not enabled on this node"]);
});

Deno.test("ServerCall: metadata at the limit is taken, one byte more is RESOURCE_EXHAUSTED", async () => {
  let baseBytes = 0;
  const measure: RpcInterceptor = (call, next) => {
    baseBytes = [...call.context.metadata].reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    return next(call);
  };
  await using pair = await EchoPair.start({ interceptors: [measure] });
  const direct = {};
  const forwarded = { "proxied-from": "b" };
  const forwardedMax = METADATA_BYTES_MAX + FORWARDED_METADATA_BYTES_MAX;
  for (const [more, bytesMax] of [[direct, METADATA_BYTES_MAX], [forwarded, forwardedMax]] as const) {
    await pair.client.unary(one, {}, { metadata: more });
    const room = bytesMax - baseBytes - "x".length - 32;
    await pair.client.unary(one, {}, { metadata: { ...more, "x": "y".repeat(room) } });
    const error = await failureOf(pair.client.unary(one, {}, { metadata: { ...more, "x": "y".repeat(room + 1) } }));
    assert.deepEqual([error.codeName, error.message], [
      "RESOURCE_EXHAUSTED",
      `The call's metadata is larger than ${bytesMax} bytes`,
    ]);
  }
});
