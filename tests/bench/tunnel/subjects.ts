/**
 * What carries packets between two ends in the tunnel benchmark: nothing, this program, and other implementations of
 * WireGuard as far as they are installed.
 *
 * @module
 */
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import type { Host } from "../../e2e/lab/host.ts";
import type { Lab } from "../../e2e/lab/lab.ts";
import type { LabProcess } from "../../e2e/lab/process.ts";
import type { DeviceMainConfig } from "../device_main.ts";

/** Of every tunnel, in bytes. */
export const MTU = 1420;

const DEADLINE_MS = 10_000;
const PORT = 51820;
const PROGRAM = new URL("../device_main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

/** One of the two ends. */
export interface End {
  readonly host: Host;
  readonly number: 1 | 2;
  /** Underlay address. */
  readonly address: string;
  /** Inner address. */
  readonly inner: string;
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Something that carries packets between two ends. */
export interface Subject {
  readonly name: string;
  /** The file that runs; `undefined` for none, or if it was not found. */
  readonly program: string | undefined;
  /** Why it cannot be measured. */
  readonly missing: string | undefined;
  /** Sets up one end towards the other; `undefined` if there is nothing to end. */
  readonly start: (end: End, other: End) => Promise<LabProcess | undefined>;
  /** Where traffic to an end goes. */
  readonly target: (end: End) => string;
}

/** An implementation with a program that creates an interface and is configured by `wg`. */
interface Rival {
  readonly name: string;
  /** Where the program may be, best first. */
  readonly paths: readonly string[];
  readonly args: (interfaceName: string) => readonly string[];
  /** How to come by it. */
  readonly hint: string;
}

const HOME = Deno.env.get("HOME") ?? "/root";

/** The programs, looked for in `folder` first if there is one. */
function rivals(folder: string | undefined): readonly Rival[] {
  const places = (name: string, ...more: string[]) => [...(folder ? [`${folder}/${name}`] : []), ...more];
  return [
    {
      name: "wireguard-go (package)",
      paths: ["/usr/bin/wireguard-go"],
      args: (name) => ["--foreground", name],
      hint: "the distribution's package wireguard-go",
    },
    {
      name: "wireguard-go (newest)",
      paths: places("wireguard", `${HOME}/go/bin/wireguard`),
      args: (name) => ["--foreground", name],
      hint: "go install golang.zx2c4.com/wireguard@latest",
    },
    {
      name: "boringtun",
      paths: places("boringtun-cli", `${HOME}/.cargo/bin/boringtun-cli`),
      args: (name) => ["--foreground", "--disable-drop-privileges", name],
      hint: "cargo install boringtun-cli",
    },
  ];
}

/** All subjects, this program first. @param folder Where programs are looked for before their usual places. */
export function findSubjects(folder: string | undefined): readonly Subject[] {
  const inner = (end: End) => end.inner;
  return [
    { name: "weft", program: Deno.execPath(), missing: undefined, start: startWeft, target: inner },
    ...rivals(folder).map((rival): Subject => {
      const program = rival.paths.find(isFile);
      return {
        name: rival.name,
        program,
        missing: program === undefined ? `not found (${rival.hint})` : undefined,
        start: (end, other) => startRival(program ?? rival.name, rival.args, end, other),
        target: inner,
      };
    }),
    {
      name: "no tunnel",
      program: undefined,
      missing: undefined,
      start: () => Promise.resolve(undefined),
      target: (end) => end.address,
    },
  ];
}

/** Two hosts joined by a veth pair and nothing else. */
export async function makeEnds(lab: Lab): Promise<readonly [End, End]> {
  const [left, right] = [await lab.host("left", []), await lab.host("right", [])];
  await left.ip(`link add eth0 type veth peer name eth0 netns ${right.namespace}`);
  const ends = [makeEnd(left, 1), makeEnd(right, 2)] as const;
  for (const { host, address } of ends) {
    await host.ip(`addr add ${address}/24 dev eth0
link set eth0 up`);
  }
  return ends;
}

function makeEnd(host: Host, number: 1 | 2): End {
  const key = PrivateKey.generate(systemRandom);
  return {
    host,
    number,
    address: `192.0.2.${number}`,
    inner: `10.0.0.${number}`,
    privateKey: key.reveal().toBase64(),
    publicKey: String(key.publicKey(nobleSuite.x25519)),
  };
}

async function startWeft(end: End, other: End): Promise<LabProcess> {
  const config: DeviceMainConfig = {
    interfaceName: "weft0",
    mtu: MTU,
    listenPort: PORT,
    privateKey: end.privateKey,
    addresses: [`${end.inner}/24`],
    routes: [],
    peers: [{
      publicKey: other.publicKey,
      endpoints: [`${other.address}:${PORT}`],
      allowedIps: [`${other.inner}/32`],
      persistentKeepaliveMs: 0,
    }],
  };
  const process = end.host.spawn([Deno.execPath(), "run", "-A", "--config", CONFIG, PROGRAM, JSON.stringify(config)]);
  await process.waitForLine((line) => line.startsWith("ready "), DEADLINE_MS);
  return process;
}

async function startRival(
  program: string,
  args: (interfaceName: string) => readonly string[],
  end: End,
  other: End,
): Promise<LabProcess> {
  // Its control socket is in the file system, which namespaces share.
  const name = `wgb${Deno.pid % 100_000}-${end.number}`;
  const process = end.host.spawn([program, ...args(name)]);
  await eventually(program, async () => (await end.host.exec(["wg", "show", name])).code === 0, DEADLINE_MS);
  await end.host.mustExec(["wg", "setconf", name, "/dev/stdin"], {
    stdin: `[Interface]
PrivateKey = ${end.privateKey}
ListenPort = ${PORT}
[Peer]
PublicKey = ${other.publicKey}
AllowedIPs = ${other.inner}/32
Endpoint = ${other.address}:${PORT}
`,
  });
  await end.host.ip(`addr add ${end.inner}/24 dev ${name}
link set ${name} mtu ${MTU} up`);
  return process;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
