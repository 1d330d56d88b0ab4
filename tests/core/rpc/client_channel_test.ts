/**
 * Tests for `core/rpc/client_channel.ts`: what is left of a channel after it was closed. The sanitizers do the rest.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import { ClientCall } from "../../../core/rpc/client_call.ts";
import { ClientChannel } from "../../../core/rpc/client_channel.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { Echo, EchoPair } from "./echo_service.ts";

const { one } = Echo.method;

async function* none(): AsyncGenerator<Uint8Array> {}

Deno.test("ClientChannel: a server that accepts and never answers is given up at the deadline, socket and all", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const { port } = listener.addr;
  const client = connect({ address: `127.0.0.1:${port}` }, { kind: "insecure" });
  const refused = assert.rejects(client.unary(one, {}, { deadlineMs: 300 }), (error) => {
    assert(error instanceof RpcError);
    const message = `Cannot reach 127.0.0.1:${port}: no connection in time`;
    assert.deepEqual([error.codeName, error.message], ["DEADLINE_EXCEEDED", message]);
    return true;
  });
  using connection = await accepted;
  await refused;
  await client[Symbol.asyncDispose]();
  // All that the client said, and then the end of the connection.
  const heard = new Uint8Array(1 << 16);
  while (await connection.read(heard).catch(() => null) !== null);
});

Deno.test("ClientChannel: a server that is not HTTP/2 is UNAVAILABLE", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(async (connection) => {
    await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.9\r\n"));
    connection.close();
  });
  await using client = connect({ address: `127.0.0.1:${listener.addr.port}` }, { kind: "insecure" });
  await assert.rejects(client.unary(one, {}), (error) => error instanceof RpcError && error.codeName === "UNAVAILABLE");
  await served;
});

/** A port that refused to be dialled, through `dial`, and is listened on since. */
async function refusedOnce(dial: (address: string) => Promise<unknown>): Promise<Deno.TcpListener> {
  // An address of its own: clients of other tests may still dial a port that was theirs a moment ago.
  const hostname = "127.0.0.44";
  const listener = Deno.listen({ hostname, port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(dial(`${hostname}:${port}`), RpcError);
  return Deno.listen({ hostname, port });
}

/** The only connection that comes to `listener` is the one that is made here. */
async function assertNobodyDials(listener: Deno.TcpListener): Promise<void> {
  const own = Deno.connect({ hostname: listener.addr.hostname, port: listener.addr.port });
  using first = await listener.accept();
  using mine = await own;
  assert.equal(
    first.remoteAddr.transport === "tcp" && first.remoteAddr.port,
    mine.localAddr.transport === "tcp" && mine.localAddr.port,
  );
}

Deno.test("ClientChannel: does not dial again after a failure", async () => {
  let client: RpcClient | undefined;
  using again = await refusedOnce((address) => {
    client = connect({ address }, { kind: "insecure" });
    return client.unary(one, {});
  });
  await assertNobodyDials(again);
  await client?.[Symbol.asyncDispose]();
});

Deno.test("ClientChannel: does not dial again after a failure, for as long as nobody closes it", async () => {
  let channel: ClientChannel | undefined;
  using again = await refusedOnce((address) => {
    channel = new ClientChannel({ address }, { kind: "insecure" });
    return Array.fromAsync(new ClientCall(channel.grpc, "/test.Echo/One", none(), {}, () => undefined));
  });
  assert(channel?.hasFailed);
  const ready = Promise.withResolvers<void>();
  // It would dial a hundred times until then.
  channel.grpc.waitForReady(Date.now() + 200, (error) => error ? ready.reject(error) : ready.resolve());
  await assert.rejects(ready.promise, /Failed to connect before the deadline/);
  await assertNobodyDials(again);
  await channel.close();
});

Deno.test("ClientChannel: fifty failed dials leave nothing behind", async () => {
  const address = "127.0.0.1:1";
  for (let i = 0; i < 50; i++) {
    await using client = connect({ address }, { kind: "insecure" });
    await assert.rejects(client.unary(one, {}), RpcError);
  }
});

Deno.test("ClientChannel: ignores the environment's HTTP proxy", async () => {
  const before = Deno.env.get("http_proxy");
  Deno.env.set("http_proxy", "http://127.0.0.1:1");
  try {
    await using pair = await EchoPair.start();
    assert.equal((await pair.client.unary(one, { id: "direct" })).message.id, "direct");
  } finally {
    if (before === undefined) Deno.env.delete("http_proxy");
    else Deno.env.set("http_proxy", before);
  }
});

Deno.test("ClientChannel.close: closes a connection in order", async () => {
  await using pair = await EchoPair.start();
  const channel = new ClientChannel({ address: `127.0.0.1:${pair.server.port}` }, { kind: "insecure" });
  const ready = Promise.withResolvers<void>();
  channel.grpc.waitForReady(Infinity, (error) => error ? ready.reject(error) : ready.resolve());
  await ready.promise;
  assert.deepEqual([channel.hasFailed, channel.isDialling], [false, false]);
  await channel.close();
});
