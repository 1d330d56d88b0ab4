import { strict as assert } from "node:assert";
import { HostNetwork, ROUTE_METRIC } from "../../../core/io/host_network_linux.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { TunLinux } from "../../../core/io/tun_linux.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { PrivateNetwork, run, whyNoPrivateNetwork } from "./private_network.ts";

const ignore = whyNoPrivateNetwork() !== undefined;

function prefix(text: string): Prefix {
  const value = Prefix.parse(text);
  assert.ok(value);
  return value;
}

function address(text: string): IpAddress {
  const value = IpAddress.parse(text);
  assert.ok(value);
  return value;
}

interface Fixture extends Disposable {
  readonly network: HostNetwork;
  readonly index: number;
}

/** A TUN device `weft0` in a namespace of its own, up with MTU 1400. */
function fixture(): Fixture {
  using stack = new DisposableStack();
  stack.use(new PrivateNetwork());
  const libc = stack.use(Libc.open());
  stack.use(TunLinux.create(libc, "weft0"));
  const network = stack.use(HostNetwork.open(libc));
  const index = network.link("weft0")?.index ?? 0;
  network.bringUp(index, 1400);
  const owned = stack.move();
  return { network, index, [Symbol.dispose]: () => owned[Symbol.dispose]() };
}

Deno.test("HostNetwork.link: finds by name, and tells what is not there", () => {
  using libc = Libc.open();
  using network = HostNetwork.open(libc);
  assert.equal(network.link("lo")?.isLoopback, true);
  assert.equal(network.link("no-such-if"), undefined);
});

Deno.test("HostNetwork.hostAddresses: has the loopback address with its interface", () => {
  using libc = Libc.open();
  using network = HostNetwork.open(libc);
  const loopback = network.hostAddresses().find((found) => found.prefix.toString() === "127.0.0.1/8");
  assert.equal(loopback?.interfaceName, "lo");
  assert.equal(loopback?.isLoopback, true);
  assert.equal(loopback?.isUsable, true);
});

Deno.test("HostNetwork.sourceAddressFor: loopback is reached from loopback", () => {
  using libc = Libc.open();
  using network = HostNetwork.open(libc);
  assert.equal(String(network.sourceAddressFor(address("127.0.0.9"))), "127.0.0.1");
});

Deno.test({
  name: "HostNetwork.bringUp: up, with the MTU, and without an address nobody asked for",
  ignore,
  fn() {
    using made = fixture();
    const [link] = JSON.parse(run("ip", "-j", "addr", "show", "dev", "weft0"));
    assert.ok(link.flags.includes("UP"));
    assert.equal(link.mtu, 1400);
    assert.deepEqual(link.addr_info, []);
    assert.equal(made.network.link("weft0")?.isUp, true);
  },
});

Deno.test({
  name: "HostNetwork: addresses and routes are what ip(8) shows, may be set twice, and go away when told",
  ignore,
  fn() {
    using made = fixture();
    const { network, index } = made;
    const addresses = ["10.99.0.1/24", "fd99::1/64"].map(prefix);
    const routes = ["10.98.0.0/16", "0.0.0.0/0", "fd98::/48", "::/0"].map(prefix);
    for (let i = 0; i < 2; i++) {
      for (const item of addresses) network.addAddress(index, item);
      for (const item of routes) network.addRoute(index, item);
    }
    const [link] = JSON.parse(run("ip", "-j", "addr", "show", "dev", "weft0"));
    assert.deepEqual(
      link.addr_info.map((
        info: Record<string, unknown>,
      ) => [info.local, info.prefixlen, info.broadcast, info.tentative]),
      [["10.99.0.1", 24, undefined, undefined], ["fd99::1", 64, undefined, undefined]],
    );
    const shown = [...JSON.parse(run("ip", "-j", "route")), ...JSON.parse(run("ip", "-j", "-6", "route"))];
    assert.deepEqual(
      shown.map((route) => `${route.dst} ${route.protocol} ${route.metric}`).sort(),
      [
        `10.98.0.0/16 87 ${ROUTE_METRIC}`,
        `10.99.0.0/24 kernel ${ROUTE_METRIC}`,
        `default 87 ${ROUTE_METRIC}`,
        `default 87 ${ROUTE_METRIC}`,
        `fd98::/48 87 ${ROUTE_METRIC}`,
        `fd99::/64 kernel ${ROUTE_METRIC}`,
      ],
    );
    assert.deepEqual(network.addressesOf(index).map(String), addresses.map(String));
    assert.deepEqual(network.routesOf(index).map(String).sort(), routes.map(String).sort());
    assert.equal(String(network.sourceAddressFor(address("10.98.1.1"))), "10.99.0.1");

    for (let i = 0; i < 2; i++) {
      for (const item of routes) network.removeRoute(index, item);
      for (const item of addresses) network.removeAddress(index, item);
    }
    assert.deepEqual(network.addressesOf(index), []);
    assert.deepEqual(network.routesOf(index), []);
    assert.equal(run("ip", "route") + run("ip", "-6", "route"), "");
    assert.equal(network.sourceAddressFor(address("10.98.1.1")), undefined);
  },
});

Deno.test({
  name: "HostNetwork.mtuTo: the interface's, the route's if it has one, and none through the excepted interface",
  ignore,
  fn() {
    using made = fixture();
    const { network, index } = made;
    network.addAddress(index, prefix("10.99.0.1/24"));
    assert.equal(network.mtuTo(address("10.99.0.2")), 1400);
    run("ip", "route", "add", "10.97.0.0/16", "dev", "weft0", "mtu", "1300");
    assert.equal(network.mtuTo(address("10.97.0.1")), 1300);
    assert.equal(network.mtuTo(address("10.99.0.2"), index), undefined);
    assert.equal(network.mtuTo(address("192.0.2.1")), undefined);
    network.setMtu(index, 1350);
    assert.equal(network.mtuTo(address("10.99.0.2")), 1350);
    assert.equal(JSON.parse(run("ip", "-j", "link", "show", "dev", "weft0"))[0].mtu, 1350);
  },
});

Deno.test({
  name: "HostNetwork: a route of the host to the same prefix wins over the mesh's",
  ignore,
  fn() {
    using made = fixture();
    run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "far0");
    run("ip", "link", "set", "far0", "up");
    run("ip", "link", "set", "lan0", "up");
    run("ip", "addr", "add", "10.99.0.9/24", "dev", "lan0", "noprefixroute");
    run("ip", "route", "add", "10.99.0.0/24", "dev", "lan0", "metric", "600");
    made.network.addAddress(made.index, prefix("10.99.0.1/24"));
    made.network.addRoute(made.index, prefix("10.99.0.0/24"));
    const [route] = JSON.parse(run("ip", "-j", "route", "get", "10.99.0.50"));
    assert.equal(route.dev, "lan0");
  },
});

Deno.test({
  name: "HostNetwork: the kernel's refusal is in the error",
  ignore,
  fn() {
    using made = fixture();
    assert.throws(() => made.network.addAddress(9999, prefix("10.99.0.1/24")), {
      message: /^add address 10\.99\.0\.1\/24: ENODEV \(.*not found.*\)$/,
    });
  },
});
