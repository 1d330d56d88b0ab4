import { strict as assert } from "node:assert";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { openUdpSockets, type UdpSocketLinux } from "../../../core/io/udp_socket_linux.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { testUdpSocket } from "../../twins/udp_socket_suite.ts";
import { PrivateNetwork, run, whyNoPrivateNetwork } from "./private_network.ts";

const ignore = whyNoPrivateNetwork() !== undefined;

function endpoint(text: string): Endpoint {
  const value = Endpoint.parse(text);
  assert.ok(value);
  return value;
}

function receive(libc: Libc, socket: UdpSocketLinux, buffer: Uint8Array, offset: number, from: Endpoint): number {
  new Poller(libc, [socket.fd]).wait(1000);
  return socket.receive(buffer, offset, from);
}

testUdpSocket("UdpSocketLinux", () => {
  using stack = new DisposableStack();
  const libc = stack.use(Libc.open());
  const [sender, receiver] = [stack.use(openUdpSockets(libc, 0)), stack.use(openUdpSockets(libc, 0))];
  const owned = stack.move();
  return {
    sender: sender.ipv4,
    receiver: receiver.ipv4,
    senderEndpoint: endpoint(`127.0.0.1:${sender.port}`),
    receiverEndpoint: endpoint(`127.0.0.1:${receiver.port}`),
    wait: () => new Poller(libc, [receiver.ipv4.fd]).wait(1000),
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
});

Deno.test("openUdpSockets: port 0 gives both families one number, and datagrams arrive with their sender", () => {
  using libc = Libc.open();
  using left = openUdpSockets(libc, 0);
  using right = openUdpSockets(libc, 0);
  assert.notEqual(left.port, right.port);
  const sockets = [[left.ipv4, right.ipv4, "127.0.0.1"], [left.ipv6, right.ipv6, "[::1]"]] as const;
  for (const [sender, receiver, host] of sockets) {
    if (!sender || !receiver) continue;
    assert.equal(sender.port, left.port);
    const out = Uint8Array.of(0, 0, 0, 1, 2, 3, 0);
    assert.equal(sender.send(out, 3, 3, endpoint(`${host}:${right.port}`)), "sent");
    const buffer = new Uint8Array(64);
    const from = new Endpoint();
    assert.equal(receive(libc, receiver, buffer, 16, from), 3);
    assert.deepEqual([...buffer.subarray(15, 20)], [0, 1, 2, 3, 0]);
    assert.equal(String(from), `${host}:${left.port}`);
    assert.equal(receiver.receive(buffer, 16, from), 0, "nothing waits");
  }
});

Deno.test("openUdpSockets: those of the loopback interface are bound to its addresses", () => {
  using libc = Libc.open();
  using left = openUdpSockets(libc, 0, "loopback");
  using right = openUdpSockets(libc, 0, "loopback");
  const sockets = [[left.ipv4, right.ipv4, "127.0.0.1"], [left.ipv6, right.ipv6, "[::1]"]] as const;
  for (const [sender, receiver, host] of sockets) {
    if (!sender || !receiver) continue;
    assert.equal(sender.send(Uint8Array.of(7), 0, 1, endpoint(`${host}:${right.port}`)), "sent");
    const from = new Endpoint();
    assert.equal(receive(libc, receiver, new Uint8Array(8), 0, from), 1);
    assert.equal(String(from), `${host}:${left.port}`);
  }
  // Any other address of the host is somebody else's: another socket may have the port there.
  const address = new Uint8Array(28);
  libc.call.getsockname(left.ipv4.fd, address, new Uint32Array([address.length]));
  assert.deepEqual([...address.subarray(4, 8)], [127, 0, 0, 1]);
});

Deno.test("UdpSocketLinux: the IPv6 socket leaves IPv4 to its twin", () => {
  using libc = Libc.open();
  using left = openUdpSockets(libc, 0);
  using right = openUdpSockets(libc, 0);
  left.ipv4.send(Uint8Array.of(7), 0, 1, endpoint(`127.0.0.1:${right.port}`));
  const buffer = new Uint8Array(8);
  assert.equal(receive(libc, right.ipv4, buffer, 0, new Endpoint()), 1);
  assert.equal(right.ipv6?.receive(buffer, 0, new Endpoint()) ?? 0, 0);
});

Deno.test("UdpSocketLinux.receive: an empty datagram counts as nothing and hides nothing", () => {
  using libc = Libc.open();
  using sockets = openUdpSockets(libc, 0);
  const to = endpoint(`127.0.0.1:${sockets.port}`);
  sockets.ipv4.send(new Uint8Array(1), 0, 0, to);
  sockets.ipv4.send(new Uint8Array(1), 0, 1, to);
  const buffer = new Uint8Array(8);
  assert.equal(receive(libc, sockets.ipv4, buffer, 0, new Endpoint()), 0);
  assert.equal(receive(libc, sockets.ipv4, buffer, 0, new Endpoint()), 1);
});

Deno.test("UdpSocketLinux.send: what cannot be sent has a name, not an exception", () => {
  using libc = Libc.open();
  using sockets = openUdpSockets(libc, 0);
  assert.equal(sockets.ipv4.send(new Uint8Array(70000), 0, 65508, endpoint("127.0.0.1:9")), "too-big");
  assert.equal(sockets.ipv4.send(new Uint8Array(8), 0, 8, endpoint("255.255.255.255:9")), "refused");
  assert.equal(sockets.ipv4.send(new Uint8Array(8), 0, 8, endpoint("[::1]:9")), "unreachable", "wrong family");
});

Deno.test("openUdpSockets: a port in use in either family is refused by its number", () => {
  using libc = Libc.open();
  using first = openUdpSockets(libc, 0);
  assert.throws(() => openUdpSockets(libc, first.port), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.message, `UDP port ${first.port} is in use`);
    assert.match(error.hint ?? "", new RegExp(`ss -ulpn "sport = ${first.port}"`));
    return true;
  });
  const port = first.port;
  first.ipv4[Symbol.dispose]();
  if (first.ipv6) assert.throws(() => openUdpSockets(libc, port), ConfigError);
});

Deno.test("openUdpSockets: closes both sockets, and the port is free again", () => {
  using libc = Libc.open();
  const first = openUdpSockets(libc, 0);
  first[Symbol.dispose]();
  using again = openUdpSockets(libc, first.port);
  assert.equal(again.port, first.port);
});

Deno.test({
  name: "UdpSocketLinux.send: without a route the peer is unreachable, with a device too small the rest is fragmented",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    using sockets = openUdpSockets(libc, 0);
    const datagram = new Uint8Array(1452);
    assert.equal(sockets.ipv4.send(datagram, 0, 8, endpoint("192.0.2.9:9")), "unreachable");
    assert.equal(sockets.ipv6?.send(datagram, 0, 8, endpoint("[2001:db8::9]:9")) ?? "unreachable", "unreachable");
    run("ip", "link", "add", "lan0", "mtu", "1280", "type", "veth", "peer", "name", "far0");
    run("ip", "link", "set", "far0", "up");
    run("ip", "link", "set", "lan0", "up");
    run("ip", "addr", "add", "192.0.2.1/24", "dev", "lan0");
    run("ip", "addr", "add", "2001:db8::1/64", "dev", "lan0", "nodad");
    assert.equal(sockets.ipv4.send(datagram, 0, 1452, endpoint("192.0.2.9:9")), "sent");
    assert.equal(sockets.ipv6?.send(datagram, 0, 1452, endpoint("[2001:db8::9]:9")) ?? "sent", "sent");
    const run4 = (segmentBytes: number) =>
      sockets.ipv4.sendRun(new Uint8Array(8000), 0, 3 * segmentBytes, segmentBytes, endpoint("192.0.2.9:9"));
    assert.equal(run4(1252), "sent", "datagrams that fit the device");
    assert.equal(run4(1253), "not-as-run", "runs are not fragmented");
    assert.equal(sockets.ipv4.sendRun(datagram, 0, 600, 300, endpoint("198.51.100.1:9")), "unreachable");
  },
});

Deno.test({
  name: "openUdpSockets: a host whose IPv6 is switched off gets IPv4 alone or both, and never an error",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
    using libc = Libc.open();
    using sockets = openUdpSockets(libc, 0);
    assert.ok(sockets.port > 0);
  },
});

Deno.test("UdpSocketLinux: an answer leaves from the address that was asked, with and without being cut", () => {
  using libc = Libc.open();
  using left = openUdpSockets(libc, 0);
  using right = openUdpSockets(libc, 0);
  const buffer = new Uint8Array(4_096);
  const [from, back] = [new Endpoint(), new Endpoint()];
  assert.equal(left.ipv4.send(buffer, 0, 1, endpoint(`127.0.0.77:${right.port}`)), "sent");
  assert.equal(receive(libc, right.ipv4, buffer, 0, from), 1);
  assert.equal(from.local.subarray(0, 4).join("."), "127.0.0.77");
  assert.equal(right.ipv4.send(buffer, 0, 2, from), "sent");
  assert.equal(receive(libc, left.ipv4, buffer, 0, back), 2);
  assert.equal(String(back), `127.0.0.77:${right.port}`);
  assert.notEqual(right.ipv4.sendRun(buffer, 0, 250, 100, from), "refused");
  assert.ok(receive(libc, left.ipv4, buffer, 0, back) >= 100);
  assert.equal(String(back), `127.0.0.77:${right.port}`);
});

Deno.test("UdpSocketLinux: an own address that the host has no more is no reason not to answer", () => {
  using libc = Libc.open();
  using left = openUdpSockets(libc, 0);
  using right = openUdpSockets(libc, 0);
  const sockets = [[left.ipv4, right.ipv4, "127.0.0.1"], [left.ipv6, right.ipv6, "[::1]"]] as const;
  for (const [sender, receiver, host] of sockets) {
    if (!sender || !receiver) continue;
    const to = endpoint(`${host}:${right.port}`);
    to.local.set(sender.family === 4 ? [203, 0, 113, 9] : [0x20, 0x01, 0x0d, 0xb8, 9]);
    const buffer = new Uint8Array(64);
    assert.equal(sender.send(buffer, 0, 3, to), "sent", host);
    assert.equal(receive(libc, receiver, buffer, 0, new Endpoint()), 3);
  }
});
