/**
 * Tests for `core/rpc/client.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MeshError } from "../../../core/plugin/errors.ts";
import { connect } from "../../../core/rpc/client.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { RpcServer } from "../../../core/rpc/server.ts";
import { Echo, EchoPair, echoService, echoWith, KeptLog, streamOf } from "./echo_service.ts";

const { one, many, sum, talk } = Echo.method;

/** What a call failed with. */
async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(() => undefined, (error: unknown) => error);
  assert(error instanceof RpcError, `expected an RpcError, got ${error}`);
  return error;
}

/** An address where nobody listens. */
async function deadAddress(): Promise<string> {
  await using pair = await EchoPair.start();
  return `127.0.0.1:${pair.server.port}`;
}

Deno.test("RpcClient.unary: calls, and connects once", async () => {
  await using pair = await EchoPair.start();
  const peers = new Set<unknown>();
  for (const id of ["a", "b"]) assert.equal((await pair.client.unary(one, { id })).message.id, id);
  for (const { fields } of pair.log.lines) peers.add(fields["peer"]);
  assert.equal(peers.size, 1);
});

Deno.test("RpcClient.unary: calls run side by side", async () => {
  let waiting = 0;
  const all = Promise.withResolvers<void>();
  const service = echoWith({
    one: {
      authorisation: "public",
      async handle(request) {
        if (++waiting === 10) all.resolve();
        await all.promise;
        return request;
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const ids = Array.from({ length: 10 }, (_, i) => String(i));
  const answers = await Promise.all(ids.map((id) => pair.client.unary(one, { id })));
  assert.deepEqual(answers.map(({ message }) => message.id), ids);
});

Deno.test("RpcClient.stream: methods of every kind", async () => {
  await using pair = await EchoPair.start();
  const texts = (responses: AsyncIterable<{ id: string }>) => Array.fromAsync(responses, ({ id }) => id);
  const requests = () => streamOf({ id: "a" }, { id: "b" });
  assert.deepEqual(await texts(pair.client.stream(one, streamOf({ id: "ab" }))), ["ab"]);
  assert.deepEqual(await texts(pair.client.stream(many, streamOf({ id: "ab" }))), ["a", "b"]);
  assert.deepEqual(await texts(pair.client.stream(sum, requests())), ["a+b"]);
  assert.deepEqual(await texts(pair.client.stream(talk, requests())), ["a", "b"]);
});

Deno.test("RpcClient.unaryBytes: a method that answers many times, or never, is UNIMPLEMENTED here", async () => {
  await using pair = await EchoPair.start();
  // 0a 02 61 62 is the text "ab".
  for (const hex of ["0a026162", ""]) {
    const error = await failureOf(pair.client.unaryBytes("/test.Echo/Many", Uint8Array.fromHex(hex)));
    assert.equal(error.codeName, "UNIMPLEMENTED");
  }
});

Deno.test("RpcClient.unary: an answer that is no message is INTERNAL", async () => {
  await using pair = await EchoPair.start({
    interceptors: [async function* () {
      yield new Uint8Array([0xff]);
    }],
  });
  const error = await failureOf(pair.client.unary(one, {}));
  assert.deepEqual([error.codeName, error.message], ["INTERNAL", "The answer is not a v1.GetNodeRequest"]);
});

Deno.test("RpcClient.unary: a call that gets no answer ends at its deadline", async () => {
  const never = Promise.withResolvers<never>();
  const answers = [Promise.resolve({})];
  const handle = () => answers.pop() ?? never.promise;
  await using pair = await EchoPair.start({ services: [echoWith({ one: { authorisation: "public", handle } })] });
  // There is a connection before time is short.
  await pair.client.unary(one, {});
  const error = await failureOf(pair.client.unary(one, {}, { deadlineMs: 20 }));
  assert.deepEqual([error.codeName, error.reason, error.message], [
    "DEADLINE_EXCEEDED",
    "timeout",
    "No answer in time",
  ]);
});

Deno.test("RpcClient: nobody at the address is UNAVAILABLE and says so", async () => {
  const address = await deadAddress();
  await using client = connect({ address }, { kind: "insecure" });
  for (let i = 0; i < 2; i++) {
    const error = await failureOf(client.unary(one, {}));
    assert(error instanceof MeshError);
    assert.deepEqual([error.codeName, error.reason, error.message], [
      "UNAVAILABLE",
      "unavailable",
      `Cannot reach ${address}: connect ECONNREFUSED ${address}`,
    ]);
  }
});

Deno.test("RpcClient: a name that does not exist is UNAVAILABLE and says so", async () => {
  await using client = connect({ address: "no-such-host.invalid:8443" }, { kind: "insecure" });
  // A name server that does not answer is given up later than a call usually is.
  const error = await failureOf(client.unary(one, {}, { deadlineMs: 60_000 }));
  assert.equal(error.codeName, "UNAVAILABLE");
  assert.match(error.message, /^Cannot reach no-such-host\.invalid:8443: Name resolution failed/);
});

Deno.test("RpcClient: a socket that does not exist, or that nobody holds, means the node is not running", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-rpc-" });
  try {
    const socketPath = `${folder}/weft.sock`;
    const script = `Deno.listen({ transport: "unix", path: ${JSON.stringify(socketPath)} }); Deno.exit(0);`;
    for (
      const prepare of [
        () => Promise.resolve(),
        () => new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output(),
      ]
    ) {
      await prepare();
      await using client = connect({ socketPath }, { kind: "insecure" });
      const error = await failureOf(client.unary(one, {}));
      assert.deepEqual([error.codeName, error.reason, error.message], [
        "UNAVAILABLE",
        "not-running",
        `No node listens on "${socketPath}"`,
      ]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("RpcClient: connects anew after the server was restarted, and after it was missing", async () => {
  const start = (port: number) =>
    RpcServer.start({
      tcp: { host: "127.0.0.1", port, credentials: { kind: "insecure" } },
      unix: undefined,
      services: [echoService],
      log: new KeptLog(),
    });
  const first = await start(0);
  const { port } = first;
  await using client = connect({ address: `127.0.0.1:${port}` }, { kind: "insecure" });
  assert.equal((await client.unary(one, { id: "a" })).message.id, "a");
  await first.stop();
  assert.equal((await failureOf(client.unary(one, {}))).reason, "unavailable");
  await using _second = await start(port);
  assert.equal((await client.unary(one, { id: "b" })).message.id, "b");
});

Deno.test("RpcClient: disposing cancels its calls, and no call is made afterwards", async () => {
  const started = Promise.withResolvers<void>();
  const never = Promise.withResolvers<never>();
  const service = echoWith({
    one: {
      authorisation: "public",
      handle() {
        started.resolve();
        return never.promise;
      },
    },
  });
  await using pair = await EchoPair.start({ services: [service] });
  const failure = failureOf(pair.client.unary(one, {}));
  await started.promise;
  await pair.client[Symbol.asyncDispose]();
  assert.equal((await failure).codeName, "CANCELLED");
  assert.equal((await failureOf(pair.client.unary(one, {}))).message, "The client is closed");
  await pair.client[Symbol.asyncDispose]();
});

Deno.test("RpcClient: one that made no call closes without having dialled", async () => {
  await using _client = connect({ address: "192.0.2.1:1" }, { kind: "insecure" });
});
