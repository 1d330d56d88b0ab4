/** The data plane between network namespaces: against itself and against another implementation of WireGuard. */
import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { DeviceStatus } from "../../../core/dataplane/data_plane.ts";
import type { TunnelPeer } from "../../../core/dataplane/messages.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { DeviceMainConfig } from "../../bench/device_main.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import type { Host } from "../../e2e/lab/host.ts";
import { Lab } from "../../e2e/lab/lab.ts";
import type { LabProcess } from "../../e2e/lab/process.ts";
import { LAB_NEEDS, labTest, type Need } from "../../e2e/lab/requirements.ts";
import { ping } from "../../e2e/lab/traffic.ts";
import { CRASH_FILE_VARIABLE, CRASHING_WORKER } from "./crash_on_demand.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun"];
const DEADLINE_MS = 15_000;
const PORT = 51820;
const PROGRAM = new URL("../../bench/device_main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

/** One end of a tunnel: a host, a key and inner addresses. */
class Party {
  readonly host: Host;
  readonly key = PrivateKey.generate(systemRandom);
  readonly publicKey = String(this.key.publicKey(nobleSuite.x25519));
  /** Inner addresses, without prefix length. */
  readonly ipv4: string;
  readonly ipv6: string;

  constructor(host: Host, number: number) {
    this.host = host;
    this.ipv4 = `10.0.0.${number}`;
    this.ipv6 = `fd00::${number}`;
  }

  get allowedIps(): string[] {
    return [`${this.ipv4}/32`, `${this.ipv6}/128`];
  }

  /** This end as the other one is told of it. */
  asPeer(part: Partial<TunnelPeer> = {}): TunnelPeer {
    return {
      publicKey: this.publicKey,
      endpoints: [`${this.host.ipv4}:${PORT}`],
      allowedIps: this.allowedIps,
      persistentKeepaliveMs: 0,
      ...part,
    };
  }

  /** What the program is told. */
  config(peer: TunnelPeer, part: Partial<DeviceMainConfig> = {}): DeviceMainConfig {
    return {
      interfaceName: "weft0",
      mtu: 1420,
      listenPort: PORT,
      privateKey: this.key.reveal().toBase64(),
      addresses: [`${this.ipv4}/24`, `${this.ipv6}/64`],
      routes: [],
      peers: [peer],
      ...part,
    };
  }

  /** Starts the program and waits until it is ready. */
  async start(config: DeviceMainConfig, env: Record<string, string> = {}): Promise<LabProcess> {
    const process = this.host.spawn(
      [Deno.execPath(), "run", "-A", "--config", CONFIG, PROGRAM, JSON.stringify(config)],
      { env },
    );
    await process.waitForLine((line) => line.startsWith("ready "), DEADLINE_MS);
    return process;
  }
}

/** Two hosts on one network. */
async function parties(lab: Lab): Promise<[Party, Party]> {
  return [new Party(await lab.host("left"), 1), new Party(await lab.host("right"), 2)];
}

async function statusOf(process: LabProcess): Promise<DeviceStatus> {
  const seenCount = process.lines.length;
  process.signal("SIGUSR2");
  const isNew = (line: string) => line.startsWith("status ") && process.lines.lastIndexOf(line) >= seenCount;
  const line = await process.waitForLine(isNew, DEADLINE_MS);
  return JSON.parse(line.slice("status ".length)) as DeviceStatus;
}

async function assertPing(from: Party, to: Party): Promise<void> {
  for (const address of [to.ipv4, to.ipv6]) {
    await eventually(`an answer of ${address}`, () => ping(from.host, address), DEADLINE_MS);
  }
}

labTest("data plane: two devices answer each other's IPv4 and IPv6 echo requests", NEEDS, async () => {
  await using lab = await Lab.create();
  const [left, right] = await parties(lab);
  const leftProcess = await left.start(left.config(right.asPeer()));
  await right.start(right.config(left.asPeer({ endpoints: [] })));
  await assertPing(left, right);
  await assertPing(right, left);
  const status = await statusOf(leftProcess);
  assert.equal(status.peers[0]?.endpoint, `${right.host.ipv4}:${PORT}`);
  assert.equal(status.cryptoSuite === "libcrypto" || status.cryptoSuite === "noble", true);
});

labTest("data plane: an IPv6 underlay carries both families", NEEDS, async () => {
  await using lab = await Lab.create();
  const [left, right] = await parties(lab);
  await left.start(left.config(right.asPeer({ endpoints: [`[${right.host.ipv6}]:${PORT}`] })));
  const rightProcess = await right.start(right.config(left.asPeer({ endpoints: [] })));
  await assertPing(left, right);
  assert.equal((await statusOf(rightProcess)).peers[0]?.endpoint, `[${left.host.ipv6}]:${PORT}`);
});

for (const underlay of ["IPv4", "IPv6"] as const) {
  labTest(`data plane: an ${underlay} underlay of MTU 1280 says what fits, and carries it`, NEEDS, async () => {
    await using lab = await Lab.create();
    const [left, right] = await parties(lab);
    for (const { host } of [left, right]) await host.ip("link set eth0 mtu 1280");
    const address = underlay === "IPv4" ? right.host.ipv4 : `[${right.host.ipv6}]`;
    await left.start(left.config(right.asPeer({ endpoints: [`${address}:${PORT}`] })));
    await right.start(right.config(left.asPeer({ endpoints: [] })));
    await assertPing(left, right);
    const sized = (fragments: "do" | "dont", bytes: number) =>
      left.host.exec(["ping", "-n", "-c", "1", "-W", "3", "-M", fragments, "-s", String(bytes - 20 - 8), right.ipv4]);
    const refused = await sized("do", 1420);
    assert.notEqual(refused.code, 0);
    const mtu = Number(/mtu ?= ?(\d+)/.exec(refused.stdout + refused.stderr)?.[1]);
    assert(mtu >= 1180 && mtu < 1280, refused.stdout + refused.stderr);
    assert.equal((await sized("do", mtu)).code, 0, `${mtu} bytes`);
    assert.equal((await sized("dont", 1420)).code, 0, "in fragments");
  });
}

labTest("data plane: a host with several addresses answers from the one that it is asked at", NEEDS, async () => {
  await using lab = await Lab.create();
  const [left, right] = await parties(lab);
  await right.host.ip(`addr add 192.0.2.200/24 dev eth0
addr add 2001:db8:0:1::200/64 dev eth0 nodad`);
  await right.start(right.config(left.asPeer({ endpoints: [] })));
  for (const endpoint of [`192.0.2.200:${PORT}`, `[2001:db8:0:1::200]:${PORT}`]) {
    await using process = await left.start(left.config(right.asPeer({ endpoints: [endpoint] })));
    await assertPing(left, right);
    await left.host.mustExec(["ping", "-n", "-q", "-c", "3", "-i", "0.01", "-s", "5000", right.ipv4]);
    assert.equal((await statusOf(process)).peers[0]?.endpoint, endpoint, "it has not moved");
  }
});

labTest("data plane: SIGKILL leaves no interface, address, route or port behind", NEEDS, async () => {
  await using lab = await Lab.create();
  const [left, right] = await parties(lab);
  const look = () =>
    left.host.mustExec(["sh", "-c", "ip -br addr; ip route; ip -6 route; ip rule; ip -6 rule; ss -Huln"]);
  const before = await look();
  const process = await left.start(left.config(right.asPeer(), { routes: ["10.7.0.0/16", "fd07::/48"] }));
  assert.match(await look(), /10\.7\.0\.0\/16/);
  process.signal("SIGKILL");
  await process.ended(DEADLINE_MS);
  assert.equal(await look(), before);
});

labTest("data plane: SIGTERM ends it within a second, and leaves nothing behind", NEEDS, async () => {
  await using lab = await Lab.create();
  const [left, right] = await parties(lab);
  const process = await left.start(left.config(right.asPeer()));
  const startMs = performance.now();
  process.signal("SIGTERM");
  assert.equal(await process.ended(DEADLINE_MS), 0, process.lines.join("\n"));
  assert.ok(performance.now() - startMs < 1_000);
  assert.doesNotMatch(await left.host.mustExec(["ip", "-br", "link"]), /weft0/);
});

labTest("data plane: a crashed worker is replaced under the same interface, and traffic resumes", NEEDS, async () => {
  const folder = await Deno.makeTempDir();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  await using lab = await Lab.create();
  const [left, right] = await parties(lab);
  const process = await left.start(
    left.config(right.asPeer(), { workerUrl: CRASHING_WORKER.href, routes: ["10.7.0.0/16"] }),
    { [CRASH_FILE_VARIABLE]: `${folder}/crash` },
  );
  await right.start(right.config(left.asPeer({ endpoints: [] })));
  await assertPing(left, right);
  const look = () => left.host.mustExec(["sh", "-c", "ip -o link; ip -br addr; ip route; ip -6 route; ss -Huln"]);
  const before = await look();

  await Deno.writeTextFile(`${folder}/crash`, "");
  // Any packet makes it turn, and die.
  await ping(left.host, right.ipv4, 100);
  await process.waitForLine((line) => line.includes("data plane died"), DEADLINE_MS);
  await assertPing(left, right);
  assert.equal(await look(), before);
  assert.equal((await statusOf(process)).restartCount, 1);
});

labTest("data plane: without CAP_NET_ADMIN it says what is missing", [...NEEDS, "command:setpriv"], async () => {
  await using lab = await Lab.create();
  const [left, right] = await parties(lab);
  const { code, stderr } = await left.host.exec([
    ...["setpriv", "--bounding-set=-net_admin"],
    ...[Deno.execPath(), "run", "-A", "--config", CONFIG, PROGRAM, JSON.stringify(left.config(right.asPeer()))],
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot create network interface "weft0": ioctl TUNSETIFF: EPERM/);
  assert.match(stderr, /CAP_NET_ADMIN/);
});

/** Starts wireguard-go as `party`, with `peer`. */
async function startWireguardGo(
  party: Party,
  peer: Party,
  knowsEndpoint: boolean,
  presharedKey: string,
): Promise<void> {
  const { host } = party;
  // Its control socket is in the file system, which namespaces share.
  const name = `wg${Deno.pid % 100_000}-${party.ipv4.at(-1)}`;
  host.spawn(["wireguard-go", "--foreground", name]);
  await eventually("wireguard-go", async () => (await host.exec(["wg", "show", name])).code === 0, DEADLINE_MS);
  const settings = `[Interface]
PrivateKey = ${party.key.reveal().toBase64()}
ListenPort = ${PORT}
[Peer]
PublicKey = ${peer.publicKey}
PresharedKey = ${presharedKey}
AllowedIPs = ${peer.allowedIps.join(", ")}
${knowsEndpoint ? `Endpoint = ${peer.host.ipv4}:${PORT}` : ""}
`;
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, settings);
  await host.mustExec(["wg", "setconf", name, file]);
  await Deno.remove(file);
  await host.ip(`addr add ${party.ipv4}/24 dev ${name}
addr add ${party.ipv6}/64 dev ${name} nodad
link set ${name} mtu 1420 up`);
}

for (const initiator of ["this program", "wireguard-go"] as const) {
  const needs: Need[] = [...NEEDS, "command:wg", "command:wireguard-go"];
  labTest(`data plane: works with wireguard-go when ${initiator} initiates`, needs, async () => {
    await using lab = await Lab.create();
    const [left, right] = await parties(lab);
    const presharedKey = PrivateKey.generate(systemRandom).reveal().toBase64();
    const isOurs = initiator === "this program";
    await startWireguardGo(right, left, !isOurs, presharedKey);
    const endpoints = isOurs ? [`${right.host.ipv4}:${PORT}`] : [];
    const process = await left.start(left.config(right.asPeer({ presharedKey, endpoints })));
    await (isOurs ? assertPing(left, right) : assertPing(right, left));
    await (isOurs ? assertPing(right, left) : assertPing(left, right));
    for (const size of ["0", "1", "1392"]) {
      await left.host.mustExec(["ping", "-n", "-q", "-c", "1", "-W", "3", "-s", size, right.ipv4]);
    }
    const [peer] = (await statusOf(process)).peers;
    assert.equal(peer?.sessionState, "established");
    assert.ok((peer?.rxBytes ?? 0) > 1392);
  });
}
