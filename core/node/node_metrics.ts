/**
 * `v1.NodeMetrics` of this node: its WireGuard device and peers, and the host below. Durations are Go texts, times RFC 3339
 * in UTC, and a peer that never shook hands has the zero time of Go.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HostMetricsSchema, NodeMetricsSchema, PeerMetricsSchema } from "../../proto/gen/v1/node_metrics_pb.ts";
import type { DeviceStatus } from "../dataplane/data_plane.ts";
import { type DiskFacts, type HostFacts, readHostFacts } from "../io/host_facts_linux.ts";
import { formatGoDuration } from "../time/go_duration.ts";
import { ipv4Cidr, ipv6Cidr } from "./mesh_view.ts";
import type { Running } from "./running.ts";

/** Version of the WireGuard protocol. */
const PROTOCOL_VERSION = 1n;
const NEVER = "0001-01-01T00:00:00Z";

/** Asks the packet worker and the host. */
export async function nodeMetrics(running: Running): Promise<MessageInitShape<typeof NodeMetricsSchema>> {
  const { tunnel, config, publicKey, clock } = running.parts;
  const [device, host] = await Promise.all([tunnel.status(), readHostFacts()]);
  const self = running.self();
  return {
    deviceName: tunnel.interfaceName,
    publicKey,
    addressV4: self && config.ipv4 ? ipv4Cidr(self, running.mesh()) : "",
    addressV6: self && config.ipv6 ? ipv6Cidr(self) : "",
    type: "userspace",
    listenPort: device.listenPort,
    totalReceiveBytes: sumOf(device.peers, ({ rxBytes }) => rxBytes),
    totalTransmitBytes: sumOf(device.peers, ({ txBytes }) => txBytes),
    peers: device.peers.map(peerMetrics).sort((a, b) => (a.publicKey ?? "") < (b.publicKey ?? "") ? -1 : 1),
    system: hostMetrics(host, clock.wallMs()),
  };
}

type Peer = DeviceStatus["peers"][number];

function sumOf(peers: readonly Peer[], bytesOf: (peer: Peer) => number): bigint {
  return peers.reduce((sum, peer) => sum + BigInt(bytesOf(peer)), 0n);
}

/** One peer. */
export function peerMetrics(peer: Peer): MessageInitShape<typeof PeerMetricsSchema> {
  return {
    publicKey: peer.publicKey,
    endpoint: peer.endpoint ?? "",
    persistentKeepAlive: formatGoDuration(peer.persistentKeepaliveMs),
    lastHandshakeTime: peer.lastHandshakeWallMs === undefined ? NEVER : rfc3339(peer.lastHandshakeWallMs),
    allowedIps: [...peer.allowedIps],
    protocolVersion: PROTOCOL_VERSION,
    receiveBytes: BigInt(peer.rxBytes),
    transmitBytes: BigInt(peer.txBytes),
  };
}

/** The host. @param wallMs Now. */
export function hostMetrics(host: HostFacts, wallMs: number): MessageInitShape<typeof HostMetricsSchema> {
  const { os, cpu, memory } = host;
  const [one, five, fifteen] = host.loadAverage;
  const [major = 0n, minor = 0n, patch = 0n] = os.versionId.split(".").map((part) =>
    BigInt(/^[0-9]{1,9}/.exec(part)?.[0] ?? 0)
  );
  return {
    host: {
      architecture: host.architecture,
      bootTime: rfc3339(host.bootWallMs),
      containerized: host.isContainer,
      hostname: host.hostname,
      ips: [...host.addresses],
      kernelVersion: host.kernelVersion,
      macs: [...host.macs],
      os: {
        type: "linux",
        family: os.family,
        platform: os.platform,
        name: os.name,
        version: os.version,
        major,
        minor,
        patch,
        build: os.build,
        codename: os.codename,
      },
      timezone: host.timezone,
      uptime: formatGoDuration(Math.max(0, wallMs - host.bootWallMs)),
    },
    cpu: {
      loadAverage: { one, five, fifteen },
      user: formatGoDuration(cpu.userMs),
      system: formatGoDuration(cpu.systemMs),
      idle: formatGoDuration(cpu.idleMs),
      ioWait: formatGoDuration(cpu.ioWaitMs),
      irq: formatGoDuration(cpu.irqMs),
      nice: formatGoDuration(cpu.niceMs),
      softIrq: formatGoDuration(cpu.softIrqMs),
      steal: formatGoDuration(cpu.stealMs),
    },
    memory: {
      total: BigInt(memory.total),
      used: BigInt(memory.total - memory.free),
      available: BigInt(memory.available),
      free: BigInt(memory.free),
      virtualTotal: BigInt(memory.swapTotal),
      virtualUsed: BigInt(memory.swapTotal - memory.swapFree),
      virtualFree: BigInt(memory.swapFree),
    },
    disks: host.disks.map(diskMetrics),
  };
}

function diskMetrics({ path, device, total, free, inodesTotal, inodesFree }: DiskFacts) {
  const [used, inodesUsed] = [total - free, inodesTotal - inodesFree];
  return {
    filesystemPath: path,
    device,
    total: BigInt(total),
    free: BigInt(free),
    used: BigInt(used),
    usedPercent: percent(used, total),
    inodesTotal: BigInt(inodesTotal),
    inodesFree: BigInt(inodesFree),
    inodesUsed: BigInt(inodesUsed),
    inodesUsedPercent: percent(inodesUsed, inodesTotal),
  };
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole * 100;
}

/** Without a fraction where there is none, as Go writes it. */
function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.?0*Z$/, "Z");
}
