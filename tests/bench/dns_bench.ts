/**
 * Answers to A queries per second that one core gives (dnsperf), and what hostile traffic does to the server.
 *
 *   deno task bench:dns [--seconds N] [--rounds N] [--soak SECONDS [--seed N]]
 *
 * The node is a process of its own on processor 0, dnsperf on processor 1. "Per core-second" is by the processor time that the node
 * took, and hardly changes when others use the machine too. With `--soak` there is no dnsperf, and the exit code is 1 if an answer
 * was wrong or something grew.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { say } from "../plugins/mesh_dns/dns_node.ts";
import { DnsServed } from "./dns_served.ts";
import { soak } from "./dns_soak.ts";

const NAMES = ["a.webmesh.internal", "www.a.webmesh.internal", "leader.webmesh.internal"];
const DEFAULT_SEED = "20240607";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    soak: { type: "string" },
    seed: { type: "string", default: DEFAULT_SEED },
  },
});

if (values.soak !== undefined) await soak(Number(values.soak), Number(values.seed));
else await measure(Number(values.seconds), Number(values.rounds));

async function measure(seconds: number, rounds: number): Promise<void> {
  await using served = await DnsServed.start();
  const queries = Deno.makeTempFileSync({ prefix: "weft-dnsperf-" });
  Deno.writeTextFileSync(queries, NAMES.map((name) => `${name} A\n`).join(""));
  try {
    for (let round = 0; round < rounds; round++) await one(served, queries, seconds);
  } finally {
    Deno.removeSync(queries);
  }
}

async function one(served: DnsServed, queries: string, seconds: number): Promise<void> {
  const before = served.cpuSeconds();
  const perf = ["-s", "127.0.0.1", "-p", `${served.port}`, "-d", queries, "-l", `${seconds}`, "-c", "4", "-q", "100"];
  const said = await say("taskset", "-c", "1", "dnsperf", ...perf);
  const cpu = served.cpuSeconds() - before;
  const number = (what: RegExp) => Number(what.exec(said)?.[1] ?? NaN);
  const completed = number(/Queries completed:\s+([0-9]+)/);
  const [lost, right] = [number(/Queries lost:\s+([0-9]+)/), number(/NOERROR ([0-9]+)/)];
  if (lost !== 0 || right !== completed) throw new Error(said);
  console.log(
    `${Math.round(number(/Queries per second:\s+([0-9.]+)/))} queries/s; ${
      Math.round(completed / cpu)
    } per core-second ` +
      `(${(cpu / completed * 1e6).toFixed(1)} µs each); latency ${
        number(/Average Latency \(s\):\s+([0-9.]+)/) * 1000
      } ms; ` +
      `${completed} completed, none lost, all NOERROR`,
  );
}
