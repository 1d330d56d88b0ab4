/** What callers without manners send through the leader proxy: the leader answers it as if it had come to the leader. */
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import { FIELD_OVERHEAD_BYTES, MESSAGE_BYTES_MAX, METADATA_BYTES_MAX } from "../../../core/rpc/limits.ts";
import type { RpcContext, RpcInterceptor, RpcMetadata } from "../../../core/plugin/rpc.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { STREAMS_AT_LEADER_MAX } from "../../../plugins/leader_proxy/proxy.ts";
import { echoService, echoWith, streamOf } from "../../core/rpc/echo_service.ts";
import { framed, rawCall } from "../../core/rpc/raw_http2.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { ProxiedServers } from "./proxied_servers.ts";

const WEAK = { "read-consistency": "weak" };
const UNARY = "/test.Echo/One";
const STREAM = "/test.Echo/Talk";
const GARBAGE = Uint8Array.of(0xff, 0xff, 0xff);
const WAIT_MS = 5_000;
const isPublic = { authorisation: "public" } as const;

/** "a" leads; "b" passes on. */
async function meshOf(service = echoService): Promise<ProxiedServers> {
  const servers = new ProxiedServers();
  await servers.add("a", { services: [service] });
  await servers.add("b", { services: [echoService] });
  servers.lead("a");
  return servers;
}

function addressOf(servers: ProxiedServers, id: string): string {
  return `127.0.0.1:${servers.port(id)}`;
}

/** A message of the echo service that has so many bytes. */
function messageOf(bytes: number): Uint8Array {
  const message = new Uint8Array(bytes).fill(0x61);
  // Field 1, a text of a length that takes four bytes.
  const length = bytes - 5;
  message.set([0x0a, length & 0x7f | 0x80, length >> 7 & 0x7f | 0x80, length >> 14 & 0x7f | 0x80, length >> 21]);
  return message;
}

/** As HTTP/2 counts it. */
function sizeOf(metadata: RpcMetadata): number {
  return [...metadata].reduce((sum, [name, value]) => sum + name.length + value.length + FIELD_OVERHEAD_BYTES, 0);
}

async function failureOf(promise: Promise<unknown>): Promise<RpcError> {
  const error = await promise.then(() => undefined, (error: unknown) => error);
  assert(error instanceof RpcError, `it should have failed: ${error}`);
  return error;
}

Deno.test("Proxy: bytes that are no message go to the leader, which refuses them", async () => {
  await using servers = await meshOf();
  const { client } = servers.server("b");
  const there = await failureOf(servers.server("a").client.unaryBytes(UNARY, GARBAGE));
  const through = await failureOf(client.unaryBytes(UNARY, GARBAGE, { metadata: WEAK }));
  assert.deepEqual([through.codeName, through.message], [there.codeName, there.message]);
  assert.equal(through.codeName, "INVALID_ARGUMENT");
  assert.deepEqual(servers.results, ["refused"]);
  const [first, second] = [Uint8Array.of(0x0a, 1, 0x61), GARBAGE];
  const heard: Uint8Array[] = [];
  const stream = client.streamBytes(STREAM, streamOf(first, second), { metadata: WEAK });
  const failure = await failureOf((async () => {
    for await (const message of stream) heard.push(message);
  })());
  assert.deepEqual([failure.codeName, heard.map((bytes) => [...bytes])], ["INVALID_ARGUMENT", [[0x0a, 1, 0x61]]]);
});

Deno.test("Proxy: frames that are none, and what is no gRPC, get the answer that the leader gives", async () => {
  await using servers = await meshOf();
  const [compressed, endless] = [Uint8Array.of(1, 0, 0, 0, 1, 0), Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff)];
  const cut = framed(messageOf(100)).subarray(0, 50);
  const two = new Uint8Array([...framed(GARBAGE), ...framed(GARBAGE)]);
  const random = crypto.getRandomValues(new Uint8Array(1_000));
  random[0] = 0x7f;
  const [none, part] = [new Uint8Array(), Uint8Array.of(0, 0)];
  for (const body of [compressed, endless, cut, part, none, two, random]) {
    for (const path of [UNARY, STREAM]) {
      const call = { path, headers: WEAK, body };
      const [there, through] = [
        await rawCall(addressOf(servers, "a"), call),
        await rawCall(addressOf(servers, "b"), call),
      ];
      assert.equal(through.code, there.code, `${path} ${body.subarray(0, 8)}: ${through.details}`);
      // The library takes what is not there in full for the end of a stream.
      const isEnd = path === STREAM && [cut, part, none].includes(body);
      assert(isEnd ? through.code === 0 : (through.code ?? 0) > 0, `${path} ${body.subarray(0, 8)}: ${through.code}`);
    }
  }
  for (const headers of [{ "content-type": "application/json" }, { "content-type": undefined }]) {
    const call = { path: UNARY, headers: { ...WEAK, ...headers }, body: framed(Uint8Array.of()) };
    const through = await rawCall(addressOf(servers, "b"), call);
    assert.deepEqual(through, await rawCall(addressOf(servers, "a"), call), JSON.stringify(headers));
    assert.notEqual(through.code, 0);
  }
});

Deno.test("Proxy: a message of the largest size passes both ways, and one byte more goes nowhere", async () => {
  await using servers = await meshOf();
  const { client } = servers.server("b");
  const largest = messageOf(MESSAGE_BYTES_MAX);
  const { message } = await client.unaryBytes(UNARY, largest, { metadata: WEAK });
  assert.equal(message.length, largest.length);
  assert.deepEqual(servers.results, ["ok"]);
  const body = framed(messageOf(MESSAGE_BYTES_MAX + 1));
  const { code } = await rawCall(addressOf(servers, "b"), { path: UNARY, headers: WEAK, body });
  assert.equal(code, 8, "RESOURCE_EXHAUSTED");
  assert.deepEqual(servers.results, ["ok"], "the leader was not asked");
  const later = new Uint8Array([...framed(messageOf(100)), ...body.subarray(0, 5)]);
  for (const call of [{ path: STREAM, body }, { path: STREAM, body: later }, { path: UNARY, body: later }]) {
    servers.results.length = 0;
    const { code } = await rawCall(addressOf(servers, "b"), { ...call, headers: WEAK });
    assert.equal(code, 8, "RESOURCE_EXHAUSTED");
    assert.deepEqual(servers.results, ["abandoned"], "it was the caller's doing");
  }
});

Deno.test("Proxy: an answer that is too large for the leader to send is the leader's error", async () => {
  const one = { ...isPublic, handle: () => Promise.resolve({ id: "a".repeat(MESSAGE_BYTES_MAX) }) };
  await using servers = await meshOf(echoWith({ one }));
  const there = await failureOf(servers.server("a").client.unaryBytes(UNARY, new Uint8Array()));
  const through = await failureOf(servers.server("b").client.unaryBytes(UNARY, new Uint8Array(), { metadata: WEAK }));
  assert.deepEqual([through.codeName, through.message], [there.codeName, there.message]);
});

Deno.test("Proxy: thousands of bytes of metadata arrive whole, and more than a call may have do not", async () => {
  let seen: RpcContext["metadata"] = new Map();
  const one = {
    ...isPublic,
    handle: ({ id }: { id: string }, { metadata }: RpcContext) => {
      seen = metadata;
      return Promise.resolve({ id });
    },
  };
  await using servers = await meshOf(echoWith({ one }));
  const { client } = servers.server("b");
  const binary = crypto.getRandomValues(new Uint8Array(2_000)).toBase64({ omitPadding: true });
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field-${i}`, `${i}`.repeat(20)]));
  const metadata = { ...WEAK, ...many, "binary-bin": binary, long: "x".repeat(1_000) };
  await client.unaryBytes(UNARY, new Uint8Array(), { metadata });
  for (const [name, value] of Object.entries(metadata)) assert.equal(seen.get(name), value, name);
  const tooLong = { ...WEAK, long: "x".repeat(METADATA_BYTES_MAX) };
  const { codeName } = await failureOf(client.unaryBytes(UNARY, new Uint8Array(), { metadata: tooLong }));
  assert.equal(codeName, "RESOURCE_EXHAUSTED");
  assert.deepEqual(servers.results, ["ok"], "the leader was not asked");
});

Deno.test("Proxy: as much metadata passes as without the proxy, in few fields and in many", async () => {
  let ownBytes = 0;
  const measure: RpcInterceptor = (call, next) => {
    ownBytes = sizeOf(call.context.metadata);
    return next(call);
  };
  await using servers = new ProxiedServers();
  for (const id of ["a", "b"]) await servers.add(id, { services: [echoService], interceptors: [measure] });
  servers.lead("a");
  await servers.server("a").client.unaryBytes(UNARY, new Uint8Array(), { metadata: WEAK });
  const room = METADATA_BYTES_MAX - ownBytes;
  const few = (bytes: number) => ({ ...WEAK, x: "y".repeat(bytes - sizeOf(new Map([["x", ""]]))) });
  const field = (i: number) => [`${i}`.padStart(3, "f"), ""] as const;
  const fieldBytes = sizeOf(new Map([field(0)]));
  const many = (bytes: number) => {
    const count = Math.floor(bytes / fieldBytes) - 2;
    return {
      ...Object.fromEntries(Array.from({ length: count }, (_, i) => field(i))),
      ...few(bytes - count * fieldBytes),
    };
  };
  for (const metadata of [few, many]) {
    for (const id of ["a", "b"]) {
      const { client } = servers.server(id);
      await client.unaryBytes(UNARY, new Uint8Array(), { metadata: metadata(room) });
      const refused = client.unaryBytes(UNARY, new Uint8Array(), { metadata: metadata(room + 1) });
      assert.equal(
        (await failureOf(refused)).message,
        `The call's metadata is larger than ${METADATA_BYTES_MAX} bytes`,
      );
    }
  }
  assert.deepEqual(servers.results, ["ok", "ok"]);
});

Deno.test("Proxy: streams that are cancelled in the middle, or whose caller hangs up, end at the leader too", async () => {
  let openCount = 0;
  const talk = {
    ...isPublic,
    async *handle(requests: AsyncIterable<{ id: string }>) {
      openCount++;
      try {
        for await (const { id } of requests) yield { id };
      } finally {
        openCount--;
      }
    },
  };
  await using servers = await meshOf(echoWith({ talk }));
  const { client } = servers.server("b");
  const never = Promise.withResolvers<void>();
  async function* open(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(0x0a, 1, 0x61);
    await never.promise;
  }
  // Twice as many as there is room for: places come back.
  for (let round = 0; round < 2; round++) {
    const calls = Array.from(
      { length: STREAMS_AT_LEADER_MAX },
      () => client.streamBytes(STREAM, open(), { metadata: WEAK }),
    );
    await Promise.all(calls.map(async (call) => {
      for await (const message of call) {
        assert.equal(message.length, 3);
        break;
      }
    }));
    await eventually("the leader to be rid of them", () => openCount === 0, WAIT_MS);
  }
  never.resolve();
  const session = connectHttp2(`http://${addressOf(servers, "b")}`);
  session.on("error", () => {});
  const usual = { ":method": "POST", ":path": STREAM, "content-type": "application/grpc", te: "trailers", ...WEAK };
  for (let i = 0; i < 10; i++) {
    const stream = session.request(usual);
    stream.on("error", () => {});
    stream.write(framed(Uint8Array.of(0x0a, 1, 0x61)).subarray(0, i));
    stream.resume();
  }
  const whole = session.request(usual);
  whole.on("error", () => {});
  whole.write(framed(Uint8Array.of(0x0a, 1, 0x61)));
  await once(whole, "data");
  const closed = once(session, "close");
  session.destroy();
  await closed;
  await eventually("the leader to be rid of these", () => openCount === 0, WAIT_MS);
  await client.unaryBytes(UNARY, new Uint8Array(), { metadata: WEAK });
});
