import { strict as assert } from "node:assert";
import { openUapiDevice, type UapiDevice, type UapiDeviceConfig } from "../../../core/dataplane/uapi_device.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { eventually, within } from "../../e2e/lab/eventually.ts";
import { PrivateNetwork, released, run, whyNoPrivateNetwork } from "../io/private_network.ts";

const ignore = whyNoPrivateNetwork() !== undefined;
const DEADLINE_MS = 10_000;
const KEY = "77".repeat(32);

interface Fixture extends AsyncDisposable {
  readonly device: UapiDevice;
  readonly config: UapiDeviceConfig;
  /** Sends one request and returns the answer. */
  ask(request: string): Promise<string>;
}

/** A device `wg0` in a namespace of its own, with its socket in a directory of its own. */
async function fixture(): Promise<Fixture> {
  await using stack = new AsyncDisposableStack();
  stack.use(new PrivateNetwork());
  const socketDirectory = Deno.makeTempDirSync();
  stack.defer(() => Deno.removeSync(socketDirectory, { recursive: true }));
  const config = { interfaceName: "wg0", mtu: 1420, socketDirectory };
  const device = stack.use(await openUapiDevice(config, new MemoryLog()));
  const owned = stack.move();
  return {
    device,
    config,
    ask: (request) => ask(device.socketPath, request),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

async function ask(path: string, request: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(4096);
  const length = await within("an answer", connection.read(bytes), DEADLINE_MS);
  return new TextDecoder().decode(bytes.subarray(0, length ?? 0));
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch {
    return false;
  }
}

Deno.test("openUapiDevice: an interface that is down, silent, and without addresses", { ignore }, async () => {
  await using made = await fixture();
  assert.match(run("ip", "link", "show", "wg0"), /mtu 1420 .*state DOWN/);
  assert.equal(run("ip", "-br", "addr", "show", "wg0").trim().split(/\s+/).length, 2);
  assert.equal(run("ss", "-Huln"), "");
  assert.equal(await made.ask("get=1\n\n"), "errno=0\n\n");
});

Deno.test("openUapiDevice: does what the socket says, and listens while the interface is up", { ignore }, async () => {
  await using made = await fixture();
  assert.equal(await made.ask(`set=1\nprivate_key=${KEY}\nlisten_port=5000\nfwmark=9\n\n`), "errno=0\n\n");
  assert.equal(run("ss", "-Huln"), "");
  run("ip", "link", "set", "wg0", "up");
  await eventually("the port", () => /:5000/.test(run("ss", "-Huln")), DEADLINE_MS);
  assert.equal(run("ip", "-6", "-br", "addr", "show", "wg0"), "", "no link-local address");
  assert.equal(await made.ask("set=1\nlisten_port=5001\n\n"), "errno=0\n\n");
  await released("the port before", () => !/:5000/.test(run("ss", "-Huln")));
  assert.match(run("ss", "-Huln"), /:5001/);
  assert.match(await made.ask("get=1\n\n"), /^private_key=7077.*77\nlisten_port=5001\nfwmark=9\nerrno=0\n\n$/);
  run("ip", "link", "set", "wg0", "down");
  await eventually("silence", () => run("ss", "-Huln") === "", DEADLINE_MS);
  assert.match(await made.ask("get=1\n\n"), /listen_port=5001/);
});

Deno.test("openUapiDevice: a second one of the name is refused, and harms nothing", { ignore }, async () => {
  await using made = await fixture();
  const taken = { name: "ConfigError", message: /"wg0" is taken/ };
  await assert.rejects(openUapiDevice(made.config, new MemoryLog()), taken);
  assert.equal(await made.ask("get=1\n\n"), "errno=0\n\n");
});

Deno.test("openUapiDevice: where the socket is taken, no interface stays", { ignore }, async () => {
  await using made = await fixture();
  using _elsewhere = new PrivateNetwork();
  const taken = { name: "ConfigError", message: /Another program listens on/ };
  await assert.rejects(openUapiDevice(made.config, new MemoryLog()), taken);
  await released("the interface", () => !/wg0/.test(run("ip", "-br", "link")));
  assert.equal(await made.ask("get=1\n\n"), "errno=0\n\n");
});

for (const state of ["up", "down"]) {
  Deno.test(`UapiDevice.ended: the interface was deleted while it was ${state}`, { ignore }, async () => {
    await using made = await fixture();
    run("ip", "link", "set", "wg0", state);
    await made.ask(`set=1\nprivate_key=${KEY}\n\n`);
    run("ip", "link", "delete", "wg0");
    assert.equal(await within("the end", made.device.ended, DEADLINE_MS), "interface deleted");
    assert.match(await made.ask("get=1\n\n"), /errno=0/, "settings are there to the last");
    await made.device[Symbol.asyncDispose]();
    assert.equal(exists(made.device.socketPath), false);
  });
}

Deno.test("UapiDevice.ended: the socket was removed", { ignore }, async () => {
  await using made = await fixture();
  Deno.removeSync(made.device.socketPath);
  assert.equal(await within("the end", made.device.ended, DEADLINE_MS), "socket removed");
  await made.device[Symbol.asyncDispose]();
  await released("the interface", () => !/wg0/.test(run("ip", "-br", "link")));
});

Deno.test("UapiDevice: disposing leaves neither interface nor socket nor port", { ignore }, async () => {
  await using made = await fixture();
  await made.ask(`set=1\nprivate_key=${KEY}\nlisten_port=5000\n\n`);
  run("ip", "link", "set", "wg0", "up");
  await eventually("the port", () => /:5000/.test(run("ss", "-Huln")), DEADLINE_MS);
  await made.device[Symbol.asyncDispose]();
  await released("the port", () => run("ss", "-Huln") === "");
  await released("the interface", () => !/wg0/.test(run("ip", "-br", "link")));
  assert.equal(exists(made.device.socketPath), false);
});
