import assert from "node:assert/strict";
import { fromJsonString } from "@bufbuild/protobuf";
import { Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { NodeMetricsSchema } from "../../../proto/gen/v1/node_metrics_pb.ts";
import { Control } from "../../../proto/gen/weft/v1/control_pb.ts";
import type { Host } from "../../../core/plugin/host.ts";
import { metrics } from "../../../plugins/metrics/mod.ts";
import { planned, PluginNode } from "../../core/node/plugin_node.ts";
import { dashboardQueries } from "./dashboard_queries.ts";

const CYCLES = 1_000;
const WARM_UP_CYCLES = 20;
/** Other tests of this process may open so many meanwhile; what a cycle leaves adds up to ten times as many. */
const OTHERS_MAX = CYCLES / 10;
const NO_PROMTOOL = hasPromtool() ? undefined : "no promtool (prometheus)";
if (NO_PROMTOOL) console.log(`skipped: promtool check metrics: ${NO_PROMTOOL}`);

function hasPromtool(): boolean {
  try {
    return new Deno.Command("promtool", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function started(others: Parameters<typeof PluginNode.start>[0] = []) {
  const port = freePort();
  const start = metrics.configure({ listen: `127.0.0.1:${port}` });
  const plan = planned({
    name: "metrics",
    feature: Feature.METRICS,
    needs: metrics.needs,
    start: (host: Host, signal) => start(host, signal),
  });
  return { node: await PluginNode.start([...others, plan]), url: `http://127.0.0.1:${port}` };
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return await response.text();
}

Deno.test("metrics: families of the node and of plugins, as promtool wants them", async () => {
  const counts = planned({
    name: "counts",
    needs: ["metrics", "status"],
    start: (host: Host) => {
      host.metrics.counter({ name: "things_total", help: "Things." }).add({}, 7);
      host.status.set("fed", { severity: "low", text: "Hungry.", fix: "" });
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  });
  const { node, url } = await started([counts]);
  await using _node = node;
  await node.status();
  const text = await textOf(`${url}/metrics`);
  for (
    const line of [
      "counts_things_total 7",
      'weft_health{code="counts.fed",severity="low"} 1',
      'weft_plugin_state{plugin="metrics",state="running"} 1',
      "weft_mesh_nodes 1",
      'weft_wireguard_peers{interface="paper0"} 0',
      "weft_raft_is_leader 1",
      "weft_raft_elections_started_total 1",
      "weft_raft_elections_won_total 1",
      "weft_raft_leader_changes_total 1",
      "weft_raft_snapshots_installed_total 0",
      "weft_raft_wal_fsync_seconds_count 0",
      'weft_wireguard_handshakes_completed_total{began="there"} 0',
      "weft_wireguard_is_under_load 0",
    ]
  ) assert(text.split("\n").includes(line), line);
  assert.match(text, /^grpc_server_handled_total\{[^}]*grpc_method="GetNodeStatus"[^}]*grpc_code="OK"[^}]*\} 1$/m);
  assert.match(text, /^grpc_server_handling_seconds_count\{[^}]*GetNodeStatus/m);
  assert.match(text, /^process_cpu_seconds_total [0-9.]+$/m);
  dashboardIsFed(text);
  if (NO_PROMTOOL === undefined) await promtoolIsContent(text);
});

/** Every metric that the dashboard names is exposed. */
function dashboardIsFed(text: string): void {
  const labels = new Set(["grpc_service", "grpc_code"]);
  const named = new Set(
    dashboardQueries().flatMap(({ expr }) => expr.match(/\b(?:weft|grpc|process)_[a-z_]+/g) ?? [])
      .filter((name) => !labels.has(name)),
  );
  assert(named.size > 20);
  for (const name of named) {
    const family = name.replace(/_bucket$/, "");
    assert(text.includes(`\n# TYPE ${family} `), `The dashboard names ${name}`);
  }
}

async function promtoolIsContent(text: string): Promise<void> {
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assert.equal(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr), "");
  assert.equal(code, 0);
}

Deno.test("metrics: v1.NodeMetrics as protobuf JSON, the same as through the node's service", async () => {
  const { node, url } = await started();
  await using _node = node;
  const served = fromJsonString(NodeMetricsSchema, await textOf(`${url}/v1/node-metrics`));
  const { message } = await node.client.unary(Control.method.getNodeMetrics, {});
  assert.equal(served.deviceName, "paper0");
  assert.match(served.addressV4, /^10\.83\.0\.[0-9]+\/29$/);
  assert.deepEqual([served.publicKey, served.system?.host?.hostname], [message.publicKey, Deno.hostname()]);
  assert(served.system?.memory && served.system.memory.total > 0n);
  const missing = await fetch(`${url}/other`);
  assert.deepEqual([missing.status, await missing.text()], [404, "Not found\n"]);
});

Deno.test("metrics: an address that is taken fails the plugin, and the node goes on", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const start = metrics.configure({ listen: `127.0.0.1:${taken.addr.port}` });
  await using node = await PluginNode.start([
    planned({ name: "metrics", needs: metrics.needs, start: (host: Host, signal) => start(host, signal) }),
  ]);
  const [state] = node.plugins.list();
  assert.equal(state?.phase, "failed");
  assert.match(state?.reason ?? "", new RegExp(String(taken.addr.port)));
  assert.equal((await node.status()).raft?.role, "leader");
});

Deno.test("metrics: a thousand cycles leave nothing behind", async () => {
  const { node, url } = await started();
  await using _node = node;
  const cycle = async () => {
    await node.plugins.disable("metrics");
    await node.plugins.enable("metrics");
  };
  const openDescriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
  for (let i = 0; i < WARM_UP_CYCLES; i++) await cycle();
  const before = openDescriptors();
  for (let i = 0; i < CYCLES; i++) await cycle();
  const left = openDescriptors() - before;
  assert(left < OTHERS_MAX, `${left} descriptors are left`);
  assert.match(await textOf(`${url}/metrics`), /weft_plugin_starts_total\{plugin="metrics"\} 1021/);
});
