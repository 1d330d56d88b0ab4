/**
 * How much of one TCP stream the tunnel carries: `deno run -A tests/bench/wireguard_bench.ts [--seconds N] [--json]`.
 *
 * Two network namespaces on one machine, joined by a veth pair, and one iperf3 stream between them: over the bare pair,
 * through this program, and through wireguard-go where it is installed. Everything runs on the same processors in the
 * same minute, so the ratios mean more than the numbers. Each tunnel answers an echo request before it is timed.
 *
 * @module
 */
import { nobleSuite } from "../../core/crypto/noble_suite.ts";
import { systemRandom } from "../../core/io/random.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import { eventually } from "../e2e/lab/eventually.ts";
import type { Host } from "../e2e/lab/host.ts";
import { Lab } from "../e2e/lab/lab.ts";
import { LAB_NEEDS, missing, type Need } from "../e2e/lab/requirements.ts";
import { iperf, ping } from "../e2e/lab/traffic.ts";
import type { DeviceMainConfig } from "./device_main.ts";

const DEADLINE_MS = 10_000;
const PORT = 51820;
const MTU = 1420;
const SECONDS_DEFAULT = 5;
/** Each subject has this many turns, and the best one counts: on a shared machine the rest is somebody else's work. */
const ROUNDS = 2;
const PROGRAM = new URL("./device_main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** One of the two ends. */
interface End {
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
interface Subject {
  readonly name: string;
  readonly needs: readonly Need[];
  /** Sets up one end towards the other; gone with the host. */
  readonly start: (end: End, other: End) => Promise<void>;
  /** Where the stream goes. */
  readonly target: (end: End) => string;
}

/** The outcome of one subject. */
interface Outcome {
  readonly name: string;
  /** Best of the rounds; `undefined` if something is missing. */
  readonly gigabitsPerSecond: number | undefined;
  readonly missing: readonly string[];
}

const SUBJECTS: readonly Subject[] = [
  { name: "veth", needs: [], start: async () => {}, target: (end) => end.address },
  { name: "weft", needs: ["tun"], start: startWeft, target: (end) => end.inner },
  {
    name: "wireguard-go",
    needs: ["tun", "command:wireguard-go", "command:wg"],
    start: startWireguardGo,
    target: (end) => end.inner,
  },
];

async function startWeft(end: End, other: End): Promise<void> {
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
}

async function startWireguardGo(end: End, other: End): Promise<void> {
  // Its control socket is in the file system, which namespaces share.
  const name = `wgb${Deno.pid % 100_000}-${end.number}`;
  end.host.spawn(["wireguard-go", "--foreground", name]);
  await eventually("wireguard-go", async () => (await end.host.exec(["wg", "show", name])).code === 0, DEADLINE_MS);
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
}

/** Two hosts joined by a veth pair and nothing else. */
async function makeEnds(lab: Lab): Promise<[End, End]> {
  const [left, right] = [await lab.host("left", []), await lab.host("right", [])];
  await left.ip(`link add eth0 type veth peer name eth0 netns ${right.namespace}`);
  const ends = [left, right].map((host, index): End => {
    const number = index === 0 ? 1 : 2;
    const key = PrivateKey.generate(systemRandom);
    return {
      host,
      number,
      address: `192.0.2.${number}`,
      inner: `10.0.0.${number}`,
      privateKey: key.reveal().toBase64(),
      publicKey: String(key.publicKey(nobleSuite.x25519)),
    };
  }) as [End, End];
  for (const { host, address } of ends) {
    await host.ip(`addr add ${address}/24 dev eth0
link set eth0 up`);
  }
  return ends;
}

/** Gigabits per second of one subject, once. */
async function measureOnce(subject: Subject, seconds: number): Promise<number> {
  await using lab = await Lab.create();
  const [left, right] = await makeEnds(lab);
  await Promise.all([subject.start(left, right), subject.start(right, left)]);
  await eventually("an answer", () => ping(left.host, subject.target(right)), DEADLINE_MS);
  const { bitsPerSecond } = await iperf(left.host, right.host, subject.target(right), seconds);
  return bitsPerSecond / 1e9;
}

/** All subjects in turn, round after round. */
async function measureAll(seconds: number): Promise<Outcome[]> {
  const outcomes = SUBJECTS.map(({ name, needs }) => ({
    name,
    missing: [...LAB_NEEDS, "command:iperf3" as const, ...needs].flatMap((need) => missing(need) ?? []),
    gigabitsPerSecond: undefined as number | undefined,
  }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, subject] of SUBJECTS.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome.missing.length > 0) continue;
      const measured = await measureOnce(subject, seconds);
      outcome.gigabitsPerSecond = Math.max(outcome.gigabitsPerSecond ?? 0, measured);
    }
  }
  return outcomes;
}

/** How many times faster this program is than each subject, where both were measured. */
function ratiosOf(outcomes: readonly Outcome[]): Record<string, number> {
  const own = outcomes.find((outcome) => outcome.name === "weft")?.gigabitsPerSecond;
  if (own === undefined) return {};
  return Object.fromEntries(
    outcomes.flatMap(({ name, gigabitsPerSecond }) =>
      gigabitsPerSecond === undefined ? [] : [[name, own / gigabitsPerSecond]]
    ),
  );
}

function print(outcomes: readonly Outcome[], ratios: Readonly<Record<string, number>>): void {
  console.log(`${"one TCP stream".padEnd(16)} ${"Gbit/s".padStart(8)} ${"weft is".padStart(10)}`);
  for (const { name, gigabitsPerSecond, missing } of outcomes) {
    const value = gigabitsPerSecond?.toFixed(2) ?? "-";
    const ratio = ratios[name] === undefined ? "" : `${ratios[name].toFixed(2)} x`;
    console.log(`${name.padEnd(16)} ${value.padStart(8)} ${ratio.padStart(10)} ${missing.join(", ")}`.trimEnd());
  }
}

/** `--seconds N` of the command line. */
function secondsOf(args: readonly string[]): number {
  const at = args.indexOf("--seconds");
  const seconds = at < 0 ? SECONDS_DEFAULT : Number(args[at + 1]);
  if (!(seconds >= 1 && seconds <= 3600)) throw new Error("--seconds takes a number from 1 to 3600");
  return seconds;
}

if (import.meta.main) {
  const outcomes = await measureAll(secondsOf(Deno.args));
  const ratios = ratiosOf(outcomes);
  if (Deno.args.includes("--json")) console.log(JSON.stringify({ mtu: MTU, outcomes, ratios }, undefined, 2));
  else print(outcomes, ratios);
}
