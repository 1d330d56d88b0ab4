/**
 * A real Prometheus scrapes the three nodes of a mesh, knows how many peers each has, and answers each query of the
 * dashboard with data.
 */
import assert from "node:assert/strict";
import { dashboardQueries, variableQueries } from "../plugins/metrics/dashboard_queries.ts";
import { eventually } from "./lab/eventually.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { everyPairPings, MeshLab } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [
  ...LAB_NEEDS,
  "tun",
  "command:ping",
  "command:prometheus",
  "command:curl",
  "command:bash",
];
const FORMED_MS = 10_000;
const SCRAPED_MS = 15_000;

/** On no host of the lab: a plugin that is to listen there fails. */
const NOBODYS_ADDRESS = "192.0.2.250:5353";
/** What no node sends, to the ports of WireGuard and Raft: dropped and counted. */
const STRANGE = "echo strange > /dev/udp/$0/51820; echo strange > /dev/tcp/$0/9443";
/** As the dashboard has it: samples of a few scrapes. */
const RATE_INTERVAL = "10s";

/** What Prometheus answers a query with. */
interface Answer {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

/** What it answers when it is asked for the values of a label. */
interface LabelAnswer {
  readonly data: readonly string[];
}

labTest("metrics: Prometheus scrapes three nodes and counts the peers", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b, c] = [await lab.node("a"), await lab.node("b"), await lab.node("c")];
  const nodes = [a, b, c];
  await a.start("--bootstrap", "--primary-endpoint", a.host.ipv4, "--feature", "metrics");
  const join = ["--join", `${a.host.ipv4}:8443`, "--as-voter", "--feature", "metrics"];
  const failing = ["--feature", "mesh-dns", "--mesh-dns.listen", NOBODYS_ADDRESS];
  await Promise.all([b.start(...join), c.start(...join, ...failing)]);
  await everyPairPings(nodes, FORMED_MS);
  const directory = await Deno.makeTempDir({ prefix: "weft-prometheus-" });
  try {
    const targets = JSON.stringify(nodes.map(({ host }) => `${host.ipv4}:8080`));
    await Deno.writeTextFile(
      `${directory}/prometheus.yml`,
      `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: weft, static_configs: [{targets: ${targets}}]}]\n`,
    );
    const prometheus = a.host.spawn([
      "prometheus",
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      "--web.listen-address=127.0.0.1:9090",
    ]);
    const get = async (path: string, parameter: string, value: string): Promise<string> => {
      const url = `http://127.0.0.1:9090/api/v1/${path}?${parameter}=${encodeURIComponent(value)}`;
      return await a.host.mustExec(["curl", "-sf", url]);
    };
    const ask = async (query: string): Promise<number[]> => {
      const answer = JSON.parse(await get("query", "query", query)) as Answer;
      return answer.data.result.map(({ value }) => Number(value[1]));
    };
    const says = (query: string, wanted: readonly number[]) =>
      eventually(query, async () => JSON.stringify(await ask(query)) === JSON.stringify(wanted), SCRAPED_MS);
    await says('sum(up{job="weft"})', [3]);
    await says("weft_wireguard_peers", [2, 2, 2]);
    await says("weft_wireguard_connected_peers", [2, 2, 2]);
    await says("sum(weft_raft_is_leader)", [1]);
    await says("weft_mesh_nodes", [3, 3, 3]);
    await says("sum(weft_raft_elections_won_total)", [1]);
    await says("weft_raft_leader_changes_total", [1, 1, 1]);
    // Each node has a session with each other, begun on one side.
    const begun = 'sum(weft_wireguard_handshakes_completed_total{began="here"})';
    const met = 'sum(weft_wireguard_handshakes_completed_total{began="there"})';
    await says(`${begun} >= bool 3 and ${met} >= bool 3`, [1]);
    await says("min(weft_raft_wal_fsync_seconds_count) > bool 0", [1]);
    // Each panel of the dashboard shows something; what strangers send and a plugin that failed are there to be seen.
    const variables = await Promise.all(
      variableQueries().map(async ({ name, metric, label }) => {
        const { data } = JSON.parse(await get(`label/${label}/values`, "match[]", metric)) as LabelAnswer;
        return [name, data];
      }),
    );
    assert.deepEqual(Object.fromEntries(variables), { job: ["weft"], instance: JSON.parse(targets) });
    for (const { title, expr } of dashboardQueries(RATE_INTERVAL)) {
      await eventually(`${title}: ${expr}`, async () => {
        if (/\bdrop/i.test(title)) await a.host.mustExec(["bash", "-c", STRANGE, b.host.ipv4]);
        return (await ask(expr)).length > 0;
      }, SCRAPED_MS);
    }
    prometheus.signal("SIGTERM");
    await prometheus.ended(10_000);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  // Who is not of the mesh reads metrics, and no keys.
  const url = `http://${b.host.ipv4}:8080`;
  const refused = await a.host.exec(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", `${url}/v1/node-metrics`]);
  assert.equal(refused.stdout, "403");
  const { ipv4 } = await b.addresses();
  const inside = await a.host.mustExec(["curl", "-sf", `http://${ipv4}:8080/v1/node-metrics`]);
  const { code, stdout } = await b.weft("status", "--metrics", "--json");
  assert.equal(code, 0);
  const [served, said] = [JSON.parse(inside), JSON.parse(stdout)];
  assert.deepEqual([served.publicKey, served.peers.length], [said.publicKey, 2]);
  assert.deepEqual(Object.keys(served), Object.keys(said));
});
