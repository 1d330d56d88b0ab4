import { strict as assert } from "node:assert";
import { type HostDevice, openHostDevice } from "../../../core/dataplane/host_device.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { openUdpSockets } from "../../../core/io/udp_socket_linux.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { PrivateNetwork, released, run, whyNoPrivateNetwork } from "../io/private_network.ts";

const ignore = whyNoPrivateNetwork() !== undefined;
const CONFIG = { interfaceName: "weft0", mtu: 1420, listenPort: 0 };

function prefixes(...texts: string[]): Prefix[] {
  return texts.map((text) => {
    const prefix = Prefix.parse(text);
    assert.ok(prefix);
    return prefix;
  });
}

interface Fixture extends Disposable {
  readonly device: HostDevice;
  readonly log: MemoryLog;
}

function fixture(): Fixture {
  using stack = new DisposableStack();
  stack.use(new PrivateNetwork());
  const log = new MemoryLog();
  const device = stack.use(openHostDevice(CONFIG, log));
  const owned = stack.move();
  return { device, log, [Symbol.dispose]: () => owned[Symbol.dispose]() };
}

function shownAddresses(): string[] {
  const [link] = JSON.parse(run("ip", "-j", "addr", "show", "dev", "weft0"));
  return link.addr_info.map((info: { local: string; prefixlen: number }) => `${info.local}/${info.prefixlen}`).sort();
}

function shownRoutes(): string[] {
  const routes = [...JSON.parse(run("ip", "-j", "route")), ...JSON.parse(run("ip", "-j", "-6", "route"))];
  return routes.map((route: { dst: string }) => route.dst).sort();
}

Deno.test({
  name: "openHostDevice: the interface is up with its MTU, and the port is bound in both families",
  ignore,
  fn() {
    using made = fixture();
    const [link] = JSON.parse(run("ip", "-j", "link", "show", "dev", "weft0"));
    assert.equal(link.ifindex, made.device.interfaceIndex);
    assert.equal(link.mtu, 1420);
    assert.ok(link.flags.includes("UP"));
    const sockets = run("ss", "-Huln");
    assert.equal(sockets.match(new RegExp(`:${made.device.listenPort} `, "g"))?.length, 2, sockets);
  },
});

Deno.test({
  name: "HostDevice.applyAddresses: addresses and routes become exactly what is wanted, again and again",
  ignore,
  fn() {
    using made = fixture();
    const { device, log } = made;
    const apply = (addresses: string[], routes: string[]) =>
      device.applyAddresses({ addresses: prefixes(...addresses), routes: prefixes(...routes) });

    apply(["10.0.0.1/24", "fd00::1/64"], ["10.1.0.0/16", "fd01::/48"]);
    apply(["10.0.0.1/24", "fd00::1/64"], ["10.1.0.0/16", "fd01::/48"]);
    assert.deepEqual(shownAddresses(), ["10.0.0.1/24", "fd00::1/64"]);
    assert.deepEqual(shownRoutes(), ["10.0.0.0/24", "10.1.0.0/16", "fd00::/64", "fd01::/48"]);

    // 10.0.0.2 in the place of 10.0.0.1: the kernel takes the routes of the last address with it.
    apply(["10.0.0.2/24"], ["10.1.7.7/16", "10.2.0.0/16"]);
    assert.deepEqual(shownAddresses(), ["10.0.0.2/24"]);
    assert.deepEqual(shownRoutes(), ["10.0.0.0/24", "10.1.0.0/16", "10.2.0.0/16"]);

    // Two addresses of one prefix: removing the first takes the second with it.
    apply(["10.0.0.2/24", "10.0.0.3/24"], []);
    apply(["10.0.0.3/24"], []);
    assert.deepEqual(shownAddresses(), ["10.0.0.3/24"]);
    assert.deepEqual(shownRoutes(), ["10.0.0.0/24"]);

    // What somebody else changed is put right.
    run("ip", "addr", "flush", "dev", "weft0");
    apply(["10.0.0.3/32"], ["10.3.0.0/16"]);
    assert.deepEqual(shownAddresses(), ["10.0.0.3/32"]);
    assert.deepEqual(shownRoutes(), ["10.3.0.0/16"]);

    apply([], []);
    assert.deepEqual([...shownAddresses(), ...shownRoutes()], []);
    assert.deepEqual(log.lines, []);
  },
});

Deno.test({
  name: "HostDevice.applyAddresses: routes of others on the interface stay",
  ignore,
  fn() {
    using made = fixture();
    run("ip", "route", "add", "10.9.0.0/16", "dev", "weft0");
    made.device.applyAddresses({ addresses: prefixes("fd00::1/128"), routes: [] });
    assert.ok(shownRoutes().includes("10.9.0.0/16"));
  },
});

Deno.test({
  name: "HostDevice.applyAddresses: a route that the kernel refuses is logged and the others are added",
  ignore,
  fn() {
    using made = fixture();
    made.device.applyAddresses({ addresses: [], routes: prefixes("::1/128", "0.0.0.0/0", "10.1.0.0/16") });
    run("ip", "link", "set", "weft0", "down");
    made.device.applyAddresses({ addresses: [], routes: prefixes("10.1.0.0/16", "10.2.0.0/16") });
    assert.equal(made.log.count("route refused"), 2);
    assert.match(String(made.log.lines[0]?.fields.error), /ENETDOWN/);
  },
});

Deno.test({
  name: "HostDevice: disposing leaves the host as it was",
  ignore,
  async fn() {
    using _private = new PrivateNetwork();
    const look = () => run("ip", "-br", "link") + run("ip", "route") + run("ip", "-6", "route") + run("ss", "-Huln");
    const before = look();
    using device = openHostDevice(CONFIG, new MemoryLog());
    device.applyAddresses({ addresses: prefixes("10.0.0.1/24", "fd00::1/64"), routes: prefixes("10.1.0.0/16") });
    assert.notEqual(look(), before);
    device[Symbol.dispose]();
    await released("everything of the device", () => look() === before);
  },
});

Deno.test({
  name: "openHostDevice: a port in use leaves no interface behind, a taken name no socket",
  ignore,
  async fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    using sockets = openUdpSockets(libc, 0);
    const log = new MemoryLog();
    assert.throws(() => openHostDevice({ ...CONFIG, listenPort: sockets.port }, log), {
      name: "ConfigError",
      message: `UDP port ${sockets.port} is in use`,
    });
    assert.throws(() => openHostDevice({ ...CONFIG, interfaceName: "lo" }, log), /"lo" is taken/);
    await released("the interface", () => !/weft0/.test(run("ip", "-br", "link")));
    const count = () => run("ss", "-Huln").trim().split("\n").length;
    await released("all sockets but those of this test", () => count() === 2);
  },
});
