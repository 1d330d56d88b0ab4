/**
 * Tests for `core/rpc/client_channel.ts`: what is left of a channel after it was closed. The sanitizers do the rest.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect } from "../../../core/rpc/client.ts";
import { ClientChannel } from "../../../core/rpc/client_channel.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { Echo, EchoPair } from "./echo_service.ts";

const { one } = Echo.method;

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

Deno.test("ClientChannel: does not dial again once it is closed after a failure", async () => {
  // An address of its own: clients of other tests may still dial a port that was theirs a moment ago.
  const hostname = "127.0.0.44";
  const listener = Deno.listen({ hostname, port: 0 });
  const { port } = listener.addr;
  listener.close();
  const client = connect({ address: `${hostname}:${port}` }, { kind: "insecure" });
  await assert.rejects(client.unary(one, {}), RpcError);
  // Before that, a thread that is held up for as long as the library waits between two dials may see a second one.
  await client[Symbol.asyncDispose]();
  using again = Deno.listen({ hostname, port });
  // The only connection that comes is this one.
  const own = Deno.connect({ hostname, port });
  using first = await again.accept();
  using mine = await own;
  assert.equal(
    first.remoteAddr.transport === "tcp" && first.remoteAddr.port,
    mine.localAddr.transport === "tcp" && mine.localAddr.port,
  );
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
