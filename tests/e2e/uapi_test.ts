/**
 * `weft device` in the hands of `wg`, `wg-quick` and `ip`: it does what wireguard-go does, ends when it should, and a mesh
 * node shows itself to `wg` without letting itself be changed.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { weft } from "./commands.ts";
import { eventually } from "./lab/eventually.ts";
import type { Host } from "./lab/host.ts";
import { Lab } from "./lab/lab.ts";
import { Office } from "./lab/office.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { ping } from "./lab/traffic.ts";
import { MeshLab, READY_MS } from "./mesh_lab.ts";
import {
  configuration,
  deviceName,
  introduce,
  newKeys,
  pingsAll,
  PlainDevice,
  PORT,
  SETTLE_MS,
  socketOf,
  startEnd,
} from "./plain_device.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:wg"];
const GO_NEEDS: readonly Need[] = [...NEEDS, "command:wireguard-go"];
const END_MS = 10_000;

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Sends bytes to a socket and returns the first piece of the answer, `""` if the other side hung up. */
async function talk(path: string, request: string | Uint8Array): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  const bytes = typeof request === "string" ? new TextEncoder().encode(request) : request;
  const answer = new Uint8Array(65536);
  try {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    await connection.closeWrite();
    return new TextDecoder().decode(answer.subarray(0, await connection.read(answer) ?? 0));
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return "";
    throw error;
  }
}

const LIST_REGEXP = /((?:AllowedIPs = |allowed ips: )?)((?:[0-9a-f.:]+\/[0-9]+(?:, |,| )?){2,})/;

/**
 * Output of `wg` without what is nobody's promise: which peer and which prefix comes first, a port that was nobody's choice,
 * and how many handshakes were tried by now.
 */
function normal(text: string, device: PlainDevice): string {
  const lines = text.replaceAll(device.name, "IF")
    .replace(/^ *transfer: .*\n/gm, "")
    .replace(/^(.*\t\d+\t)\d+\t\d+(\t(?:off|\d+))$/gm, "$1RX\tTX$2")
    .replace(/^(\S+\t)\d+\t\d+$/gm, "$1RX\tTX")
    .replace(/\b[1-6]\d{4}\b(?!\/)/g, "PORT")
    .replace(new RegExp(LIST_REGEXP, "g"), (_, start: string, list: string) => {
      return start + list.split(/, |,| /).filter((prefix) => prefix !== "").sort().join(",");
    }).split("\n\n");
  return lines.map((block) => block.trim().split("\n").sort().join("\n")).sort().join("\n\n");
}

/** Every way in which `wg` shows an interface. */
const VIEWS = [
  ...["public-key", "private-key", "listen-port", "fwmark", "peers", "preshared-keys", "endpoints", "allowed-ips"],
  ...["latest-handshakes", "transfer", "persistent-keepalive", "dump"],
];

/** One thing said to `wg`: subcommand, arguments, standard input. */
type Step = readonly [subcommand: string, args: string, stdin?: string];

/** What a person may do to an interface, in one long day. */
function steps(host: { privateKey: string; publicKey: string }, [a, b, c]: readonly string[]): readonly Step[] {
  const psk = host.privateKey;
  const section = (key = "", ...rest: string[]) => ["[Peer]", `PublicKey = ${key}`, ...rest].join("\n");
  const whole = ["[Interface]", `PrivateKey = ${host.privateKey}`, "ListenPort = 4001", "FwMark = 0x20"].join("\n");
  return [
    ["set", "private-key /dev/stdin", host.privateKey],
    ["set", "listen-port 4000 fwmark 0x10"],
    ["set", "listen-port 4000"],
    ["set", `peer ${a} allowed-ips 10.1.0.7/24,fd01::/64 endpoint 192.0.2.77:9 persistent-keepalive 25`],
    ["set", `peer ${a} preshared-key /dev/stdin`, psk],
    ["set", `peer ${b} endpoint [2001:db8::9]:99 allowed-ips 10.1.0.0/24,0.0.0.0/0,::/0`],
    ["showconf", ""],
    ["set", `peer ${a} persistent-keepalive off peer ${b} persistent-keepalive 65535`],
    ["set", `peer ${a} preshared-key /dev/null`],
    ["set", `peer ${c} remove`],
    ["set", `peer ${c} allowed-ips 10.3.0.0/16`],
    ["set", `peer ${b} remove`],
    ["set", `peer ${host.publicKey} allowed-ips 10.9.0.0/16`],
    ["set", "fwmark off"],
    ["set", "fwmark 0xffffffff"],
    [
      "setconf",
      "/dev/stdin",
      [whole, section(a, "AllowedIPs = 10.5.0.0/16"), section(b, "Endpoint = 192.0.2.1:1")].join("\n"),
    ],
    ["addconf", "/dev/stdin", section(c, "AllowedIPs = 10.6.0.0/16, fd06::/64", `PresharedKey = ${psk}`)],
    ["syncconf", "/dev/stdin", [whole, section(c, "AllowedIPs = 10.6.0.0/16", "PersistentKeepalive = 7")].join("\n")],
    ["showconf", ""],
    ["set", "private-key /dev/null"],
    ["set", "listen-port 0"],
    ["setconf", "/dev/stdin", "[Interface]"],
    ["set", "peer nonsense"],
  ];
}

labTest(
  "weft device: wg gets the answers that it gets of wireguard-go, from everything it can say",
  GO_NEEDS,
  async () => {
    await using lab = await Lab.create();
    const hosts = [await lab.host("weft"), await lab.host("go")] as const;
    const devices = [
      await PlainDevice.start(hosts[0], "weft"),
      await PlainDevice.start(hosts[1], "wireguard-go"),
    ] as const;
    await Promise.all(devices.map(({ host, name }) => host.ip(`link set ${name} up`)));
    await eventually("a port", async () => Number((await devices[0].interfaceDump())[2]) > 0, SETTLE_MS);
    const keys = await newKeys(hosts[0]);
    const peers = await Promise.all([1, 2, 3].map(async () => (await newKeys(hosts[0])).publicKey));
    const both = async (command: (device: PlainDevice) => Promise<{ code: number; stdout: string; stderr: string }>) =>
      await Promise.all(devices.map(async (device) => {
        const { code, stdout, stderr } = await command(device);
        return { code, stdout: normal(stdout, device), stderr: stderr.replaceAll(device.name, "IF") };
      }));
    for (const [subcommand, args, stdin] of [["show", ""] as Step, ...steps(keys, peers)]) {
      const words = args === "" ? [] : args.split(" ");
      const [ours, theirs] = await both((device) => device.wg(subcommand, words, stdin === undefined ? {} : { stdin }));
      assert.deepEqual(ours, theirs, `wg ${subcommand} IF ${args}`);
      for (const view of ["", "dump"]) {
        const [seen, expected] = await both((device) => device.wg("show", view === "" ? [] : [view]));
        assert.deepEqual(seen, expected, `wg show IF ${view} after wg ${subcommand} IF ${args}`);
      }
    }
    await Promise.all(
      devices.map((device) => device.mustWg("set", ["peer", peers[0] ?? "", "allowed-ips", "10.1.0.0/24"])),
    );
    for (const view of VIEWS) {
      const [seen, expected] = await both((device) => device.wg("show", [view]));
      assert.deepEqual(seen, expected, `wg show IF ${view}`);
    }
    const all = await hosts[0].mustExec(["wg", "show", "interfaces"]);
    for (const { name } of devices) assert.match(all, new RegExp(`\\b${name}\\b`), "found in the directory");
  },
);

labTest("weft device: refuses with the numbers of wireguard-go, and changes nothing", GO_NEEDS, async () => {
  await using lab = await Lab.create();
  const [ours, theirs] = [
    await PlainDevice.start(await lab.host("weft"), "weft"),
    await PlainDevice.start(await lab.host("go"), "wireguard-go"),
  ];
  const key = "ab".repeat(32);
  const peer = `public_key=${key}\n`;
  const requests = [
    ...["nonsense", "listen_port=65536", "listen_port=-1", "listen_port=", "fwmark=0x10", "fwmark=4294967296"],
    ...[
      "private_key=zz",
      `private_key=${key}0`,
      "replace_peers=false",
      "endpoint=192.0.2.1:5",
      "what=ever",
      "=",
      "a=b=c",
    ],
    ...[
      "public_key=short",
      `${peer}listen_port=5`,
      `${peer}remove=false`,
      `${peer}update_only=1`,
      `${peer}preshared_key=1`,
    ],
    ...[`${peer}endpoint=host:5`, `${peer}endpoint=192.0.2.1`, `${peer}endpoint=[::1]`, `${peer}endpoint=::1:5`],
    ...[`${peer}persistent_keepalive_interval=65536`, `${peer}persistent_keepalive_interval=off`],
    ...[
      `${peer}allowed_ip=10.0.0.1`,
      `${peer}allowed_ip=10.0.0.0/33`,
      `${peer}allowed_ip=::/129`,
      `${peer}allowed_ip=x/8`,
    ],
    ...[`${peer}protocol_version=2`, `${peer}replace_allowed_ips=yes`, `${peer}public_key=`],
  ];
  for (const lines of requests) {
    const request = `set=1\n${lines}\n\n`;
    const [mine, yours] = await Promise.all([ours, theirs].map(({ name }) => talk(socketOf(name), request)));
    assert.match(mine ?? "", /^errno=-[1-9]\d*\n\n$/, lines);
    assert.equal(mine, yours, lines);
  }
  assert.equal((await ours.peers()).length, 0, "not even by halves");
  for (const nonsense of ["get=2\n\n", "\n", "hello\n", "set\n\n"]) {
    assert.equal(await talk(socketOf(ours.name), nonsense), "", JSON.stringify(nonsense));
  }
});

labTest("weft device: takes prefixes away one by one, with the newer minus", NEEDS, async () => {
  await using lab = await Lab.create();
  const device = await PlainDevice.start(await lab.host("a"), "weft");
  const { publicKey } = await newKeys(device.host);
  await device.set("peer", publicKey, "allowed-ips", "10.0.0.0/8,fd00::/8");
  const hex = Uint8Array.fromBase64(publicKey).toHex();
  const request = `set=1\npublic_key=${hex}\nupdate_only=true\nallowed_ip=-10.0.0.0/8\n\n`;
  assert.equal(await talk(socketOf(device.name), request), "errno=0\n\n");
  assert.equal((await device.peer()).allowedIps, "fd00::/8");
});

labTest("weft device: garbage on its socket harms nobody", NEEDS, async () => {
  await using lab = await Lab.create();
  const device = await PlainDevice.start(await lab.host("a"), "weft");
  const path = socketOf(device.name);
  const line = fc.oneof(
    fc.constantFrom(
      "set=1",
      "get=1",
      "",
      "listen_port=5",
      "public_key=",
      `public_key=${"ab".repeat(32)}`,
      "remove=true",
    ),
    fc.string({ unit: "binary" }),
    fc.integer({ min: 250, max: 260 }).map((length) => "x".repeat(length)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
      assert.match(await talk(path, lines.join("\n")), /^([a-z_]+=[^\n]*\n|\n)*$/);
    }),
    { numRuns: 60 },
  );
  await talk(path, `set=1\n${"x".repeat(1_000_000)}`);
  await talk(path, crypto.getRandomValues(new Uint8Array(50_000)));
  assert.match(await talk(path, "get=1\n\n"), /errno=0\n\n$/);
  assert.equal(device.process.exitCode, undefined);
});

labTest("weft device: settings change under traffic, and packets go on", NEEDS, async () => {
  await using lab = await Lab.create();
  const [a, b] = [await startEnd(await lab.host("a"), "weft", 1), await startEnd(await lab.host("b"), "weft", 2)];
  await introduce(a, b);
  await pingsAll(a.device.host, [b.ipv4, b.ipv6]);
  const bKey = ["peer", b.publicKey];
  const aKey = ["peer", a.publicKey];

  const psk = (await a.device.host.mustExec(["wg", "genpsk"])).trim();
  for (const [end, key] of [[a, bKey], [b, aKey]] as const) {
    await end.device.mustWg("set", [...key, "preshared-key", "/dev/stdin"], { stdin: psk });
  }
  assert.ok(await ping(a.device.host, b.ipv4), "the session goes on");

  await b.device.set("listen-port", "5000");
  assert.ok(await ping(b.device.host, a.ipv4), "b is heard from its new port");
  assert.equal((await a.device.peer()).endpoint, `${b.device.host.ipv4}:5000`);
  assert.ok(await ping(a.device.host, b.ipv4), "and found there");

  await a.device.set(...bKey, "endpoint", `[${b.device.host.ipv6}]:5000`);
  assert.ok(await ping(a.device.host, b.ipv4));
  assert.equal((await a.device.peer()).endpoint, `[${b.device.host.ipv6}]:5000`);

  await a.device.set(...bKey, "allowed-ips", `${b.ipv6}/128`);
  assert.equal(await ping(a.device.host, b.ipv4, 500), false, "no longer a prefix of b");
  assert.ok(await ping(a.device.host, b.ipv6));
  await a.device.set(...bKey, "allowed-ips", `${b.ipv4}/32,${b.ipv6}/128`);

  const before = (await a.device.peer()).latestHandshake;
  const keys = await newKeys(b.device.host);
  await a.device.set(...bKey, "remove", "peer", keys.publicKey, "allowed-ips", `${b.ipv4}/32,${b.ipv6}/128`);
  await a.device.mustWg("set", ["peer", keys.publicKey, "preshared-key", "/dev/stdin"], { stdin: psk });
  await b.device.set(...aKey, "endpoint", `${a.device.host.ipv4}:${PORT}`, "persistent-keepalive", "1");
  await b.device.mustWg("set", ["private-key", "/dev/stdin"], { stdin: keys.privateKey });
  await eventually("a handshake under the new name", async () => {
    return (await a.device.peer()).latestHandshake >= before && (await a.device.peer()).rxBytes > 0;
  }, SETTLE_MS);
  await pingsAll(a.device.host, [b.ipv4, b.ipv6]);
  assert.equal((await b.device.peer()).persistentKeepalive, "1");
  assert.equal((await b.device.interfaceDump())[1], keys.publicKey);
});

labTest("weft device: a port that is taken is an error of wg, and the old one stays", NEEDS, async () => {
  await using lab = await Lab.create();
  const host = await lab.host("a");
  const [one, two] = [await startEnd(host, "weft", 1), await PlainDevice.start(host, "weft")];
  await host.ip(`link set ${two.name} up`);
  const { code, stderr } = await two.wg("set", ["listen-port", String(PORT)]);
  assert.notEqual(code, 0);
  assert.match(stderr, /Unable to modify interface: Address already in use/);
  await one.device.set("listen-port", "4000");
  await two.set("listen-port", String(PORT));
  assert.deepEqual([(await one.device.interfaceDump())[2], (await two.interfaceDump())[2]], ["4000", String(PORT)]);
});

/** What wg-quick runs, as the help says: a file of its own for the program from source. */
async function wrapper(folder: string): Promise<string> {
  const { command } = sourceProgram().command("device");
  const help = await new Deno.Command(command[0] ?? "", { args: [...command.slice(1), "--help"] }).output();
  const lines = new TextDecoder().decode(help.stdout).split("\n").map((line) => line.trim());
  const script = lines.slice(lines.indexOf("#!/bin/sh")).join("\n");
  assert.match(script, /weft device "\$1"/);
  const path = `${folder}/weft-device`;
  const quoted = command.map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(path, script.replace("weft device", quoted).replaceAll("/var/log", folder), { mode: 0o700 });
  return path;
}

labTest(
  "weft device: wg-quick takes it up, routes everything through it, and takes it down",
  [...NEEDS, "command:wg-quick", "command:nft"],
  async () => {
    await using owned = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "weft-quick-" });
    owned.defer(() => Deno.remove(folder, { recursive: true }));
    await using lab = await Lab.create();
    const office = await Office.create(lab);
    const [server, client] = [await lab.host("server"), await office.host("client")];
    await office.reachableFrom(server);
    const env = { WG_QUICK_USERSPACE_IMPLEMENTATION: await wrapper(folder) };
    const [serverKeys, clientKeys] = [await newKeys(server), await newKeys(client)];
    const quick = async (host: Host, verb: string, name: string) =>
      await host.mustExec(["wg-quick", verb, `${folder}/${name}.conf`], { env });
    const write = async (privateKey: string, extra: string, peer: Parameters<typeof configuration>[2][number]) => {
      const name = deviceName();
      const text = configuration(privateKey, PORT, [peer]).replace("[Peer]", `${extra}\n[Peer]`);
      await Deno.writeTextFile(`${folder}/${name}.conf`, text, { mode: 0o600 });
      return name;
    };
    const clientSide = { publicKey: clientKeys.publicKey, allowedIps: ["10.0.0.2/32", "fd00::2/128"] };
    const serverName = await write(serverKeys.privateKey, "Address = 10.0.0.1/24, fd00::1/64", clientSide);
    const everything = ["0.0.0.0/0", "::/0"];
    const endpoint = `${server.ipv4}:${PORT}`;
    const serverSide = { publicKey: serverKeys.publicKey, endpoint, allowedIps: everything };
    const clientName = await write(clientKeys.privateKey, "Address = 10.0.0.2/24, fd00::2/64\nMTU = 1380", serverSide);
    const look = () =>
      client.mustExec(["sh", "-c", "ip -br addr; ip route; ip -6 route; ip rule; ip -6 rule; ss -Huln"]);
    const before = await look();

    await quick(server, "up", serverName);
    await quick(client, "up", clientName);
    // An address that only the tunnel leads to.
    await server.ip("addr add 203.0.113.9/32 dev lo");
    await pingsAll(client, ["10.0.0.1", "fd00::1", "203.0.113.9"]);
    assert.match(await client.mustExec(["wg", "show", clientName, "fwmark"]), /0xca6c/);
    assert.match(await client.mustExec(["ip", "link", "show", clientName]), /mtu 1380/);
    const sync = 'wg syncconf "$0" <(wg-quick strip "$1")';
    await server.mustExec(["bash", "-c", sync, serverName, `${folder}/${serverName}.conf`]);
    assert.ok(await ping(client, "203.0.113.9"));

    await quick(client, "down", clientName);
    await eventually(
      "the client's host to be as before",
      async () => assert.equal(await look(), before) ?? true,
      SETTLE_MS,
    );
    await quick(server, "down", serverName);
    for (const name of [clientName, serverName]) {
      await eventually(`the end of ${name}`, async () => {
        return !exists(socketOf(name)) && /stopped/.test(await Deno.readTextFile(`${folder}/weft-${name}.log`));
      }, SETTLE_MS);
    }
  },
);

labTest("weft device: ends cleanly at every sign to end, and leaves nothing", NEEDS, async (test) => {
  await using lab = await Lab.create();
  const host = await lab.host("a");
  const ways: readonly [string, (device: PlainDevice) => Promise<unknown> | void][] = [
    ["SIGTERM", ({ process }) => process.signal("SIGTERM")],
    ["SIGINT", ({ process }) => process.signal("SIGINT")],
    ["ip link delete, while up", ({ name }) => host.ip(`link set ${name} up\nlink delete ${name}`)],
    ["ip link delete, while down", ({ name }) => host.ip(`link delete ${name}`)],
    ["rm of its socket", ({ name }) => Deno.remove(socketOf(name))],
  ];
  for (const [way, end] of ways) {
    await test.step(way, async () => {
      const device = await PlainDevice.start(host, "weft");
      const { privateKey } = await newKeys(host);
      await device.configure(privateKey, []);
      await end(device);
      assert.equal(await device.process.ended(END_MS), 0, device.process.lines.join("\n"));
      assert.doesNotMatch(device.process.lines.join("\n"), /"level":"(error|warn)"/);
      assert.equal(exists(socketOf(device.name)), false);
      assert.doesNotMatch(await host.mustExec(["ip", "-br", "link"]), new RegExp(device.name));
      assert.equal(await host.mustExec(["ss", "-Huln"]), "");
    });
  }
});

labTest("weft device: its socket is root's alone, and one that a dead process left is no obstacle", NEEDS, async () => {
  await using lab = await Lab.create();
  const host = await lab.host("a");
  const first = await PlainDevice.start(host, "weft");
  const { mode } = await Deno.lstat(socketOf(first.name));
  assert.equal((mode ?? 0) & 0o777, 0o600);
  first.process.signal("SIGKILL");
  await first.process.ended(END_MS);
  assert.ok(exists(socketOf(first.name)), "left behind");
  const second = await PlainDevice.start(host, "weft", first.name);
  assert.equal((await second.wg("show")).code, 0);
});

labTest("weft device: what cannot be is said in one line, with a way out", NEEDS, async (test) => {
  await using lab = await Lab.create();
  const [host, other] = [await lab.host("a"), await lab.host("b")];
  const device = await PlainDevice.start(host, "weft");
  const refused = async (on: Host, name: string, code: number, message: RegExp) => {
    const result = await weft(on, ["device", name, "--log-format", "text"]);
    assert.equal(result.code, code, result.stderr);
    const [error = "", next = ""] = result.stderr.split("\n").filter((line) => /^(error|next):/.test(line));
    assert.match(error, message);
    assert.match(next, /^next: /);
  };
  await test.step("a name of sixteen bytes", () =>
    refused(host, "sixteen-letters0", 2, /16 characters, Linux allows 15/));
  await test.step("a name with a slash", () => refused(host, "a/b", 2, /is not valid/));
  await test.step("a second one", () => refused(host, device.name, 1, /Interface name ".*" is taken/));
  await test.step("a second one in another namespace", () =>
    refused(other, device.name, 1, /Another program listens on/));
  assert.doesNotMatch(await other.mustExec(["ip", "-br", "link"]), new RegExp(device.name), "undone");
  assert.equal((await device.wg("show")).code, 0, "the first one is as it was");
});

labTest("weft device: may be moved into another namespace, its sockets stay where it was born", NEEDS, async () => {
  await using lab = await Lab.create();
  const cellar = await lab.host("cellar", []);
  const [a, b] = [await startEnd(await lab.host("a"), "weft", 1), await startEnd(await lab.host("b"), "weft", 2)];
  await introduce(a, b);
  await pingsAll(a.device.host, [b.ipv4]);
  const { name } = a.device;
  await a.device.host.ip(`link set ${name} netns ${cellar.namespace}`);
  await cellar.ip(`addr add ${a.ipv4}/24 dev ${name}\nlink set ${name} up`);
  await pingsAll(cellar, [b.ipv4]);
  assert.equal((await b.device.peer()).endpoint, `${a.device.host.ipv4}:${PORT}`);
  await cellar.ip(`link set ${name} down`);
  await eventually("silence", async () => !/:51820/.test(await a.device.host.mustExec(["ss", "-Huln"])), SETTLE_MS);
  await cellar.ip(`link delete ${name}`);
  assert.equal(await a.device.process.ended(END_MS), 0);
});

labTest("weft run: wg shows a mesh node's interface, and cannot change it", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b] = [await lab.node("a"), await lab.node("b")];
  const [nameA, nameB] = [deviceName(), deviceName()];
  await a.start("--bootstrap", "--primary-endpoint", a.host.ipv4, "--interface", nameA);
  await b.start("--join", `${a.host.ipv4}:8443`, "--interface", nameB);
  const [idA, idB] = [(await a.mustStatus()).addresses, (await b.mustStatus()).addresses];
  const dump = await eventually("b in wg's view of a", async () => {
    const text = await a.host.mustExec(["wg", "show", nameA, "dump"]);
    return text.includes(idB.publicKey) && text;
  }, SETTLE_MS);
  const [own = "", peer = ""] = dump.split("\n").map((line) => line.split("\t"));
  assert.deepEqual([own[1], own[2], own[3]], [idA.publicKey, String(PORT), "off"]);
  assert.equal(peer[1], "(none)", "no preshared keys");
  const { code, stderr } = await a.host.exec(["wg", "set", nameA, "peer", idB.publicKey, "remove"]);
  assert.notEqual(code, 0);
  assert.match(stderr, /Operation not permitted/);
  assert.equal((await a.host.exec(["wg", "setconf", nameA, "/dev/null"])).code, 1);
  assert.match(
    await a.host.mustExec(["wg", "show", nameA, "peers"]),
    new RegExp(idB.publicKey.replace(/[+/]/g, "\\$&")),
  );
  assert.equal(await a.end("SIGTERM"), 0);
  assert.equal(exists(socketOf(nameA)), false);

  await b.host.ip(`link delete ${nameB}`);
  assert.equal(await b.end("SIGCONT", READY_MS), 1, "a node without its interface ends");
  assert.equal(exists(socketOf(nameB)), false);
});
