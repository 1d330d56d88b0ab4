import { strict as assert } from "node:assert";
import { HostNetwork } from "../../../core/io/host_network_linux.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { checkInterfaceName, INTERFACE_NAME_MAX_BYTES, TunLinux } from "../../../core/io/tun_linux.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { PrivateNetwork, run, whyNoPrivateNetwork } from "./private_network.ts";

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

Deno.test({
  name: "TunLinux: packets of the kernel are read, packets written reach the kernel",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    using tun = TunLinux.create(libc, "weft0");
    using network = HostNetwork.open(libc);
    const index = network.link("weft0")?.index ?? 0;
    network.bringUp(index, 1400);
    const prefix = Prefix.parse("10.99.0.1/24");
    assert.ok(prefix);
    network.addAddress(index, prefix);
    const buffer = new Uint8Array(2048);
    assert.equal(tun.read(buffer, 16), 0, "nothing waits");

    new Deno.Command("ping", { args: ["-c1", "-W0.1", "-s32", "10.99.0.2"], stdout: "null" }).outputSync();
    new Poller(libc, [tun.fd]).wait(1000);
    const length = tun.read(buffer, 16);
    assert.equal(length, 20 + 8 + 32);
    assert.equal(buffer[16], 0x45);

    // Turned round, the request comes from 10.99.0.2 and the kernel answers it.
    const packet = buffer.subarray(16, 16 + length);
    const [source, target] = [packet.slice(12, 16), packet.slice(16, 20)];
    packet.set(target, 12);
    packet.set(source, 16);
    assert.equal(tun.write(buffer, 16, length), true);
    new Poller(libc, [tun.fd]).wait(1000);
    assert.equal(tun.read(buffer, 0), length);
    assert.equal(buffer[20], 0, "echo reply");
    assert.deepEqual(buffer.slice(16, 20), target);
  },
});

Deno.test({
  name: "TunLinux: what is no IP packet, and anything while the interface is down, is refused without an exception",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    using tun = TunLinux.create(libc, "weft0");
    const packet = new Uint8Array(40).fill(0x45);
    assert.equal(tun.write(packet, 0, 40), false, "down");
    assert.equal(tun.read(packet, 0), 0, "down");
    using network = HostNetwork.open(libc);
    network.bringUp(network.link("weft0")?.index ?? 0, 1400);
    assert.equal(tun.write(packet.fill(0), 0, 40), false, "IP version 0");
    assert.equal(tun.write(packet, 0, 0), false, "empty");
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
    assert.throws(() => tun.read(new Uint8Array(64), 0), { message: "read weft0: EBADFD" });
  },
});

Deno.test({
  name: "TunLinux: the interface goes with its last descriptor",
  ignore,
  fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    {
      using tun = TunLinux.create(libc, "weft0");
      TunLinux.lent(libc, tun.fd, tun.name)[Symbol.dispose]();
      assert.match(run("ip", "-br", "link"), /weft0/);
    }
    assert.doesNotMatch(run("ip", "-br", "link"), /weft0/);
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
