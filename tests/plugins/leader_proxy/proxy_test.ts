/** The leader proxy between real gRPC servers in one process. */
import assert from "node:assert/strict";
import { WRITE_SESSION_KEY } from "../../../core/node/join_metadata.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { RpcContext, RpcServiceFor } from "../../../core/plugin/rpc.ts";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import { STREAMS_PER_CONNECTION_MAX } from "../../../core/rpc/limits.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { Mesh } from "../../../proto/gen/v1/mesh_pb.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { Echo, echoService, echoWith, streamOf, whenAborted } from "../../core/rpc/echo_service.ts";
import { LEADERS_PER_CALL_MAX, STREAMS_AT_LEADER_MAX } from "../../../plugins/leader_proxy/proxy.ts";
import { ProxiedServers, WAIT_MS } from "./proxied_servers.ts";

const { one, many, sum, talk } = Echo.method;
const isPublic = { authorisation: "public" } as const;
/** Two connections of a caller with so many calls each are more than one connection to the leader takes at a time. */
const HALF: number = STREAMS_PER_CONNECTION_MAX * 0.75;
const WEAK = { metadata: { "read-consistency": "weak" } };
const PREFERRED = { metadata: { "prefer-leader": "true" } };

/** A service that says who answers. */
function echoOf(name: string): typeof echoService {
  return echoWith({ one: { ...isPublic, handle: ({ id }) => Promise.resolve({ id: `${id} by ${name}` }) } });
}

async function failureOf(promise: Promise<unknown>): Promise<RpcError> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof RpcError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "the call should have failed" });
}

async function askOne(client: RpcClient, options = {}): Promise<string> {
  return (await client.unary(one, { id: "asked" }, options)).message.id;
}

Deno.test("Proxy: a method of no table is served here, and by the leader for who wants it so", async () => {
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoOf("a")] });
  const b = await servers.add("b", { services: [echoOf("b")] });
  assert.equal(await askOne(b, PREFERRED), "asked by b", "nobody leads");
  servers.lead("a");
  assert.equal(await askOne(b), "asked by b");
  assert.equal(await askOne(b, { metadata: { "prefer-leader": "yes" } }), "asked by b");
  for (const options of [PREFERRED, WEAK, { metadata: { "read-consistency": "strong" } }]) {
    assert.equal(await askOne(b, options), "asked by a");
  }
  servers.lead("b");
  assert.equal(await askOne(b, WEAK), "asked by b");
  assert.deepEqual(servers.results, ["ok", "ok", "ok"]);
});

Deno.test("Proxy: every kind of stream, both ways at once, over one connection", async () => {
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoService] });
  const b = await servers.add("b", { services: [], unserved: [{ service: Echo, ...isPublic }] });
  servers.lead("a");
  const texts = async (responses: AsyncIterable<{ id: string }>) => await Array.fromAsync(responses, ({ id }) => id);
  assert.equal(await askOne(b, WEAK), "asked");
  assert.deepEqual(await texts(b.stream(many, streamOf({ id: "abc" }), WEAK)), ["a", "b", "c"]);
  assert.deepEqual(await texts(b.stream(sum, streamOf({ id: "a" }, { id: "b" }), WEAK)), ["a+b"]);
  const heard: string[] = [];
  async function* dialogue(): AsyncGenerator<{ id: string }> {
    for (const id of ["1", "2", "3"]) {
      yield { id };
      await eventually(`the answer to ${id}`, () => heard.includes(id), 5_000);
    }
  }
  for await (const { id } of b.stream(talk, dialogue(), WEAK)) heard.push(id);
  assert.deepEqual(heard, ["1", "2", "3"]);
  await Promise.all(Array.from({ length: 50 }, () => askOne(b, WEAK)));
  assert.deepEqual([...servers.connections], [["a", 1]]);
});

Deno.test("Proxy: more calls at one time than a connection has streams", async () => {
  const open = Promise.withResolvers<void>();
  let waiting = 0;
  const one = {
    ...isPublic,
    async handle({ id }: { id: string }) {
      waiting++;
      await open.promise;
      return { id };
    },
  };
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoWith({ one })] });
  const b = await servers.add("b", { services: [echoService] });
  await using other = connect({ address: `127.0.0.1:${servers.port("b")}` }, { kind: "insecure" });
  servers.lead("a");
  const ask = (client: RpcClient) => Array.from({ length: HALF }, () => askOne(client, WEAK));
  const calls = [...ask(b), ...ask(other)];
  await eventually("the calls to wait at the leader", () => waiting >= STREAMS_PER_CONNECTION_MAX, 5_000);
  open.resolve();
  assert.equal((await Promise.all(calls)).length, 2 * HALF);
  assert.equal(waiting, 2 * HALF);
});

Deno.test("Proxy: metadata, headers and trailers arrive as they were sent, binary ones too", async () => {
  let seen: RpcContext["metadata"] = new Map();
  const handle = ({ id }: { id: string }, context: RpcContext) => {
    seen = context.metadata;
    context.sendInitialMetadata({ early: "1", "early-bin": "AQI" });
    context.setTrailer("late", "2");
    context.setTrailer("late-bin", "//79");
    if (id === "fail") {
      context.setTrailer("grpc-status-details-bin", "d2h5");
      throw new MeshError("exhausted", "No more – ä", { hint: "Wait." });
    }
    return Promise.resolve({ id });
  };
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoWith({ one: { ...isPublic, handle } })] });
  const b = await servers.add("b", { services: [echoService] });
  servers.lead("a");
  const metadata = { ...WEAK.metadata, colour: "red", "trace-bin": "AQI,/w", "grpc-trace-bin": "AAA" };
  const { headers, trailers } = await b.unary(one, { id: "x" }, { metadata });
  assert.deepEqual([headers.get("early"), headers.get("early-bin")], ["1", "AQI"]);
  assert.deepEqual([trailers.get("late"), trailers.get("late-bin")], ["2", "//79"]);
  const expected = { ...metadata, "proxied-from": "b", "proxied-transport": "plaintext" };
  for (const [name, value] of Object.entries(expected)) assert.equal(seen.get(name), value, name);
  const error = await failureOf(b.unary(one, { id: "fail" }, { metadata }));
  assert.deepEqual([error.codeName, error.message, error.hint], ["RESOURCE_EXHAUSTED", "No more – ä", "Wait."]);
  assert.equal(error.trailers.get("grpc-status-details-bin"), "d2h5");
  assert.equal(error.trailers.get("late-bin"), "//79");
});

Deno.test("Proxy: headers come through before the first message", async () => {
  const handle = async function* (_requests: unknown, context: RpcContext) {
    context.sendInitialMetadata({ early: "1" });
    await whenAborted(context.signal);
    yield {};
  };
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoWith({ talk: { ...isPublic, handle } })] });
  const b = await servers.add("b", { services: [echoService] });
  servers.lead("a");
  const call = b.streamBytes("/test.Echo/Talk", streamOf(), WEAK);
  assert.equal((await call.headers)?.get("early"), "1");
  call.cancel();
  assert.equal((await failureOf(Array.fromAsync(call))).codeName, "CANCELLED");
  await eventually("it to be counted", () => servers.results.length === 1, 5_000);
  assert.deepEqual(servers.results, ["abandoned"]);
});

Deno.test("Proxy: the leader knows the caller's deadline, and hears when the caller is gone", async () => {
  const deadlines: number[] = [];
  let gone = 0;
  const one = {
    ...isPublic,
    async handle(_request: unknown, context: RpcContext) {
      deadlines.push(context.deadlineWallMs - Date.now());
      await whenAborted(context.signal);
      gone++;
      return {};
    },
  };
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoWith({ one })] });
  const b = await servers.add("b", { services: [echoService] });
  servers.lead("a");
  assert.equal((await failureOf(askOne(b, { ...WEAK, deadlineMs: 300 }))).codeName, "DEADLINE_EXCEEDED");
  await eventually("the leader to give up", () => gone === 1, 5_000);
  assert(deadlines[0] !== undefined && deadlines[0] > 0 && deadlines[0] <= 300, `${deadlines[0]}`);
  const leave = new AbortController();
  const left = failureOf(askOne(b, { ...WEAK, deadlineMs: 60_000, signal: leave.signal }));
  await eventually("the second call to arrive", () => deadlines.length === 2, 5_000);
  leave.abort();
  assert.equal((await left).codeName, "CANCELLED");
  await eventually("the leader to give up again", () => gone === 2, 5_000);
  await eventually("both to be counted", () => servers.results.length === 2, 5_000);
  assert.deepEqual(servers.results, ["abandoned", "abandoned"]);
});

Deno.test("Proxy: a call is forwarded once, also by nodes that think of each other that they lead", async () => {
  const notLeader = (name: string) => ({
    ...isPublic,
    handle: () => Promise.reject(new MeshError("not-leader", `${name} does not lead`)),
  });
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoWith({ one: notLeader("a") })] });
  const b = await servers.add("b", { services: [echoWith({ one: notLeader("b") })] });
  servers.lead("a");
  const looped = failureOf(askOne(b, { metadata: { "proxied-from": "c", "prefer-leader": "true" } }));
  assert.equal((await looped).message, "b does not lead");
  assert.equal(servers.connections.size, 0);
  const refused = await failureOf(askOne(b, WEAK));
  assert.deepEqual([refused.codeName, refused.message], ["FAILED_PRECONDITION", "a does not lead"]);
  assert.deepEqual(servers.results, ["moved"]);
});

Deno.test("Proxy: a write that this node refuses because it does not lead reaches the leader", async () => {
  await using servers = new ProxiedServers();
  const write = (name: string) => ({
    ...isPublic,
    handle: ({ id }: { id: string }, context: RpcContext) => {
      context.setTrailer("tried", name);
      if (!servers.leads(name)) return Promise.reject(new MeshError("not-leader", "Not here"));
      return Promise.resolve({ id: `${id} by ${name}` });
    },
  });
  const sum = (name: string) => ({
    ...isPublic,
    async handle(requests: AsyncIterable<{ id: string }>) {
      const texts: string[] = [];
      for await (const { id } of requests) {
        texts.push(id);
        if (!servers.leads(name)) throw new MeshError("not-leader", "Not here");
      }
      return { id: texts.join("+") };
    },
  });
  const started = async (name: string) => {
    return await servers.add(name, { services: [echoWith({ one: write(name), sum: sum(name) })] });
  };
  await started("a");
  const b = await started("b");
  assert.equal((await failureOf(askOne(b))).reason, "not-leader", "nobody leads");
  servers.lead("a");
  const { message, trailers } = await b.unary(one, { id: "asked" });
  assert.deepEqual([message.id, trailers.get("tried")], ["asked by a", "a"]);
  const summed = await Array.fromAsync(b.stream(Echo.method.sum, streamOf({ id: "x" }, { id: "y" })));
  assert.deepEqual(summed.map(({ id }) => id), ["x+y"]);
});

Deno.test("Proxy: who no longer leads says so, and the call goes to who leads by then", async () => {
  await using servers = new ProxiedServers();
  const asked: string[] = [];
  const write = (name: string) => ({
    ...isPublic,
    handle: ({ id }: { id: string }) => {
      asked.push(name);
      if (name === "a") {
        servers.lead(undefined);
        queueMicrotask(() => servers.lead("c"));
        return Promise.reject(new MeshError("not-leader", "No longer"));
      }
      return Promise.resolve({ id: `${id} by ${name}` });
    },
  });
  const services = (name: string) => ({ services: [echoWith({ one: write(name) })] });
  await servers.add("a", services("a"));
  const b = await servers.add("b", services("b"));
  await servers.add("c", services("c"));
  servers.lead("a");
  assert.equal(await askOne(b, WEAK), "asked by c");
  assert.deepEqual([asked, servers.results], [["a", "c"], ["moved", "ok"]]);
});

Deno.test("Proxy: a call waits for a leader while there is none, and is answered here when there will be none", async () => {
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoOf("a")] });
  const b = await servers.add("b", { services: [echoOf("b")] });
  const waiting = askOne(b, WEAK);
  await eventually("the call to wait", () => servers.waitingCount > 0, 5_000);
  servers.lead("a");
  assert.equal(await waiting, "asked by a");
  servers.lead(undefined);
  const start = Date.now();
  assert.equal(await askOne(b, WEAK), "asked by b");
  assert(Date.now() - start >= WAIT_MS - 10);
});

Deno.test("Proxy: a leader that does not end a call when another one leads is not waited for", async () => {
  const arrived = Promise.withResolvers<void>();
  await using servers = new ProxiedServers();
  const one = {
    ...isPublic,
    async handle(_request: unknown, context: RpcContext) {
      arrived.resolve();
      await whenAborted(context.signal);
      return {};
    },
  };
  await servers.add("a", { services: [echoWith({ one })] });
  const b = await servers.add("b", { services: [echoService] });
  await servers.add("c", { services: [echoOf("c")] });
  servers.lead("a");
  const stuck = failureOf(askOne(b, { ...WEAK, deadlineMs: 60_000 }));
  await arrived.promise;
  servers.lead("c");
  assert.equal(await askOne(b, WEAK), "asked by c", "new calls go to the new leader at once");
  const error = await stuck;
  assert.deepEqual([error.codeName, error.message], [
    "UNAVAILABLE",
    'Node "a" no longer leads, and did not end the call',
  ]);
});

Deno.test("Proxy: calls that are with the leader when the proxy stops end with UNAVAILABLE", async () => {
  const arrived = Promise.withResolvers<void>();
  await using servers = new ProxiedServers();
  const one = {
    ...isPublic,
    async handle(_request: unknown, context: RpcContext) {
      arrived.resolve();
      await whenAborted(context.signal);
      return {};
    },
  };
  await servers.add("a", { services: [echoWith({ one })] });
  const b = await servers.add("b", { services: [echoService] });
  servers.lead("a");
  const stuck = failureOf(askOne(b, WEAK));
  await arrived.promise;
  await servers.server("b").calls[Symbol.asyncDispose]();
  const { codeName, message } = await stuck;
  assert.deepEqual([codeName, message], ["UNAVAILABLE", "This node passes no calls on any more"]);
});

Deno.test("Proxy: a leader that cannot be reached, for who needs it and for who prefers it", async () => {
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoOf("a")] });
  const b = await servers.add("b", { services: [echoOf("b")] });
  servers.lead("a");
  await servers.stop("a");
  const error = await failureOf(askOne(b, WEAK));
  assert.equal(error.codeName, "UNAVAILABLE");
  assert.match(error.message, /^Cannot reach 127\.0\.0\.1:\d+: /);
  assert.equal(await askOne(b, PREFERRED), "asked by b");
  assert.deepEqual(servers.results, ["unreachable", "unreachable"]);
});

/** A Join that says under which name it came, at a server that that hangs after `ends`. */
function joinService(names: string[], ends?: () => void): RpcServiceFor<typeof Node> {
  const absent = { ...isPublic, handle: () => Promise.reject(new MeshError("unimplemented", "Not here")) };
  return {
    service: Node,
    methods: {
      join: {
        ...isPublic,
        async handle({ id }, { metadata, signal }) {
          names.push(metadata.get(WRITE_SESSION_KEY) ?? "none");
          ends?.();
          if (ends) await whenAborted(signal);
          return { addressIpv4: id };
        },
      },
      leave: absent,
      getStatus: absent,
      negotiateDataChannel: {
        ...isPublic,
        handle(): AsyncGenerator<never> {
          throw new MeshError("unimplemented", "Not here");
        },
      },
    },
  };
}

Deno.test("Proxy: a Join whose answer was lost is sent again under the same name, to who leads by then", async () => {
  await using servers = new ProxiedServers();
  const names: string[] = [];
  const dies = () => void servers.stop("a").then(() => servers.lead("c"));
  await servers.add("a", { services: [joinService(names, dies)] });
  const b = await servers.add("b", { services: [joinService([])] });
  await servers.add("c", { services: [joinService(names)] });
  servers.lead("a");
  const join = (options = {}) => b.unary(Node.method.join, { id: "x" }, options);
  assert.equal((await join()).message.addressIpv4, "x");
  assert.match(names[0] ?? "", /^[0-9a-f]{32}:1$/);
  assert.equal(names[1], names[0]);
  assert.equal(servers.results.at(-1), "ok");
  await join();
  assert.notEqual(names[2], names[0], "another write has another name");
  await join({ metadata: { [WRITE_SESSION_KEY]: "mine:7" } });
  assert.equal(names[3], "mine:7");
});

Deno.test("Proxy: a Join goes to the same leader again if nobody else leads, and so often at most", async () => {
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [joinService([])] });
  const b = await servers.add("b", { services: [joinService([])] });
  servers.lead("a");
  await servers.stop("a");
  const error = await failureOf(b.unary(Node.method.join, { id: "x" }));
  assert.equal(error.codeName, "UNAVAILABLE");
  assert.deepEqual(servers.results, Array.from({ length: LEADERS_PER_CALL_MAX }, () => "unreachable"));
});

Deno.test("Proxy: a preferred leader that is silent leaves half of the time to this node", async () => {
  await using servers = new ProxiedServers();
  const one = {
    ...isPublic,
    handle: async (_request: unknown, { signal }: RpcContext) => {
      await whenAborted(signal);
      return {};
    },
  };
  await servers.add("a", { services: [echoWith({ one })] });
  const b = await servers.add("b", { services: [echoOf("b")] });
  servers.lead("a");
  assert.equal(await askOne(b, { ...PREFERRED, deadlineMs: 1_000 }), "asked by b");
  assert.deepEqual(servers.results, ["unreachable"]);
});

Deno.test("Proxy: the leader's refusals are the caller's, also where it is only preferred", async () => {
  await using servers = new ProxiedServers();
  const one = { ...isPublic, handle: () => Promise.reject(new MeshError("unavailable", "Busy")) };
  await servers.add("a", { services: [echoWith({ one })] });
  const b = await servers.add("b", { services: [echoOf("b")] });
  servers.lead("a");
  assert.equal((await failureOf(askOne(b, PREFERRED))).message, "Busy");
  const { codeName } = await failureOf(b.unaryBytes("/no.Such/Method", new Uint8Array(), PREFERRED));
  assert.equal(codeName, "UNIMPLEMENTED");
});

Deno.test("Proxy: a service that only the leader has", async () => {
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [{ service: Mesh, methods: meshMethods() }] });
  const b = await servers.add("b", { services: [], unserved: [{ service: Mesh, ...isPublic }] });
  servers.lead("a");
  assert.equal((await failureOf(b.unary(Mesh.method.getNode, { id: "x" }))).codeName, "UNIMPLEMENTED");
  assert.equal((await b.unary(Mesh.method.getNode, { id: "x" }, PREFERRED)).message.id, "x");
});

function meshMethods() {
  return {
    getNode: { ...isPublic, handle: (request: unknown) => Promise.resolve({ id: "x", ...(request as object) }) },
    listNodes: { ...isPublic, handle: () => Promise.resolve({}) },
  };
}

Deno.test("Proxy: the leader sees who called, and believes it of nobody but the node that has forwarded", async () => {
  const seen: string[] = [];
  const one = {
    ...isPublic,
    handle: ({ id }: { id: string }, { peer }: RpcContext) => {
      seen.push(`${peer.transport} ${peer.identity} ${peer.address.replace(/:\d+$/, "")}`);
      return Promise.resolve({ id });
    },
  };
  await using servers = new ProxiedServers();
  const a = await servers.add("a", { services: [echoWith({ one })] });
  servers.lead("a");
  const claim = (from: string) => ({
    metadata: {
      "proxied-from": from,
      "proxied-peer": "192.0.2.7:1234",
      "proxied-transport": "tls",
      "proxied-identity-bin": new TextEncoder().encode("Ada ü").toBase64(),
    },
  });
  await askOne(a, claim("a"));
  await askOne(a, claim("somebody"));
  servers.move("a", "10.83.0.1");
  await askOne(a, claim("a"));
  assert.deepEqual(seen, ["tls Ada ü 192.0.2.7", "plaintext undefined 127.0.0.1", "plaintext undefined 127.0.0.1"]);
});

Deno.test("Proxy: what callers make up of metadata harms no one", async () => {
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoOf("a")] });
  const b = await servers.add("b", { services: [echoOf("b")] });
  servers.lead("a");
  const metadata = {
    ...WEAK.metadata,
    "user-agent": "me",
    "__proto__x": "1",
    "cookie": "a=b; c=d",
    "proxied-identity-bin": "AAAA",
    "proxied-peer": "x",
    "authorization": "Bearer x",
    "via": "1.1 x",
  };
  assert.equal(await askOne(b, { metadata }), "asked by a");
  for (const metadata of [{ "read-consistency": "sometimes" }, { "freshness-strict": "maybe" }]) {
    assert.equal(await askOne(b, { metadata }), "asked by b", "it is for the handler to look at it");
  }
});

Deno.test("Proxy: so many streams may be with the leader, and unary calls still go through", async () => {
  await using servers = new ProxiedServers();
  await servers.add("a", { services: [echoService] });
  const b = await servers.add("b", { services: [echoService] });
  servers.lead("a");
  const end = Promise.withResolvers<void>();
  async function* open(): AsyncGenerator<{ id: string }> {
    yield { id: "x" };
    await end.promise;
  }
  const streams = Array.from({ length: STREAMS_AT_LEADER_MAX }, () => b.stream(talk, open(), WEAK));
  for (const stream of streams) assert.equal((await stream.next()).value?.id, "x");
  const beyond = await failureOf(Array.fromAsync(b.stream(talk, open(), WEAK)));
  assert.equal(beyond.codeName, "RESOURCE_EXHAUSTED");
  assert.equal(await askOne(b, WEAK), "asked");
  end.resolve();
  for (const stream of streams) assert((await stream.next()).done);
  assert.deepEqual(await Array.fromAsync(b.stream(many, streamOf({ id: "y" }), WEAK), ({ id }) => id), ["y"]);
});
