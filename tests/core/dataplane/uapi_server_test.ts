import { strict as assert } from "node:assert";
import { UAPI_CONNECTIONS_MAX, UapiServer } from "../../../core/dataplane/uapi_server.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { eventually, within } from "../../e2e/lab/eventually.ts";

const DEADLINE_MS = 10_000;

interface Fixture extends AsyncDisposable {
  readonly server: UapiServer;
  readonly directory: string;
  readonly log: MemoryLog;
  connect(): Promise<Deno.UnixConn>;
}

async function fixture(): Promise<Fixture> {
  await using stack = new AsyncDisposableStack();
  const directory = Deno.makeTempDirSync();
  stack.defer(() => Deno.removeSync(directory, { recursive: true }));
  const log = new MemoryLog();
  const handler = {
    get: () => Promise.resolve("listen_port=7\nerrno=0\n\n"),
    set: () => Promise.resolve("done" as const),
  };
  const server = stack.use(await UapiServer.open({ interfaceName: "wg0", directory, handler, log }));
  const owned = stack.move();
  return {
    server,
    directory,
    log,
    connect: () => Deno.connect({ transport: "unix", path: `${directory}/wg0.sock` }),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

async function ask(connection: Deno.UnixConn): Promise<string | null> {
  await connection.write(new TextEncoder().encode("get=1\n\n"));
  return await hear(connection);
}

async function hear(connection: Deno.UnixConn): Promise<string | null> {
  const bytes = new Uint8Array(256);
  const length = await within("an answer", connection.read(bytes), DEADLINE_MS);
  return length === null ? null : new TextDecoder().decode(bytes.subarray(0, length));
}

Deno.test("UapiServer: answers many connections at a time", async () => {
  await using made = await fixture();
  assert.equal(made.server.path, `${made.directory}/wg0.sock`);
  using one = await made.connect();
  using two = await made.connect();
  for (const connection of [two, one, two]) assert.equal(await ask(connection), "listen_port=7\nerrno=0\n\n");
});

Deno.test("UapiServer: as many connections as the limit says, and one more is closed", async () => {
  await using made = await fixture();
  using connections = new DisposableStack();
  for (let count = 0; count < UAPI_CONNECTIONS_MAX; count++) {
    assert.match(await ask(connections.use(await made.connect())) ?? "", /errno=0/);
  }
  using surplus = await made.connect();
  assert.equal(await hear(surplus), null);
  assert.equal(made.log.count("too many configuration connections"), 1);
  connections.dispose();
  await eventually("room for another", async () => {
    using connection = await made.connect();
    return await ask(connection) !== null;
  }, DEADLINE_MS);
});

Deno.test("UapiServer: disposing closes all connections and leaves no socket", async () => {
  await using made = await fixture();
  using connection = await made.connect();
  await ask(connection);
  await made.server[Symbol.asyncDispose]();
  assert.equal(await hear(connection), null);
  assert.deepEqual([...Deno.readDirSync(made.directory)], []);
});

Deno.test("UapiServer.removed: tells that the socket was taken away", async () => {
  await using made = await fixture();
  Deno.removeSync(made.server.path);
  await within("the news", made.server.removed, DEADLINE_MS);
});
