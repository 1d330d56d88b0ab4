/**
 * Tests for `core/rpc/credentials.ts`: TLS and mutual TLS between server and client.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ConfigError } from "../../../core/plugin/errors.ts";
import type { RpcContext } from "../../../core/plugin/rpc.ts";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import type { ListenCredentials, RpcCredentials } from "../../../core/rpc/credentials.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { RpcServer } from "../../../core/rpc/server.ts";
import { Echo, echoWith, KeptLog } from "./echo_service.ts";
import { authorityProblem, TestAuthority } from "./test_authority.ts";

const problem = authorityProblem();
if (problem !== undefined) console.log(`TLS tests are skipped: ${problem}`);

function tlsTest(name: string, fn: (authority: TestAuthority) => Promise<void>): void {
  Deno.test({
    name,
    ignore: problem !== undefined,
    async fn() {
      using authority = new TestAuthority("weft test");
      await fn(authority);
    },
  });
}

/** A server whose `One` answers with the caller's certificate name, and a client of it at `host`. */
class SecurePair implements AsyncDisposable {
  readonly server: RpcServer;
  readonly client: RpcClient;

  private constructor(server: RpcServer, client: RpcClient) {
    this.server = server;
    this.client = client;
  }

  static async start(listen: ListenCredentials, call: RpcCredentials, host = "127.0.0.1"): Promise<SecurePair> {
    const handle = (_request: unknown, { peer }: RpcContext) =>
      Promise.resolve({ id: `${peer.transport} ${peer.identity ?? "nobody"}` });
    const server = await RpcServer.start({
      tcp: { host: "127.0.0.1", port: 0, credentials: listen },
      unix: undefined,
      services: [echoWith({ one: { authorisation: "public", handle } })],
      log: new KeptLog(),
    });
    return new SecurePair(server, connect({ address: `${host}:${server.port}` }, call));
  }

  /** The answer, or the reason why there is none. */
  async ask(): Promise<string> {
    try {
      return (await this.client.unary(Echo.method.one, {})).message.id;
    } catch (error) {
      assert(error instanceof RpcError);
      return `${error.codeName}: ${error.message.replace(/^Cannot reach \S+: /, "")}`;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server.stop(0);
  }
}

tlsTest("ListenCredentials: TLS, called by address and by name", async (authority) => {
  const { ca } = authority;
  const server = authority.certificate("server", "IP:127.0.0.1,DNS:localhost");
  for (const host of ["127.0.0.1", "localhost"]) {
    await using pair = await SecurePair.start({ kind: "tls", ...server, ca, mtls: false }, { kind: "tls", ca }, host);
    assert.equal(await pair.ask(), "tls nobody");
    assert.equal(await pair.ask(), "tls nobody");
  }
});

tlsTest("ListenCredentials: mutual TLS tells the handler who calls", async (authority) => {
  const { ca } = authority;
  const server = authority.certificate("server", "IP:127.0.0.1");
  const client = authority.certificate("node-b", "DNS:node-b");
  await using pair = await SecurePair.start(
    { kind: "tls", ...server, ca, mtls: true },
    { kind: "tls", ca, ...client },
  );
  assert.equal(await pair.ask(), "tls node-b");
});

tlsTest(
  "ListenCredentials: TLS alone knows a caller by a certificate that the caller need not have",
  async (authority) => {
    using stranger = new TestAuthority("stranger");
    const { ca } = authority;
    const listen = { kind: "tls", ...authority.certificate("server", "IP:127.0.0.1"), ca, mtls: false } as const;
    await using known = await SecurePair.start(listen, {
      kind: "tls",
      ca,
      ...authority.certificate("node-b", "DNS:b"),
    });
    assert.equal(await known.ask(), "tls node-b");
    await using unknown = await SecurePair.start(listen, {
      kind: "tls",
      ca,
      ...stranger.certificate("node-b", "DNS:b"),
    });
    assert.equal(await unknown.ask(), "tls nobody");
  },
);

tlsTest("ListenCredentials: mutual TLS refuses a client without certificate", async (authority) => {
  const { ca } = authority;
  const server = authority.certificate("server", "IP:127.0.0.1");
  await using pair = await SecurePair.start({ kind: "tls", ...server, ca, mtls: true }, { kind: "tls", ca });
  assert.match(await pair.ask(), /^UNAVAILABLE: .*CertificateRequired/);
});

tlsTest("ListenCredentials: mutual TLS refuses a client of another authority", async (authority) => {
  using stranger = new TestAuthority("stranger");
  const { ca } = authority;
  const server = authority.certificate("server", "IP:127.0.0.1");
  const client = stranger.certificate("node-b", "DNS:node-b");
  await using pair = await SecurePair.start(
    { kind: "tls", ...server, ca, mtls: true },
    { kind: "tls", ca, ...client },
  );
  assert.match(await pair.ask(), /^UNAVAILABLE: /);
});

tlsTest("ListenCredentials: TLS refuses plaintext, and plaintext TLS", async (authority) => {
  const { ca } = authority;
  const server = authority.certificate("server", "IP:127.0.0.1");
  await using secure = await SecurePair.start({ kind: "tls", ...server, ca, mtls: false }, { kind: "insecure" });
  assert.match(await secure.ask(), /^UNAVAILABLE: /);
  await using plain = await SecurePair.start({ kind: "insecure" }, { kind: "tls", ca });
  assert.match(await plain.ask(), /^UNAVAILABLE: /);
});

tlsTest("connect: refuses a server of another authority", async (authority) => {
  using stranger = new TestAuthority("stranger");
  const server = authority.certificate("server", "IP:127.0.0.1");
  const listen = { kind: "tls", ...server, ca: authority.ca, mtls: false } as const;
  for (const call of [{ kind: "tls", ca: stranger.ca }, { kind: "tls" }] as const) {
    await using pair = await SecurePair.start(listen, call);
    assert.match(await pair.ask(), /^UNAVAILABLE: .*certificate/i);
  }
});

tlsTest("connect: refuses a certificate for another address or name", async (authority) => {
  const { ca } = authority;
  const server = authority.certificate("127.0.0.1", "IP:127.0.0.2,DNS:weft.invalid,DNS:127.0.0.1");
  const listen = { kind: "tls", ...server, ca, mtls: false } as const;
  await using byAddress = await SecurePair.start(listen, { kind: "tls", ca });
  assert.equal(await byAddress.ask(), "UNAVAILABLE: the server's certificate is not for 127.0.0.1");
  await using byName = await SecurePair.start(listen, { kind: "tls", ca }, "localhost");
  assert.match(await byName.ask(), /^UNAVAILABLE: .*altnames/);
});

tlsTest(
  "ListenCredentials: a key that is not the certificate's fails connections, not the server",
  async (authority) => {
    const { ca } = authority;
    const { cert } = authority.certificate("server", "IP:127.0.0.1");
    const { key } = authority.certificate("other", "IP:127.0.0.1");
    await using pair = await SecurePair.start({ kind: "tls", cert, key, ca, mtls: false }, { kind: "tls", ca });
    assert.match(await pair.ask(), /^UNAVAILABLE: /);
    assert.match(await pair.ask(), /^UNAVAILABLE: /);
  },
);

Deno.test("connect: a certificate without key is a ConfigError", () => {
  for (const half of [{ cert: "x" }, { key: "x" }]) {
    assert.throws(() => connect({ address: "127.0.0.1:1" }, { kind: "tls", ...half }), ConfigError);
  }
});
