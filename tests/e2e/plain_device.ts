/**
 * Plain WireGuard interfaces in a lab, Weft's and wireguard-go's, told what to do by `wg` and `ip` as people do it.
 *
 * @module
 */
import type { CommandOptions, CommandResult } from "./lab/command.ts";
import { eventually } from "./lab/eventually.ts";
import type { Host } from "./lab/host.ts";
import type { LabProcess } from "./lab/process.ts";
import { ping } from "./lab/traffic.ts";
import { sourceProgram } from "./programs.ts";

/** Who makes the interface. */
export type Implementation = "weft" | "wireguard-go";

/** An interface is there this long after its program was started, on a busy machine. */
export const START_MS = 30_000;
/** What was set holds this long after, at the latest. */
export const SETTLE_MS = 20_000;
/** Where every device of a lab listens unless a test says otherwise. */
export const PORT = 51820;

let nameCount = 0;

/** An interface name that no other test has: the directory of the sockets is shared by all namespaces. */
export function deviceName(): string {
  return `wt${Deno.pid}-${++nameCount}`;
}

/** The socket of an interface. */
export function socketOf(name: string): string {
  return `/var/run/wireguard/${name}.sock`;
}

/** One line of `wg show … dump` about a peer. */
export interface PeerDump {
  readonly publicKey: string;
  readonly presharedKey: string;
  readonly endpoint: string;
  readonly allowedIps: string;
  readonly latestHandshake: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly persistentKeepalive: string;
}

/** A peer as a configuration file has it. */
export interface PeerSection {
  readonly publicKey: string;
  readonly presharedKey?: string;
  readonly endpoint?: string;
  readonly allowedIps: readonly string[];
  readonly persistentKeepalive?: number;
}

/** A private key and its public key, by `wg`. */
export async function newKeys(host: Host): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const privateKey = (await host.mustExec(["wg", "genkey"])).trim();
  const publicKey = (await host.mustExec(["wg", "pubkey"], { stdin: privateKey })).trim();
  return { privateKey, publicKey };
}

/** A running interface. Its host ends it. */
export class PlainDevice {
  readonly host: Host;
  readonly name: string;
  readonly process: LabProcess;

  private constructor(host: Host, name: string, process: LabProcess) {
    this.host = host;
    this.name = name;
    this.process = process;
  }

  /** Starts the program and waits until `wg` sees the interface. */
  static async start(host: Host, implementation: Implementation, name = deviceName()): Promise<PlainDevice> {
    const process = implementation === "weft" ? spawnWeft(host, name) : spawnWireguardGo(host, name);
    const device = new PlainDevice(host, name, process);
    await eventually(`${implementation} on ${host.name}`, async () => {
      if (process.exitCode !== undefined) throw new Error(process.lines.join("\n"));
      return (await device.wg("show")).code === 0;
    }, START_MS);
    return device;
  }

  /** Runs `wg SUBCOMMAND INTERFACE …args`, whatever comes of it. */
  async wg(subcommand: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<CommandResult> {
    return await this.host.exec(["wg", subcommand, this.name, ...args], options);
  }

  /** The same, and it must work. Returns its output. */
  async mustWg(subcommand: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<string> {
    return await this.host.mustExec(["wg", subcommand, this.name, ...args], options);
  }

  /** `wg set`, and it must work. */
  async set(...args: string[]): Promise<void> {
    await this.mustWg("set", args);
  }

  /** `wg setconf` or `wg syncconf` with this key, port and peers. */
  async configure(
    privateKey: string,
    peers: readonly PeerSection[],
    { port = PORT, subcommand = "setconf" }: { readonly port?: number; readonly subcommand?: "setconf" | "syncconf" } =
      {},
  ): Promise<void> {
    await this.mustWg(subcommand, ["/dev/stdin"], { stdin: configuration(privateKey, port, peers) });
  }

  /** Gives the interface addresses with their prefix lengths and takes it up. */
  async up(...addresses: string[]): Promise<void> {
    const lines = addresses.map((address) =>
      `addr add ${address} dev ${this.name}${address.includes(":") ? " nodad" : ""}`
    );
    await this.host.ip([...lines, `link set ${this.name} mtu 1420 up`].join("\n"));
  }

  /** `wg show … dump` of the interface itself: private key, public key, port, mark. */
  async interfaceDump(): Promise<readonly string[]> {
    return (await this.mustWg("show", ["dump"])).split("\n")[0]?.split("\t") ?? [];
  }

  /** What `wg` knows of the peers, in its order. */
  async peers(): Promise<PeerDump[]> {
    const [, ...lines] = (await this.mustWg("show", ["dump"])).trimEnd().split("\n");
    return lines.map((line) => {
      const [publicKey = "", presharedKey = "", endpoint = "", allowedIps = "", ...rest] = line.split("\t");
      const [latestHandshake, rxBytes, txBytes] = rest.map(Number);
      return {
        publicKey,
        presharedKey,
        endpoint,
        allowedIps,
        latestHandshake: latestHandshake ?? 0,
        rxBytes: rxBytes ?? 0,
        txBytes: txBytes ?? 0,
        persistentKeepalive: rest[3] ?? "",
      };
    });
  }

  /** The only peer. */
  async peer(): Promise<PeerDump> {
    const [peer, ...others] = await this.peers();
    if (peer === undefined || others.length > 0) throw new Error(`${this.name} has ${others.length + 1} peers`);
    return peer;
  }
}

/** Starts `weft device NAME` without waiting. */
function spawnWeft(host: Host, name: string): LabProcess {
  const { command, options } = sourceProgram().command("device", name, "--log-format", "json");
  return host.spawn(command, options);
}

function spawnWireguardGo(host: Host, name: string): LabProcess {
  return host.spawn(["wireguard-go", "--foreground", name]);
}

/** A configuration file for `wg setconf`. */
export function configuration(privateKey: string, port: number, peers: readonly PeerSection[]): string {
  const sections = peers.map((peer) => [
    "[Peer]",
    `PublicKey = ${peer.publicKey}`,
    ...peer.presharedKey === undefined ? [] : [`PresharedKey = ${peer.presharedKey}`],
    ...peer.endpoint === undefined ? [] : [`Endpoint = ${peer.endpoint}`],
    ...peer.allowedIps.length === 0 ? [] : [`AllowedIPs = ${peer.allowedIps.join(", ")}`],
    ...peer.persistentKeepalive === undefined ? [] : [`PersistentKeepalive = ${peer.persistentKeepalive}`],
  ]);
  return [["[Interface]", `PrivateKey = ${privateKey}`, `ListenPort = ${port}`], ...sections]
    .map((section) => section.join("\n") + "\n").join("\n");
}

/** Waits until every address answers. */
export async function pingsAll(from: Host, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    await eventually(`${from.name} to ping ${address}`, () => ping(from, address), SETTLE_MS);
  }
}

/** One end of a pair: a device with a key and inner addresses 10.0.0.N and fd00::N. */
export interface End {
  readonly device: PlainDevice;
  readonly privateKey: string;
  readonly publicKey: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** How a pair is set up. */
export interface PairOptions {
  /** Outer addresses of the second end, where the first one sends to; its IPv4 unless given. */
  readonly underlay?: "IPv4" | "IPv6";
  readonly presharedKey?: string;
}

/** A device with keys, up, with inner addresses that end in `number`, and no peers. */
export async function startEnd(host: Host, implementation: Implementation, number: number): Promise<End> {
  const device = await PlainDevice.start(host, implementation);
  const [ipv4, ipv6] = [`10.0.0.${number}`, `fd00::${number}`];
  const keys = await newKeys(host);
  await device.configure(keys.privateKey, []);
  await device.up(`${ipv4}/24`, `${ipv6}/64`);
  return { device, ...keys, ipv4, ipv6 };
}

/** Tells each end of the other; only the first one knows where the other is. */
export async function introduce(first: End, second: End, options: PairOptions = {}): Promise<void> {
  const { underlay = "IPv4", presharedKey } = options;
  const { host } = second.device;
  const endpoint = underlay === "IPv4" ? `${host.ipv4}:${PORT}` : `[${host.ipv6}]:${PORT}`;
  const common = presharedKey === undefined ? {} : { presharedKey };
  await second.device.configure(second.privateKey, [{ ...asPeer(first), ...common }]);
  await first.device.configure(first.privateKey, [{ ...asPeer(second), ...common, endpoint }]);
}

/** An end as the other one is told of it. */
export function asPeer(end: End): PeerSection {
  return { publicKey: end.publicKey, allowedIps: [`${end.ipv4}/32`, `${end.ipv6}/128`] };
}
