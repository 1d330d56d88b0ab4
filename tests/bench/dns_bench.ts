/**
 * Answers to A queries per second that one core gives (dnsperf), and what hostile traffic does to memory.
 *
 *   deno task bench:dns [--seconds N] [--soak SECONDS]
 *
 * The node is a process of its own on processor 0, dnsperf on the others. The soak sends malformed datagrams all the time and holds
 * idle TCP connections; the memory after the first tenth and at the end is printed, and whether it still answers.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { delay } from "../../core/io/alarm.ts";
import { openUdpPort } from "../../core/io/udp_port.ts";
import { say, startDnsNode } from "../plugins/mesh_dns/dns_node.ts";
import { malformed } from "../plugins/mesh_dns/malformed.ts";

const HOST = "127.0.0.1";
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    soak: { type: "string", default: "0" },
    serve: { type: "boolean", default: false },
  },
});

if (values.serve) await serve();
else await measure(Number(values.seconds), Number(values.soak));

/** The child: a node until its input ends. */
async function serve(): Promise<void> {
  const { node, port } = await startDnsNode();
  await using _ = node;
  console.log(port);
  await Deno.stdin.read(new Uint8Array(1));
}

async function measure(seconds: number, soakSeconds: number): Promise<void> {
  const child = new Deno.Command("taskset", {
    args: ["-c", "0", Deno.execPath(), "run", "-A", "--no-check", import.meta.filename ?? "", "--serve"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const port = Number(new TextDecoder().decode((await reader.read()).value));
  const queries = Deno.makeTempFileSync({ prefix: "weft-dnsperf-" });
  Deno.writeTextFileSync(queries, "a.webmesh.internal A\nwww.a.webmesh.internal A\nleader.webmesh.internal A\n");
  try {
    const perf = ["-s", HOST, "-p", `${port}`, "-d", queries, "-l", `${seconds}`, "-c", "4", "-q", "100"];
    const said = await say("taskset", "-c", "1", "dnsperf", ...perf);
    console.log(
      said.split("\n").filter((line) => /per second|lost|Average Latency|Response codes/.test(line)).join("\n"),
    );
    if (soakSeconds > 0) await soak(child.pid, port, soakSeconds);
  } finally {
    Deno.removeSync(queries);
    await child.stdin.close();
    await reader.cancel();
    await child.status;
  }
}

async function soak(pid: number, port: number, seconds: number): Promise<void> {
  await using client = await openUdpPort({ host: HOST, port: 0 }, () => {});
  const next = malformed(Date.now());
  const idle: Deno.TcpConn[] = [];
  const endMs = performance.now() + seconds * 1000;
  let sent = 0;
  let firstKib = 0;
  while (performance.now() < endMs) {
    for (let burst = 0; burst < 100; burst++, sent++) client.send(next(), { host: HOST, port });
    if (sent % 5_000 === 0) {
      if (idle.length >= 100) { for (const connection of idle.splice(0, 50)) connection.close(); }
      idle.push(await Deno.connect({ hostname: HOST, port }));
    }
    await delay(10);
    if (firstKib === 0 && performance.now() > endMs - seconds * 900) firstKib = residentKib(pid);
  }
  for (const connection of idle) connection.close();
  const answer = await say("dig", `@${HOST}`, "-p", `${port}`, "+short", "+tries=5", "a.webmesh.internal", "A");
  console.log(
    `${sent} malformed datagrams in ${seconds} s: ${firstKib} KiB, then ${residentKib(pid)} KiB; answers ${answer}`,
  );
}

function residentKib(pid: number): number {
  return Number(/VmRSS:\s+([0-9]+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
}
