/**
 * Weft and wireguard-go at the two ends of one tunnel, as people have them: both families outside and inside, preshared
 * keys, machines that move, routers that translate addresses, keys that are renewed while packets flow.
 */
import assert from "node:assert/strict";
import type { DeviceStatus } from "../../core/dataplane/data_plane.ts";
import type { DeviceMainConfig } from "../bench/device_main.ts";
import { eventually } from "./lab/eventually.ts";
import { Lab } from "./lab/lab.ts";
import { NAT_NEEDS, Office } from "./lab/office.ts";
import type { LabProcess } from "./lab/process.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { iperf, ping } from "./lab/traffic.ts";
import {
  type End,
  type Implementation,
  introduce,
  newKeys,
  pingsAll,
  PORT,
  SETTLE_MS,
  startEnd,
} from "./plain_device.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun", "command:wg", "command:wireguard-go"];
const BOTH: readonly [Implementation, Implementation] = ["weft", "wireguard-go"];
const BOTH_WAYS = [BOTH, BOTH.toReversed()] as readonly (readonly [Implementation, Implementation])[];

/** Sends echo requests from one end to the other until it is told to stop. */
function pingOn(from: End, to: End, intervalMs: number): { stop(): Promise<{ sent: number; lost: number }> } {
  const process = from.device.host.spawn(["ping", "-n", "-O", "-i", String(intervalMs / 1_000), to.ipv4]);
  return {
    async stop() {
      process.signal("SIGINT");
      await process.ended(SETTLE_MS);
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(process.lines.join("\n")) ?? [];
      return { sent: Number(sent), lost: Number(sent) - Number(received) };
    },
  };
}

labTest("wireguard-go: both families outside and inside, a preshared key, either side first", [
  ...NEEDS,
  "command:iperf3",
], async (test) => {
  await using lab = await Lab.create();
  const ends = {
    "weft": await startEnd(await lab.host("weft"), "weft", 1),
    "wireguard-go": await startEnd(await lab.host("go"), "wireguard-go", 2),
  };
  const presharedKey = (await ends.weft.device.host.mustExec(["wg", "genpsk"])).trim();
  for (const [first, second] of BOTH_WAYS) {
    for (const underlay of ["IPv4", "IPv6"] as const) {
      await test.step(`${first} first, over ${underlay}`, async () => {
        const [from, to] = [ends[first], ends[second]];
        await introduce(from, to, { underlay, presharedKey });
        await pingsAll(from.device.host, [to.ipv4, to.ipv6]);
        await pingsAll(to.device.host, [from.ipv4, from.ipv6]);
        for (const size of ["0", "1", "1392"]) {
          await from.device.host.mustExec(["ping", "-n", "-q", "-c", "1", "-W", "5", "-M", "do", "-s", size, to.ipv4]);
        }
        const { host } = from.device;
        const outside = underlay === "IPv4" ? `${host.ipv4}:${PORT}` : `[${host.ipv6}]:${PORT}`;
        assert.equal((await to.device.peer()).endpoint, outside, "learned");
        assert.equal((await to.device.peer()).presharedKey, presharedKey);
      });
    }
  }
  await test.step("a preshared key that only one side has is no key", async () => {
    await introduce(ends.weft, ends["wireguard-go"], { presharedKey });
    await ends.weft.device.mustWg("set", ["peer", ends["wireguard-go"].publicKey, "preshared-key", "/dev/null"]);
    assert.equal(await ping(ends.weft.device.host, ends["wireguard-go"].ipv4), false);
    assert.equal((await ends.weft.device.peer()).latestHandshake, 0);
  });
  await test.step("streams both ways, over both inner families", async () => {
    await introduce(ends.weft, ends["wireguard-go"]);
    for (const [first, second] of BOTH_WAYS) {
      for (const address of [ends[second].ipv4, ends[second].ipv6]) {
        await pingsAll(ends[first].device.host, [address]);
        const { bitsPerSecond } = await iperf(ends[first].device.host, ends[second].device.host, address, 1);
        assert.ok(bitsPerSecond > 1e6, `${first} to ${address}: ${bitsPerSecond} bit/s`);
      }
    }
  });
});

/** Waits until an end has neither sent nor heard anything for so long. */
async function silence(end: End, quietMs: number): Promise<void> {
  let [last, sinceMs] = ["", performance.now()];
  await eventually(`${quietMs} ms of silence`, async () => {
    const now = await end.device.mustWg("show", ["transfer"]);
    if (now !== last) [last, sinceMs] = [now, performance.now()];
    return performance.now() - sinceMs >= quietMs;
  }, SETTLE_MS);
}

for (const [mover, stayer] of BOTH_WAYS) {
  labTest(`wireguard-go: ${mover} moves to another address and port under traffic`, NEEDS, async () => {
    await using lab = await Lab.create();
    const moving = await startEnd(await lab.host("moving"), mover, 1);
    const staying = await startEnd(await lab.host("staying"), stayer, 2);
    await introduce(moving, staying);
    await pingsAll(moving.device.host, [staying.ipv4]);
    const traffic = pingOn(moving, staying, 100);
    const before = (await staying.device.peer()).latestHandshake;
    const newAddress = "192.0.2.200";
    await moving.device.host.ip(`addr del ${moving.device.host.ipv4}/24 dev eth0
addr add ${newAddress}/24 dev eth0`);
    await moving.device.set("listen-port", "5000");
    await eventually("the new endpoint to be learned", async () => {
      return (await staying.device.peer()).endpoint === `${newAddress}:5000`;
    }, SETTLE_MS);
    assert.ok(await ping(staying.device.host, moving.ipv4), "and used");
    const { sent, lost } = await traffic.stop();
    assert.ok(lost <= 10, `${lost} of ${sent} lost`);
    assert.equal((await staying.device.peer()).latestHandshake, before, "the session moved with it");
  });
}

for (const [inside, outside] of BOTH_WAYS) {
  labTest(`wireguard-go: ${inside} behind a translating router is reached as long as it keeps alive`, [
    ...NEEDS,
    ...NAT_NEEDS,
  ], async () => {
    await using lab = await Lab.create();
    const office = await Office.create(lab);
    await office.translate(2);
    const client = await startEnd(await office.host("client"), inside, 1);
    const server = await startEnd(await lab.host("server"), outside, 2);
    await introduce(client, server);
    await client.device.set("peer", server.publicKey, "persistent-keepalive", "1");
    const seen = await eventually("the server to hear of the client", async () => {
      const { endpoint } = await server.device.peer();
      return endpoint !== "(none)" && endpoint;
    }, SETTLE_MS);
    assert.match(seen, new RegExp(`^${office.router.ipv4}:`), "by the router's address");

    // Without them the router would have forgotten the client by now, twice.
    const { rxBytes } = await server.device.peer();
    await eventually(
      "five keepalives",
      async () => (await server.device.peer()).rxBytes >= rxBytes + 5 * 32,
      SETTLE_MS,
    );
    assert.ok(await ping(server.device.host, client.ipv4));

    await client.device.set("peer", server.publicKey, "persistent-keepalive", "off");
    // The router has forgotten the client then, too.
    await silence(client, 3_000);
    assert.equal(await ping(server.device.host, client.ipv4, 500), false, "nobody knows the way in");
    await pingsAll(client.device.host, [server.ipv4]);
    assert.ok(await ping(server.device.host, client.ipv4), "the client has opened it again");
  });
}

labTest("wireguard-go: keys are used up again and again under load, and nothing is lost", [
  ...NEEDS,
  "command:iperf3",
], async () => {
  await using lab = await Lab.create();
  const go = await startEnd(await lab.host("go"), "wireguard-go", 2);
  const host = await lab.host("weft");
  const keys = await newKeys(host);
  const peer = {
    publicKey: go.publicKey,
    endpoints: [`${go.device.host.ipv4}:${PORT}`],
    allowedIps: [`${go.ipv4}/32`],
    persistentKeepaliveMs: 0,
  };
  const process = await startDeviceMain(host.spawn.bind(host), {
    interfaceName: "weft0",
    mtu: 1420,
    listenPort: PORT,
    privateKey: keys.privateKey,
    addresses: ["10.0.0.1/24"],
    routes: [],
    peers: [peer],
    workerUrl: new URL("./rekeying_worker.ts", import.meta.url).href,
  });
  await go.device.configure(go.privateKey, [{ publicKey: keys.publicKey, allowedIps: ["10.0.0.1/32"] }]);
  await pingsAll(host, [go.ipv4]);

  await using server = go.device.host.spawn(["iperf3", "--server", "--one-off", "--forceflush", "--bind", go.ipv4]);
  await server.waitForLine((line) => line.includes("listening"), SETTLE_MS);
  const stream = host.spawn(["iperf3", "--client", go.ipv4, "--udp", "--bitrate", "4M", "--time", "18", "--json"]);
  const handshakes = new Set<number>();
  await eventually("the stream to end", async () => {
    handshakes.add((await go.device.peer()).latestHandshake);
    return stream.exitCode !== undefined;
  }, 60_000);
  const { end } = JSON.parse(stream.lines.join("\n")) as { end: { sum: { packets: number; lost_packets: number } } };
  assert.ok(end.sum.packets > 5_000 && end.sum.lost_packets === 0, JSON.stringify(end.sum));
  assert.ok(handshakes.size >= 4, `${handshakes.size} handshakes`);
  const { drops } = await statusOf(process);
  const refused = ["counter-replayed", "packet-unauthentic", "unknown-receiver", "session-expired"] as const;
  for (const reason of refused) assert.equal(drops[reason], 0, reason);
  assert.equal(drops["handshake-gave-up"] + drops["send-queue-full"], 0);
});

/** Starts `tests/bench/device_main.ts`, which takes a worker of the test's choice. */
async function startDeviceMain(
  spawn: (command: readonly string[]) => LabProcess,
  config: DeviceMainConfig,
): Promise<LabProcess> {
  const [program, lock] = ["../bench/device_main.ts", "../../deno.json"].map((path) =>
    new URL(path, import.meta.url).pathname
  );
  const process = spawn([
    ...[Deno.execPath(), "run", "-A", "--quiet", "--frozen", "--config", lock ?? "", program ?? ""],
    JSON.stringify(config),
  ]);
  await process.waitForLine((line) => line.startsWith("ready "), SETTLE_MS);
  return process;
}

async function statusOf(process: LabProcess): Promise<DeviceStatus> {
  process.signal("SIGUSR2");
  const line = await process.waitForLine((line) => line.startsWith("status "), SETTLE_MS);
  return JSON.parse(line.slice("status ".length)) as DeviceStatus;
}

labTest("wireguard-go: a stream outlives the loss of all keys, of either side", [
  ...NEEDS,
  "command:iperf3",
], async () => {
  await using lab = await Lab.create();
  const [a, b] = [
    await startEnd(await lab.host("a"), "weft", 1),
    await startEnd(await lab.host("b"), "wireguard-go", 2),
  ];
  await introduce(a, b);
  for (const [end, other] of [[a, b], [b, a]] as const) {
    await end.device.set("peer", other.publicKey, "persistent-keepalive", "1");
  }
  await pingsAll(a.device.host, [b.ipv4]);
  await using server = b.device.host.spawn(["iperf3", "--server", "--one-off", "--forceflush", "--bind", b.ipv4]);
  await server.waitForLine((line) => line.includes("listening"), SETTLE_MS);
  const stream = a.device.host.spawn(
    ["iperf3", "--client", b.ipv4, "--bitrate", "20M", "--time", "60", "--forceflush", "--interval", "0.5"],
  );
  const hasFlowed = async (device: End["device"]) => {
    const { rxBytes, txBytes } = await device.peer();
    await eventually("the stream to flow", async () => {
      const peer = await device.peer();
      return peer.rxBytes + peer.txBytes > rxBytes + txBytes + 500_000;
    }, SETTLE_MS);
  };
  await hasFlowed(b.device);
  for (const end of [a, b, a, b]) {
    const { device } = end;
    await device.host.ip(`link set ${device.name} down`);
    await eventually("silence", async () => {
      return device === b.device || !/:51820/.test(await device.host.mustExec(["ss", "-Huln"]));
    }, SETTLE_MS);
    await device.host.ip(`link set ${device.name} up`);
    await hasFlowed(b.device);
  }
  assert.equal(stream.exitCode, undefined, stream.lines.join("\n"));
});

labTest("wireguard-go: keys are renewed after two minutes by whoever began, and no packet is lost", NEEDS, async () => {
  await using lab = await Lab.create();
  const pairs = await Promise.all(BOTH_WAYS.map(async ([first, second], index) => {
    const from = await startEnd(await lab.host(`from${index}`), first, 1);
    const to = await startEnd(await lab.host(`to${index}`), second, 2);
    await introduce(from, to);
    await pingsAll(from.device.host, [to.ipv4]);
    return { from, to, began: (await to.device.peer()).latestHandshake, traffic: pingOn(from, to, 250) };
  }));
  await Promise.all(pairs.map(async ({ from, to, began, traffic }) => {
    const renewed = await eventually("another handshake", async () => {
      const { latestHandshake } = await to.device.peer();
      return latestHandshake > began && latestHandshake;
    }, 150_000);
    assert.ok(renewed - began >= 119 && renewed - began <= 130, `after ${renewed - began} s`);
    assert.ok(await ping(to.device.host, from.ipv4));
    const { sent, lost } = await traffic.stop();
    assert.ok(sent > 300 && lost <= 1, `${lost} of ${sent} lost`);
  }));
});
