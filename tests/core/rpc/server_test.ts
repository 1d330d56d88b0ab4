/**
 * Tests for `core/rpc/server.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { socketFiles } from "../../../core/io/socket_files.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import type { RpcContext, RpcInterceptor } from "../../../core/plugin/rpc.ts";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { isVouchedFor, RpcServer, type RpcServerOptions } from "../../../core/rpc/server.ts";
import type { SocketFileState } from "../../../core/rpc/socket_files.ts";
import { ServerReflection } from "../../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { within } from "../../e2e/lab/eventually.ts";
import { authorityProblem, TestAuthority } from "./test_authority.ts";
import { canTrace, doubleCloses } from "../io/double_closes.ts";
import { Echo, EchoPair, echoService, echoWith, KeptLog, streamOf, whenAborted } from "./echo_service.ts";

const { one } = Echo.method;

/** A folder for sockets, removed when disposed. */
class SocketFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "weft-rpc-" });
  readonly socket: string = `${this.path}/weft.sock`;

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function optionsFor(listen: Partial<Pick<RpcServerOptions, "tcp" | "unix" | "services">>): RpcServerOptions {
  return { tcp: undefined, unix: undefined, services: [echoService], log: new KeptLog(), ...listen };
}

/** What starting failed with. */
async function refusalOf(options: RpcServerOptions): Promise<ConfigError> {
  const error = await RpcServer.start(options).then((server) => server.stop(0), (error: unknown) => error);
  assert(error instanceof ConfigError, `expected a ConfigError, got ${error}`);
  return error;
}

Deno.test("RpcServer: listens on TCP and on a Unix socket at once", async () => {
  using folder = new SocketFolder();
  await using server = await RpcServer.start(optionsFor({
    tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
    unix: { path: folder.socket, files: socketFiles },
  }));
  assert(server.port > 0);
  await using near = connect({ socketPath: folder.socket }, { kind: "insecure" });
  await using far = connect({ address: `127.0.0.1:${server.port}` }, { kind: "insecure" });
  const answers = await Promise.all([near.unary(one, { id: "a" }), far.unary(one, { id: "b" })]);
  assert.deepEqual(answers.map(({ message }) => message.id), ["a", "b"]);
});

Deno.test({
  name: "RpcServer: its Unix socket and connections to it are closed once",
  ignore: !canTrace,
  async fn() {
    const filter = "RpcServer: listens on TCP and on a Unix socket at once";
    const options = ["--allow-all", "--no-check", "--filter", filter];
    const command = [Deno.execPath(), "test", ...options, import.meta.filename ?? ""];
    assert.deepEqual(await doubleCloses(command), []);
  },
});

Deno.test("RpcServer: listens on IPv6", async () => {
  await using server = await RpcServer.start(optionsFor({
    tcp: { host: "::1", port: 0, credentials: { kind: "insecure" } },
  }));
  await using client = connect({ address: `[::1]:${server.port}` }, { kind: "insecure" });
  assert.equal((await client.unary(one, { id: "a" })).message.id, "a");
});

Deno.test("RpcServer: :: means all addresses of both families", async () => {
  await using server = await RpcServer.start(optionsFor({
    tcp: { host: "::", port: 0, credentials: { kind: "insecure" } },
  }));
  for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
    await using client = connect({ address: `${host}:${server.port}` }, { kind: "insecure" });
    assert.equal((await client.unary(one, { id: host })).message.id, host);
  }
});

Deno.test("RpcServer: the Unix socket has mode 0600 and is removed at the end", async () => {
  using folder = new SocketFolder();
  const server = await RpcServer.start(optionsFor({ unix: { path: folder.socket, files: socketFiles } }));
  assert.equal(((await Deno.stat(folder.socket)).mode ?? 0) & 0o777, 0o600);
  await server.stop();
  assert.equal(await socketFiles.probe(folder.socket), "absent");
});

Deno.test("RpcServer: a service of local use only is served on the Unix socket alone", async () => {
  using folder = new SocketFolder();
  const methods = Object.entries(echoService.methods).map(([name, method]) => {
    return [name, { ...method, authorisation: "local" as const }] as const;
  });
  await using server = await RpcServer.start(optionsFor({
    tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
    unix: { path: folder.socket, files: socketFiles },
    services: [{ service: Echo, methods: Object.fromEntries(methods) }],
  }));
  await using near = connect({ socketPath: folder.socket }, { kind: "insecure" });
  assert.equal((await near.unary(one, { id: "a" })).message.id, "a");
  await using far = connect({ address: `127.0.0.1:${server.port}` }, { kind: "insecure" });
  await assert.rejects(far.unary(one, {}), (error) => error instanceof RpcError && error.codeName === "UNIMPLEMENTED");
});

Deno.test("RpcServer: a local method of another service is served on the Unix socket alone", async () => {
  using folder = new SocketFolder();
  let peer: RpcContext["peer"] | undefined;
  await using _server = await RpcServer.start(optionsFor({
    unix: { path: folder.socket, files: socketFiles },
    services: [echoWith({
      one: {
        authorisation: "local",
        handle(request, context) {
          ({ peer } = context);
          return Promise.resolve(request);
        },
      },
    })],
  }));
  await using near = connect({ socketPath: folder.socket }, { kind: "insecure" });
  assert.equal((await near.unary(one, { id: "a" })).message.id, "a");
  assert.deepEqual(peer, { address: "unix", transport: "unix", identity: undefined });
});

Deno.test("RpcServer.start: replaces the socket of a process that is gone", async () => {
  using folder = new SocketFolder();
  // A process that ends without closing leaves its socket behind.
  const script = `Deno.listen({ transport: "unix", path: ${JSON.stringify(folder.socket)} }); Deno.exit(0);`;
  await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assert.equal(await socketFiles.probe(folder.socket), "stale");
  await using _server = await RpcServer.start(optionsFor({ unix: { path: folder.socket, files: socketFiles } }));
  await using client = connect({ socketPath: folder.socket }, { kind: "insecure" });
  assert.equal((await client.unary(one, { id: "a" })).message.id, "a");
});

Deno.test("RpcServer.start: does not take the socket of a running node", async () => {
  using folder = new SocketFolder();
  const options = optionsFor({ unix: { path: folder.socket, files: socketFiles } });
  await using _server = await RpcServer.start(options);
  const error = await refusalOf(options);
  assert.equal(error.message, `Cannot listen on "${folder.socket}": a running node does`);
  assert(error.hint);
  await using client = connect({ socketPath: folder.socket }, { kind: "insecure" });
  assert.equal((await client.unary(one, { id: "still" })).message.id, "still");
});

Deno.test("RpcServer.start: does not remove a file that is no socket", async () => {
  using folder = new SocketFolder();
  await Deno.writeTextFile(folder.socket, "precious");
  const error = await refusalOf(optionsFor({ unix: { path: folder.socket, files: socketFiles } }));
  assert.match(error.message, /a file that is no socket is there/);
  assert.equal(await Deno.readTextFile(folder.socket), "precious");
});

Deno.test("RpcServer.start: says that a socket's folder does not exist", async () => {
  using folder = new SocketFolder();
  const error = await refusalOf(optionsFor({ unix: { path: `${folder.path}/none/weft.sock`, files: socketFiles } }));
  assert.match(error.message, /its directory does not exist/);
});

Deno.test("RpcServer.start: takes a socket path of 107 bytes and refuses 108", async () => {
  using folder = new SocketFolder();
  const path = `${folder.path}/`.padEnd(107, "x");
  await (await RpcServer.start(optionsFor({ unix: { path, files: socketFiles } }))).stop(0);
  const error = await refusalOf(optionsFor({ unix: { path: `${path}x`, files: socketFiles } }));
  assert.match(error.message, /longer than 107 bytes/);
});

Deno.test("RpcServer.start: an address in use is named, with what to do, and nothing stays open", async () => {
  using folder = new SocketFolder();
  await using first = await EchoPair.start();
  const { port } = first.server;
  const error = await refusalOf(optionsFor({
    tcp: { host: "127.0.0.1", port, credentials: { kind: "insecure" } },
    unix: { path: folder.socket, files: socketFiles },
  }));
  assert.equal(error.message, `Cannot listen on 127.0.0.1:${port}: the address is in use`);
  assert.equal(error.hint, "Stop the program that listens there, or choose another port.");
  assert.equal(await socketFiles.probe(folder.socket), "absent");
});

Deno.test("RpcServer.start: an address of another host is named", async () => {
  const error = await refusalOf(optionsFor({ tcp: { host: "192.0.2.1", port: 0, credentials: { kind: "insecure" } } }));
  assert.equal(error.message, "Cannot listen on 192.0.2.1:0: this host does not have that address");
});

Deno.test("RpcServer.start: a socket that cannot be restricted is not left open", async () => {
  using folder = new SocketFolder();
  const states: SocketFileState[] = [];
  const files = { ...socketFiles, restrict: () => Promise.reject(new Error("read-only")) };
  await assert.rejects(RpcServer.start(optionsFor({ unix: { path: folder.socket, files } })), /read-only/);
  states.push(await socketFiles.probe(folder.socket));
  assert.deepEqual(states, ["absent"]);
});

Deno.test("RpcServer.stop: can be called again, and again", async () => {
  const server = await RpcServer.start(optionsFor({
    tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
  }));
  await Promise.all([server.stop(), server.stop(0)]);
  await server[Symbol.asyncDispose]();
});

Deno.test("RpcServer: 200 clients come, call and go", async () => {
  await using server = await RpcServer.start(optionsFor({
    tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
  }));
  for (let i = 0; i < 200; i++) {
    await using client = connect({ address: `127.0.0.1:${server.port}` }, { kind: "insecure" });
    assert.equal((await client.unary(one, { id: String(i) })).message.id, String(i));
    if (i % 10 === 0) assert.equal((await client.unary(one, { id: "again" })).message.id, "again");
  }
});

/** Transport, certificate, and whether that is a member of the mesh. */
const CALLERS:
  readonly (readonly [transport: RpcContext["peer"]["transport"], identity: string | undefined, boolean])[] = [
    ["unix", undefined, true],
    ["plaintext", undefined, true],
    ["tls", undefined, false],
    ["tls", "node-a", true],
  ];

for (const [transport, identity, expected] of CALLERS) {
  Deno.test(`isVouchedFor: ${transport} with ${identity ?? "no"} certificate is ${expected}`, () => {
    const context: RpcContext = {
      methodPath: "/test.Echo/One",
      peer: { address: "", transport, identity },
      metadata: new Map(),
      deadlineWallMs: Infinity,
      signal: new AbortController().signal,
      sendInitialMetadata() {},
      setTrailer() {},
    };
    assert.equal(isVouchedFor(context), expected);
  });
}

Deno.test("RpcServer.add: a service comes and goes while others are served, in reflection and health too", async () => {
  await using pair = await EchoPair.start({ services: [] });
  const names = () => reflectedServices(pair.client);
  const before = await names();
  await assert.rejects(pair.client.unary(one, { id: "a" }), (error: RpcError) => error.codeName === "UNIMPLEMENTED");
  const added = pair.server.add(echoService);
  assert.equal((await pair.client.unary(one, { id: "a" })).message.id, "a");
  assert.deepEqual((await names()).filter((name) => !before.includes(name)), [Echo.typeName]);
  assert.deepEqual(pair.server.serviceNames, [Echo.typeName]);
  assert.notEqual(pair.server.health.get(Echo.typeName), undefined);
  added[Symbol.dispose]();
  added[Symbol.dispose]();
  await assert.rejects(pair.client.unary(one, { id: "a" }), (error: RpcError) => error.codeName === "UNIMPLEMENTED");
  assert.deepEqual(await names(), before);
  assert.equal(pair.server.health.get(Echo.typeName), undefined);
});

Deno.test("RpcServer.add: a name that is taken and a method that does not say who may call it are refused", async () => {
  await using pair = await EchoPair.start();
  assert.throws(() => pair.server.add(echoService), /"test.Echo" is offered twice/);
  await using empty = await EchoPair.start({ services: [] });
  const bare = { service: Echo, methods: { ...echoService.methods, one: { handle: echoService.methods.one.handle } } };
  assert.throws(() => empty.server.add(bare as typeof echoService), /does not state who may call it/);
  assert.deepEqual(empty.server.serviceNames, []);
});

Deno.test("RpcServer.add: calls under way end when their service goes, and other calls do not", async () => {
  await using pair = await EchoPair.start({ services: [] });
  const health = pair.server.health.watch("", new AbortController().signal);
  await health.next();
  const added = pair.server.add(echoWith({
    talk: {
      authorisation: "public",
      async *handle(_requests, { signal }) {
        yield { id: "begun" };
        await whenAborted(signal);
      },
    },
  }));
  const call = pair.client.stream(Echo.method.talk, streamOf({ id: "a" }));
  assert.equal((await call.next()).value?.id, "begun");
  added[Symbol.dispose]();
  await assert.rejects(call.next(), /is no longer served by this node/);
  await health.return(undefined);
});

Deno.test("RpcServer.intercept: interceptors come and go, and stand in the order of their places", async () => {
  await using pair = await EchoPair.start();
  const seen: string[] = [];
  const named = (name: string): RpcInterceptor => (call, next) => {
    seen.push(name);
    return next(call);
  };
  const inner = pair.server.intercept(named("inner"), 2);
  pair.server.intercept(named("outer"), 1);
  await pair.client.unary(one, { id: "a" });
  assert.deepEqual(seen.splice(0), ["outer", "inner"]);
  inner[Symbol.dispose]();
  await pair.client.unary(one, { id: "a" });
  assert.deepEqual(seen, ["outer"]);
});

Deno.test("RpcServer: no interceptor stands in front of a plain service", async () => {
  const never: RpcInterceptor = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
  await using pair = await EchoPair.start({ plain: [Echo] });
  pair.server.intercept(never, 0);
  assert.equal((await pair.client.unary(one, { id: "a" })).message.id, "a");
});

async function reflectedServices(client: RpcClient): Promise<string[]> {
  const question = { messageRequest: { case: "listServices", value: "" } } as const;
  for await (const answer of client.stream(ServerReflection.method.serverReflectionInfo, streamOf(question))) {
    const response = answer.messageResponse;
    return response.case === "listServicesResponse" ? response.value.service.map(({ name }) => name) : [];
  }
  return [];
}

/** HTTP/2's preface and empty settings (RFC 9113 §3.4). */
const PREFACE = new Uint8Array([
  ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  0,
  0,
  0,
  4,
  0,
  0,
  0,
  0,
  0,
]);
const CUT_MS = 3_000;

/** Says hello over `connection`, and from then on neither hears nor says anything. */
async function fallSilent(connection: Deno.Conn): Promise<Deno.Conn> {
  await connection.write(PREFACE);
  assert(await connection.read(new Uint8Array(100)) !== null);
  return connection;
}

Deno.test("RpcServer.stop: callers that do not hang up are cut off, over TCP and the Unix socket", async () => {
  using folder = new SocketFolder();
  const server = await RpcServer.start(optionsFor({
    tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
    unix: { path: folder.socket, files: socketFiles },
  }));
  using _far = await fallSilent(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  using _near = await fallSilent(await Deno.connect({ transport: "unix", path: folder.socket }));
  using _mute = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await within("the server to stop", server.stop(1), CUT_MS);
});

Deno.test({
  name: "RpcServer.stop: callers that do not hang up are cut off, over TLS",
  ignore: authorityProblem() !== undefined,
  async fn() {
    using authority = new TestAuthority("weft test");
    const { ca } = authority;
    const credentials = { kind: "tls", ...authority.certificate("node", "IP:127.0.0.1"), ca, mtls: false } as const;
    const server = await RpcServer.start(optionsFor({ tcp: { host: "127.0.0.1", port: 0, credentials } }));
    const to = { hostname: "127.0.0.1", port: server.port };
    using _silent = await fallSilent(await Deno.connectTls({ ...to, caCerts: [ca], alpnProtocols: ["h2"] }));
    using _mute = await Deno.connect(to);
    await within("the server to stop", server.stop(1), CUT_MS);
  },
});
