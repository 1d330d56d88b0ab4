import { strict as assert } from "node:assert";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { UdpPorts } from "../../../core/io/udp_ports.ts";
import { openUdpSockets, UdpSocketLinux } from "../../../core/io/udp_socket_linux.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";

const WAIT_MS = 1_000;

function endpoint(text: string): Endpoint {
  const value = Endpoint.parse(text);
  assert.ok(value);
  return value;
}

interface Fixture extends Disposable {
  readonly libc: Libc;
  readonly ports: UdpPorts;
  /** The packet loop's end. */
  readonly socket: UdpSocketLinux;
  /** Sends one byte to the port and says whether it arrives. */
  isHeard(port: number, waitMs?: number): boolean;
}

function fixture(): Fixture {
  using stack = new DisposableStack();
  const libc = stack.use(Libc.open());
  const ports = stack.use(UdpPorts.open(libc));
  const sender = stack.use(openUdpSockets(libc, 0));
  const socket = UdpSocketLinux.lent(libc, ports.udp4, 4, 0);
  const owned = stack.move();
  return {
    libc,
    ports,
    socket,
    isHeard(port, waitMs = WAIT_MS) {
      sender.ipv4.send(Uint8Array.of(9), 0, 1, endpoint(`127.0.0.1:${port}`));
      new Poller(libc, [ports.udp4]).wait(waitMs);
      return socket.receive(new Uint8Array(64), 0, new Endpoint()) === 1;
    },
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
}

Deno.test("UdpPorts: changes ports under descriptors that stay", () => {
  using made = fixture();
  const { ports } = made;
  const descriptors = [ports.udp4, ports.udp6];
  assert.equal(ports.port, 0, "begins shut");
  ports.bind(0, 0);
  const first = ports.port;
  assert.equal(made.isHeard(first), true);
  ports.bind(0, 0);
  assert.notEqual(ports.port, first);
  assert.equal(made.isHeard(ports.port), true);
  assert.equal(made.isHeard(first, 0), false);
  ports.shut();
  assert.equal(ports.port, 0);
  assert.equal(made.isHeard(first, 0), false);
  ports.bind(first, 0);
  assert.equal(ports.port, first, "what was given back is free");
  assert.equal(made.isHeard(first), true);
  assert.deepEqual([ports.udp4, ports.udp6], descriptors);
});

Deno.test("UdpPorts.bind: a port that is taken changes nothing", () => {
  using made = fixture();
  using taken = openUdpSockets(made.libc, 0);
  made.ports.bind(0, 0);
  const { port } = made.ports;
  assert.throws(() => made.ports.bind(taken.port, 0), ConfigError);
  assert.equal(made.ports.port, port);
  assert.equal(made.isHeard(port), true);
});

const needsRoot = { ignore: Deno.uid() !== 0 };
if (needsRoot.ignore) console.log("Skipped: marking packets needs root");

Deno.test("UdpPorts.mark: the kernel knows the mark, and that of the next port", needsRoot, () => {
  using made = fixture();
  const { ports } = made;
  const getsockopt = Deno.dlopen("libc.so.6", {
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  });
  const mark = () => {
    const value = new Uint32Array(1);
    assert.equal(getsockopt.symbols.getsockopt(ports.udp4, 1, 36, value, new Uint32Array([4])), 0);
    return value[0];
  };
  ports.bind(0, 0xffff_fffe);
  assert.equal(mark(), 0xffff_fffe);
  ports.mark(0);
  assert.equal(mark(), 0);
  ports.mark(51820);
  assert.equal(mark(), 51820);
  getsockopt.close();
});
