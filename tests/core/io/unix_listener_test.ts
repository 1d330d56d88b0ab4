import { strict as assert } from "node:assert";
import { UnixListener } from "../../../core/io/unix_listener.ts";
import { within } from "../../e2e/lab/eventually.ts";

const DEADLINE_MS = 10_000;

/** A path in a directory that is yet to be made, gone with the test. */
function place(): { readonly path: string; readonly directory: string } & Disposable {
  const root = Deno.makeTempDirSync();
  const directory = `${root}/run`;
  return {
    directory,
    path: `${directory}/wg0.sock`,
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
}

function modeOf(path: string): number {
  return (Deno.lstatSync(path).mode ?? 0) & 0o777;
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch {
    return false;
  }
}

Deno.test("UnixListener: is its owner's alone, carries bytes, and leaves nothing behind", async () => {
  using at = place();
  const listener = await UnixListener.open(at.path);
  assert.deepEqual([modeOf(at.directory), modeOf(at.path)], [0o700, 0o600]);
  assert.deepEqual([...Deno.readDirSync(at.directory)].map(({ name }) => name), ["wg0.sock"]);
  using client = await Deno.connect({ transport: "unix", path: at.path });
  using connection = await listener.accept();
  assert.ok(connection);
  await client.write(Uint8Array.of(1, 2, 3));
  const bytes = new Uint8Array(8);
  assert.equal(await connection.read(bytes), 3);
  assert.equal(await connection.write(bytes.subarray(0, 3)), 3);
  const waiting = listener.accept();
  await listener[Symbol.asyncDispose]();
  assert.equal(await waiting, undefined);
  assert.equal(await listener.accept(), undefined);
  assert.equal(exists(at.path), false);
  await listener[Symbol.asyncDispose]();
});

Deno.test("UnixListener.open: leaves a directory that is there as it is", async () => {
  using at = place();
  Deno.mkdirSync(at.directory, { mode: 0o755 });
  await using _listener = await UnixListener.open(at.path);
  assert.deepEqual([modeOf(at.directory), modeOf(at.path)], [0o755, 0o600]);
});

Deno.test("UnixListener.open: refuses a path that somebody listens on, or that is no socket", async () => {
  using at = place();
  await using listener = await UnixListener.open(at.path);
  const listening = { name: "ConfigError", message: /Another program listens on ".*wg0\.sock"/ };
  await assert.rejects(UnixListener.open(at.path), listening);
  using connection = await listener.accept();
  assert.ok(connection, "it was asked, and goes on");
  assert.ok(exists(at.path));
  const other = `${at.directory}/file`;
  Deno.writeTextFileSync(other, "precious");
  await assert.rejects(UnixListener.open(other), { name: "ConfigError", message: /it is no socket/ });
  assert.equal(Deno.readTextFileSync(other), "precious");
});

Deno.test("UnixListener.open: takes the place of a socket whose process is gone", async () => {
  using at = place();
  Deno.mkdirSync(at.directory);
  // The runtime removes the name it knows.
  const dead = Deno.listen({ transport: "unix", path: `${at.path}.dead` });
  Deno.renameSync(`${at.path}.dead`, at.path);
  dead.close();
  assert.ok(exists(at.path), "left behind");
  await using _listener = await UnixListener.open(at.path);
  (await Deno.connect({ transport: "unix", path: at.path })).close();
});

Deno.test("UnixListener.removed: resolves when somebody takes the file away", async () => {
  using at = place();
  await using listener = await UnixListener.open(at.path);
  Deno.writeTextFileSync(`${at.directory}/other`, "");
  Deno.removeSync(`${at.directory}/other`);
  Deno.removeSync(at.path);
  await within("the news", listener.removed, DEADLINE_MS);
});

Deno.test("UnixListener: does not remove the file that took the place of its own", async () => {
  using at = place();
  const first = await UnixListener.open(at.path);
  Deno.removeSync(at.path);
  await within("the news", first.removed, DEADLINE_MS);
  await using _second = await UnixListener.open(at.path);
  await first[Symbol.asyncDispose]();
  assert.ok(exists(at.path));
});
