/**
 * `deno task demo`: three machines on this one become a mesh, talk through it, and go on without their leader.
 *
 * Needs root, because machines are network namespaces. What it found goes to standard output, what it does to standard
 * error. Leaves nothing behind, also after Ctrl-C.
 *
 * @module
 */
import { PLAIN_LAYOUT, renderTable, styleFor } from "../../core/cli/format.ts";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, missing } from "./lab/requirements.ts";
import { iperf } from "./lab/traffic.ts";
import { everyPairPings, MeshLab, type MeshNode, READY_MS, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies readonly Deno.Signal[];
const PING_COUNT = 5;
const IPERF_SECONDS = 3;
const INTERRUPTED_CODE = 130;

/** The user does not want to see the rest. */
class Interrupted extends Error {
  override readonly name = "Interrupted";
}

const { dim } = styleFor(Deno.stderr.isTerminal() && !Deno.noColor);

const interruption = new AbortController();

/** Says what happens next; nothing does after an interruption. */
function progress(text: string): void {
  if (!interruption.signal.aborted) console.error(dim(text));
}

/** The whole demonstration on machines that exist. */
async function tell(nodes: readonly [MeshNode, MeshNode, MeshNode]): Promise<void> {
  const [north, east, west] = nodes;
  await form(nodes);
  console.log((await north.weft("nodes")).stdout);
  console.log((await north.weft("status")).stdout);

  progress("Every machine pings every other through the mesh, over IPv4 and IPv6.");
  await everyPairPings(nodes, READY_MS);
  await pingTimes(nodes);
  await throughput(east, west);

  progress("north, the leader, dies without a word.");
  await north.end("SIGKILL");
  const diedAtMs = performance.now();
  const leader = await eventually("another leader", async () => {
    const name = (await east.status())?.currentLeader;
    return name !== undefined && name !== "" && name !== "north" && name;
  }, WHOLE_MS);
  console.log(`${leader} leads after ${((performance.now() - diedAtMs) / 1_000).toFixed(1)} s\n`);
  await everyPairPings([east, west], WHOLE_MS);
  console.log((await west.weft("status")).stdout);
}

async function form([north, east, west]: readonly [MeshNode, MeshNode, MeshNode]): Promise<void> {
  const started = async (node: MeshNode, ...args: string[]) => {
    progress(`${node.host.name}$ weft run ${args.join(" ")} --insecure`);
    await node.start(...args, "--primary-endpoint", node.host.ipv4);
  };
  await started(north, "--bootstrap");
  await started(east, "--join", `${north.host.ipv4}:8443`, "--as-voter");
  await started(west, "--join", `${north.host.ipv4}:8443`, "--as-voter");
  progress("They catch up and become voters.");
  await eventually("three voters", async () => {
    const members = (await north.status())?.raft.members ?? [];
    return members.filter(({ voter }) => voter).length === 3;
  }, READY_MS);
}

async function pingTimes(nodes: readonly MeshNode[]): Promise<void> {
  const rows: string[][] = [];
  for (const from of nodes) {
    for (const to of nodes.filter((node) => node !== from)) {
      const { ipv4, ipv6 } = await to.addresses();
      const times = [];
      for (const address of [ipv4, ipv6]) {
        const command = ["ping", "-n", "-q", "-i", "0.2", "-c", String(PING_COUNT), address];
        const average = /= [\d.]+\/([\d.]+)\//.exec(await from.host.mustExec(command))?.[1];
        times.push(average === undefined ? "" : `${average} ms`);
      }
      rows.push([from.host.name, to.host.name, ...times]);
    }
  }
  console.log(renderTable(["PING FROM", "TO", "IPV4", "IPV6"], rows, PLAIN_LAYOUT).join("\n") + "\n");
}

async function throughput(from: MeshNode, to: MeshNode): Promise<void> {
  const why = missing("command:iperf3");
  if (why !== undefined) return progress(`No throughput: ${why}.`);
  progress(`${from.host.name} sends to ${to.host.name} through the mesh for ${IPERF_SECONDS} s each.`);
  const { ipv4, ipv6 } = await to.addresses();
  for (const [family, address] of [["IPv4", ipv4], ["IPv6", ipv6]] as const) {
    const { bitsPerSecond, retransmitCount } = await iperf(from.host, to.host, address, IPERF_SECONDS);
    const gigabits = (bitsPerSecond / 1e9).toFixed(2);
    console.log(`${family}: ${gigabits} Gbit/s of one TCP stream, ${retransmitCount} segments sent again`);
  }
  console.log();
}

/** Builds the machines, tells, and takes the machines away, however it ends. */
async function demo(): Promise<void> {
  progress("Three machines: north, east and west.");
  await using mesh = await MeshLab.create(sourceProgram());
  const nodes = [await mesh.node("north"), await mesh.node("east"), await mesh.node("west")] as const;
  const interrupted = Promise.withResolvers<never>();
  interruption.signal.addEventListener("abort", () => interrupted.reject(new Interrupted()));
  if (interruption.signal.aborted) throw new Interrupted();
  const told = tell(nodes);
  // After an interruption it fails on machines that are gone, and nobody minds.
  told.catch(() => {});
  await Promise.race([told, interrupted.promise]);
}

/** @returns The exit code. */
async function main(): Promise<number> {
  const reasons = [...LAB_NEEDS, "tun" as const].flatMap((need) => missing(need) ?? []);
  if (reasons.length > 0) {
    console.error(`The demo cannot run here: ${reasons.join(", ")}.`);
    return 1;
  }
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      progress("Stopping, and taking the machines away.");
      interruption.abort();
    });
  }
  try {
    await demo();
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    return INTERRUPTED_CODE;
  }
  progress("The machines are gone.");
  return 0;
}

if (import.meta.main) Deno.exit(await main());
