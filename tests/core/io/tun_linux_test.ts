import { strict as assert } from "node:assert";
import { InvariantError } from "../../../core/assert.ts";
import { HostNetwork } from "../../../core/io/host_network_linux.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { checkInterfaceName, INTERFACE_NAME_MAX_BYTES, PIECES_MAX, TunLinux } from "../../../core/io/tun_linux.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { VIRTIO_HEADER_BYTES } from "../../../core/seams/tun.ts";
import { PrivateNetwork, released, run, whyNoPrivateNetwork } from "./private_network.ts";

const ignore = whyNoPrivateNetwork() !== undefined;

Deno.test("checkInterfaceName: 15 characters are a name, 16 are not", () => {
  checkInterfaceName("w".repeat(INTERFACE_NAME_MAX_BYTES));
  assert.throws(() => checkInterfaceName("w".repeat(INTERFACE_NAME_MAX_BYTES + 1)), {
    name: "ConfigError",
    message: /has 16 characters, Linux allows 15$/,
  });
});

Deno.test("checkInterfaceName: refuses what the kernel or a shell would take for something else", () => {
  for (const name of ["", ".", "..", "a/b", "a b", "a:b", "-a", "weft%d", "wéft", "a\0"]) {
    assert.throws(() => checkInterfaceName(name), ConfigError, JSON.stringify(name));
  }
  for (const name of ["weft0", "a.b", "a-b_c", "0"]) checkInterfaceName(name);
});

/** Where packets start in the tests' buffers: behind the virtio header. */
const AT = VIRTIO_HEADER_BYTES + 6;

for (const hasOffloads of [false, true]) {
  const name = hasOffloads ? "TunLinux with offloads" : "TunLinux without offloads";

  Deno.test({
    name: `${name}: packets of the kernel are read, packets written reach the kernel`,
    ignore,
    fn() {
      using _private = new PrivateNetwork();
      using libc = Libc.open();
      using tun = TunLinux.create(libc, "weft0", { hasOffloads });
      using network = HostNetwork.open(libc);
      const index = network.link("weft0")?.index ?? 0;
      network.bringUp(index, 1400);
      const prefix = Prefix.parse("10.99.0.1/24");
      assert.ok(prefix);
      network.addAddress(index, prefix);
      const buffer = new Uint8Array(2048).fill(0xa5);
      assert.equal(tun.read(buffer, AT), 0, "nothing waits");

      new Deno.Command("ping", { args: ["-c1", "-W0.1", "-s32", "10.99.0.2"], stdout: "null" }).outputSync();
      new Poller(libc, [tun.fd]).wait(1000);
      const length = tun.read(buffer, AT);
      assert.equal(length, 20 + 8 + 32);
      assert.equal(buffer[AT], 0x45);
      assert.deepEqual([...buffer.subarray(AT - VIRTIO_HEADER_BYTES, AT)], new Array(VIRTIO_HEADER_BYTES).fill(0));
      assert.equal(buffer[AT - VIRTIO_HEADER_BYTES - 1], 0xa5, "nothing in front of the header is touched");

      // Turned round, the request comes from 10.99.0.2 and the kernel answers it.
      const packet = buffer.subarray(AT, AT + length);
      const [source, target] = [packet.slice(12, 16), packet.slice(16, 20)];
      packet.set(target, 12);
      packet.set(source, 16);
      const pieces = Uint32Array.of(AT - VIRTIO_HEADER_BYTES, VIRTIO_HEADER_BYTES + 21, AT + 21, length - 21);
      const writes = [() => tun.write(buffer, AT, length), () => tun.writeGathered(buffer, pieces, 2)];
      const answer = new Uint8Array(2048);
      for (const write of writes) {
        assert.equal(write(), true);
        new Poller(libc, [tun.fd]).wait(1000);
        assert.equal(tun.read(answer, AT), length);
        assert.equal(answer[AT + 20], 0, "echo reply");
        assert.deepEqual(answer.slice(AT + 16, AT + 20), target);
      }
    },
  });

  Deno.test({
    name: `${name}: what is no IP packet, and anything while the interface is down, is refused without an exception`,
    ignore,
    fn() {
      using _private = new PrivateNetwork();
      using libc = Libc.open();
      using tun = TunLinux.create(libc, "weft0", { hasOffloads });
      const buffer = new Uint8Array(64);
      buffer.fill(0x45, AT);
      assert.equal(tun.write(buffer, AT, 40), false, "down");
      assert.equal(tun.read(buffer, AT), 0, "down");
      using network = HostNetwork.open(libc);
      network.bringUp(network.link("weft0")?.index ?? 0, 1400);
      assert.equal(tun.write(buffer.fill(0), AT, 40), false, "IP version 0");
      assert.equal(tun.write(buffer, AT, 0), false, "empty");
      if (!hasOffloads) return;
      buffer.fill(0xff);
      assert.equal(tun.write(buffer, AT, 40), false, "a header of nonsense");
      assert.equal(tun.writeGathered(buffer, Uint32Array.of(0, VIRTIO_HEADER_BYTES - 1), 1), false, "half a header");
    },
  });
}

Deno.test({
  name: "TunLinux.create: a device has the offloads it was asked for, for whoever it is lent to",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    using plain = TunLinux.create(libc, "weft0");
    assert.deepEqual(plain.offloads, { tcp: false, udp: false });
    assert.deepEqual(TunLinux.lent(libc, plain.fd, "weft0").offloads, plain.offloads);
    using fast = TunLinux.create(libc, "weft1", { hasOffloads: true });
    assert.equal(fast.offloads.tcp, true, "every kernel of this century has TCP segmentation");
    assert.deepEqual(TunLinux.lent(libc, fast.fd, "weft1").offloads, fast.offloads);
  },
});

Deno.test({
  name: "TunLinux.writeGathered: as many pieces as there may be, and not one more",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    using tun = TunLinux.create(libc, "weft0", { hasOffloads: true });
    const pieces = new Uint32Array(2 * (PIECES_MAX + 1)).fill(1);
    assert.equal(tun.writeGathered(new Uint8Array(64), pieces, PIECES_MAX), false, "down");
    assert.throws(() => tun.writeGathered(new Uint8Array(64), pieces, PIECES_MAX + 1), InvariantError);
  },
});

Deno.test({
  name: "TunLinux: a deleted interface is an error",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    using tun = TunLinux.create(libc, "weft0");
    run("ip", "link", "delete", "weft0");
    assert.throws(() => tun.read(new Uint8Array(64), AT), { message: "read weft0: EBADFD" });
  },
});

Deno.test({
  name: "TunLinux: the interface goes with its last descriptor",
  ignore,
  async fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    {
      using tun = TunLinux.create(libc, "weft0");
      TunLinux.lent(libc, tun.fd, tun.name)[Symbol.dispose]();
      assert.match(run("ip", "-br", "link"), /weft0/);
    }
    await released("the interface", () => !/weft0/.test(run("ip", "-br", "link")));
  },
});

Deno.test({
  name: "TunLinux.create: a taken name is refused, also that of an idle persistent device",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    using tun = TunLinux.create(libc, "weft0");
    run("ip", "tuntap", "add", "idle0", "mode", "tun");
    for (const name of [tun.name, "lo", "idle0"]) {
      assert.throws(() => TunLinux.create(libc, name), {
        name: "ConfigError",
        message: `Interface name "${name}" is taken`,
      });
    }
  },
});

Deno.test({
  name: "TunLinux.create: without the privilege it says which one",
  ignore: ignore && Deno.uid() === 0,
  fn() {
    const script = `
      import { Libc } from "${new URL("../../../core/io/libc_ffi.ts", import.meta.url)}";
      import { TunLinux } from "${new URL("../../../core/io/tun_linux.ts", import.meta.url)}";
      using libc = Libc.open();
      try { TunLinux.create(libc, "weftdenied0"); } catch (error) {
        console.log(JSON.stringify([error.name, error.reason, error.message, error.hint]));
      }`;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const deno = [
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      "--config",
      config,
      `data:text/javascript,${encodeURIComponent(script)}`,
    ];
    const [command = "", ...args] = Deno.uid() === 0 ? ["setpriv", "--bounding-set=-net_admin", ...deno] : deno;
    assert.deepEqual(JSON.parse(run(command, ...args)), [
      "MeshError",
      "permission-denied",
      'Cannot create network interface "weftdenied0": ioctl TUNSETIFF: EPERM',
      "Run as root, or give the program the CAP_NET_ADMIN capability.",
    ]);
  },
});
